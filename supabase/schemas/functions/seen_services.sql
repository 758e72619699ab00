-- Part of get_integration(): what a filter can be chosen from.
create function pagerduty_private.seen_services(organization_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
-- Planned for the organization at hand: one may have a million times the events of another.
set plan_cache_mode = force_custom_plan
as $$
begin
  return (
    select coalesce(jsonb_agg(
      jsonb_build_object('id', seen.service_id, 'name', seen.service_name)
      order by lower(coalesce(seen.service_name, seen.service_id)), seen.service_id
    ), '[]')
    from (
      select distinct on (coalesce(recent.service_id, recent.service_name)) recent.service_id, recent.service_name
      from (
        select e.service_id, e.service_name, e.received_at
        from pagerduty.events e
        where e.organization_id = seen_services.organization_id
          and seen_services.organization_id in (select pagerduty_private.my_organizations('admin'))
        order by e.received_at desc
        limit 1000
      ) recent
      where coalesce(recent.service_id, recent.service_name) is not null
      order by coalesce(recent.service_id, recent.service_name), recent.service_name is null, recent.received_at desc
    ) seen
  );
end
$$;
comment on function pagerduty_private.seen_services(uuid) is 'The services of an organization''s last thousand events, by name: {"id", "name"}, for owners and admins to choose from.';
revoke all on function pagerduty_private.seen_services(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.seen_services(uuid) to authenticated;
