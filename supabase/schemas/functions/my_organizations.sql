-- What every policy asks: all that they know about tenancy.
create function pagerduty_private.my_organizations(minimum pagerduty.membership_role default 'viewer') returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select m.organization_id
  from pagerduty.memberships m
  where m.user_id = (select auth.uid())
    and m.role >= minimum
$$;
comment on function pagerduty_private.my_organizations(pagerduty.membership_role) is
  'The organizations in which the calling user has at least this role. Policies use it as "in (select …)", which runs once a statement.';
revoke all on function pagerduty_private.my_organizations(pagerduty.membership_role) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.my_organizations(pagerduty.membership_role) to authenticated;
