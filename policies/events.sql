-- The audit trail: owners and admins read it, the ingest function writes it.
alter table pagerduty.events enable row level security;

revoke all on pagerduty.events from public, anon, authenticated, service_role;
grant select on pagerduty.events to authenticated;
grant select, insert, update (deliveries, log_entry_id) on pagerduty.events to service_role;

create policy "admins read" on pagerduty.events
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('admin')));
