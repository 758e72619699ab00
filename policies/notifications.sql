-- Members see what is addressed to all, or to them. Only the ingest function writes.
alter table public.notifications enable row level security;

revoke all on public.notifications from public, anon, authenticated, service_role;
grant select on public.notifications to authenticated;
grant select, insert on public.notifications to service_role;

drop policy if exists "addressees read" on public.notifications;
create policy "addressees read" on public.notifications
  for select to authenticated
  using (
    organization_id in (select private.my_organizations())
    and (recipients is null or (select auth.uid()) = any (recipients))
  );

revoke all on public.notification_feed from public, anon, authenticated, service_role;
grant select on public.notification_feed to authenticated, service_role;
