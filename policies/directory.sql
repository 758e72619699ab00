-- Members choose from it. The worker writes it.
alter table pagerduty.directory enable row level security;

revoke all on pagerduty.directory from public, anon, authenticated, service_role;
grant select on pagerduty.directory to authenticated;
grant select, insert, delete on pagerduty.directory to service_role;

create policy "members read" on pagerduty.directory
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));
