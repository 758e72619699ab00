-- Members see their organizations; owners and admins rename them. Who makes one is the host application's business,
-- or, while the grant on create_organization() stands, anybody's.
alter table pagerduty.organizations enable row level security;

revoke all on pagerduty.organizations from public, anon, authenticated, service_role;
grant select, update (name) on pagerduty.organizations to authenticated;
grant select, insert, update, delete on pagerduty.organizations to service_role;

create policy "members read" on pagerduty.organizations
  for select to authenticated
  using (id in (select pagerduty_private.my_organizations()));

create policy "admins rename" on pagerduty.organizations
  for update to authenticated
  using (id in (select pagerduty_private.my_organizations('admin')))
  with check (id in (select pagerduty_private.my_organizations('admin')));
