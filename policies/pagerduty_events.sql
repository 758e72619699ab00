-- The audit trail: owners and admins read it, the ingest function writes it.
alter table public.pagerduty_events enable row level security;

revoke all on public.pagerduty_events from public, anon, authenticated, service_role;
grant select on public.pagerduty_events to authenticated;
grant select, insert, update (deliveries) on public.pagerduty_events to service_role;

drop policy if exists "admins read" on public.pagerduty_events;
create policy "admins read" on public.pagerduty_events
  for select to authenticated
  using (organization_id in (select private.my_organizations('admin')));
