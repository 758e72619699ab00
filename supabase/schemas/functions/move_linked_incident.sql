-- Part of ingest_events(): from an event to the incident that somebody made of it.
create function pagerduty_private.move_linked_incident(organization uuid, event_row uuid, event jsonb) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  linked pagerduty.incidents;
  told constant pagerduty.incident_status := pagerduty_private.status_from_pagerduty(event #>> '{incident,status}');
  -- Not now(): the transaction began before it waited for its turn.
  told_at constant timestamptz := coalesce((event ->> 'occurred_at')::timestamptz, clock_timestamp());
  moves boolean;
begin
  perform pagerduty_private.lock_pagerduty_incident(organization, event #>> '{incident,id}');
  select * into linked
  from pagerduty.incidents i
  where i.organization_id = organization
    and i.pagerduty_incident_id = event #>> '{incident,id}'
  for update;
  if linked.id is null then
    return null;
  end if;
  -- An older event never overwrites a newer state.
  moves := told is not null and told_at >= coalesce(linked.pagerduty_status_at, '-infinity');
  if moves then
    update pagerduty.incidents i
    set status = told, pagerduty_status_at = told_at, pagerduty_event_id = event_row
    where i.id = linked.id;
  end if;
  insert into pagerduty.incident_updates (
    incident_id, organization_id, kind, body, status_from, status_to, author_id, event_id
  )
  values (
    linked.id, organization, 'pagerduty', coalesce(event ->> 'timeline', event ->> 'event_type'),
    case when moves and told <> linked.status then linked.status end,
    case when moves and told <> linked.status then told end,
    null, event_row
  );
  return linked.id;
end
$$;
comment on function pagerduty_private.move_linked_incident(uuid, uuid, jsonb) is 'Writes an event on the timeline of the incident that is linked to its PagerDuty incident, and moves its status if the event is news.';
revoke all on function pagerduty_private.move_linked_incident(uuid, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.move_linked_incident(uuid, uuid, jsonb) to service_role;
