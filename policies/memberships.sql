-- Members see each other. Admins change and remove members below owner; only owners touch owners. Everybody may leave
-- (the trigger keep_an_owner holds the last owner back). Only the service role adds, and an invitation that its
-- addressee accepts: whoever could insert a row here could put any user whose id they know into their organization,
-- unasked.
alter table pagerduty.memberships enable row level security;

revoke all on pagerduty.memberships from public, anon, authenticated, service_role;
grant select, delete on pagerduty.memberships to authenticated;
grant update (role, display_name, pagerduty_user_id) on pagerduty.memberships to authenticated;
grant select, insert, update, delete on pagerduty.memberships to service_role;

create policy "members read" on pagerduty.memberships
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

create policy "admins change" on pagerduty.memberships
  for update to authenticated
  using (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  )
  with check (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );

create policy "admins remove, members leave" on pagerduty.memberships
  for delete to authenticated
  using (
    user_id = (select auth.uid())
    or organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );
