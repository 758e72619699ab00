-- For the connection test. Runs as the calling member, who gets nothing that they could open.
create function pagerduty_private.sealed_api_key(organization_id uuid) returns text
language sql
stable
security definer
set search_path = ''
as $$
  select c.api_key
  from pagerduty.credentials c
  where c.organization_id = sealed_api_key.organization_id
    and c.organization_id in (select pagerduty_private.my_organizations('admin'))
$$;
comment on function pagerduty_private.sealed_api_key(uuid) is 'The sealed API key, for owners and admins: of no use without the service''s own key, which no database holds.';
revoke all on function pagerduty_private.sealed_api_key(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.sealed_api_key(uuid) to authenticated;

create function pagerduty.get_sealed_api_key(organization_id uuid) returns text
language sql
stable
set search_path = ''
as $$ select pagerduty_private.sealed_api_key(organization_id) $$;
comment on function pagerduty.get_sealed_api_key(uuid) is 'Lets the service test the saved API key in an admin''s request without a role that sees more than the admin.';
revoke all on function pagerduty.get_sealed_api_key(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_sealed_api_key(uuid) to authenticated;
