-- Owners and admins read it, and nobody writes it: the trigger audit_change does.
alter table pagerduty.audit enable row level security;

revoke all on pagerduty.audit from public, anon, authenticated, service_role;
grant select on pagerduty.audit to authenticated;

create policy "admins read" on pagerduty.audit
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('admin')));
