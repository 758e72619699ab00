-- Owners and admins read, make and withdraw them, for roles that they may give (as in memberships); so does nobody else.
-- Whoever has the invited address, verified, reads it too. accept_invitation() is what lets them in.
alter table pagerduty.invitations enable row level security;

revoke all on pagerduty.invitations from public, anon, authenticated, service_role;
grant select on pagerduty.invitations to authenticated;
grant insert (organization_id, email, role, expires_at) on pagerduty.invitations to authenticated;
grant update (role, expires_at, revoked_at) on pagerduty.invitations to authenticated;

create policy "admins and the invited read" on pagerduty.invitations
  for select to authenticated
  using (
    organization_id in (select pagerduty_private.my_organizations('admin'))
    or email = (select pagerduty_private.my_verified_email())
  );

create policy "admins invite" on pagerduty.invitations
  for insert to authenticated
  with check (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );

create policy "admins change open ones" on pagerduty.invitations
  for update to authenticated
  using (
    is_open
    and (
      organization_id in (select pagerduty_private.my_organizations('owner'))
      or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
    )
  )
  with check (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );
