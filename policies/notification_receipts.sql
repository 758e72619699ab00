-- A user's own receipts, for notifications that they may see.
alter table public.notification_receipts enable row level security;

revoke all on public.notification_receipts from public, anon, authenticated, service_role;
grant select on public.notification_receipts to authenticated;
grant insert (notification_id) on public.notification_receipts to authenticated;
grant select on public.notification_receipts to service_role;

drop policy if exists "users read their own" on public.notification_receipts;
create policy "users read their own" on public.notification_receipts
  for select to authenticated
  using (user_id = (select auth.uid()));

drop policy if exists "users read what they may see" on public.notification_receipts;
create policy "users read what they may see" on public.notification_receipts
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and exists (select from public.notifications n where n.id = notification_id)
  );
