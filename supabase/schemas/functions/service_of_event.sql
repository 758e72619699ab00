-- Part of ingest_events(): what the filter by service goes by.
create function pagerduty_private.service_of_event(organization uuid, event jsonb) returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when (told.id is null and told.name is null)
      or (told.name is null and told.id = known.service_id)
      or (told.id is null and told.name = known.service_name)
      then jsonb_build_object('id', known.service_id, 'name', known.service_name)
    else jsonb_build_object('id', told.id, 'name', told.name)
  end
  from (select event #>> '{service,id}' as id, event #>> '{service,name}' as name) told
  left join lateral (
    select e.service_id, e.service_name
    from pagerduty.events e
    where (told.id is null or told.name is null)
      and e.organization_id = organization
      and e.pagerduty_incident_id = event #>> '{incident,id}'
      and (e.service_id is not null or e.service_name is not null)
    order by least(e.occurred_at, e.received_at) desc, e.received_at desc
    limit 1
  ) known on true
$$;
comment on function pagerduty_private.service_of_event(uuid, jsonb) is 'The service, {"id", "name"}, that an event belongs to: the one that it names, completed with what is remembered of it; where it names none, as notes and tasks do not, the one that is remembered of its incident.';
revoke all on function pagerduty_private.service_of_event(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.service_of_event(uuid, jsonb) to service_role;
