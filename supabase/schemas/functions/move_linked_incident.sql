-- Part of ingest_events(): from an event to the incident that somebody made of it.
create function pagerduty_private.move_linked_incident(
  received pagerduty.events, integration pagerduty.integrations, echoes boolean
) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  linked pagerduty.incidents;
  told constant pagerduty.incident_status := pagerduty_private.status_from_pagerduty(received.pagerduty_status);
  -- A time in the future counts as the time of arrival, as none at all does.
  told_at constant timestamptz := least(received.occurred_at, received.received_at);
  is_news boolean;
  moves boolean;
  changes boolean;
begin
  select * into linked
  from pagerduty.incidents i
  where i.organization_id = received.organization_id
    and i.pagerduty_incident_id = received.pagerduty_incident_id
  for update;
  if linked.id is null then
    return null;
  end if;
  is_news := pagerduty_private.is_news(received.pagerduty_status, told_at, linked.pagerduty_status, linked.pagerduty_status_at);
  moves := is_news
    and integration.sync_status in ('both', 'from_pagerduty')
    -- What PagerDuty says to what it was told is no news, unless it has something else to hear yet: then that stands.
    and (not echoes or not pagerduty_private.is_telling_another(linked, received.pagerduty_status))
    and received.pagerduty_status is distinct from linked.pagerduty_status
    and told_at > coalesce(linked.member_status_at, '-infinity');
  if is_news then
    update pagerduty.incidents i
    set
      pagerduty_status = received.pagerduty_status,
      pagerduty_status_at = told_at,
      -- One that was made here and then paged begins without.
      notification_id = coalesce(i.notification_id, received.notification_id),
      status = case when moves then told else i.status end,
      pagerduty_event_id = case when moves then received.id else i.pagerduty_event_id end
    where i.id = linked.id;
  end if;
  changes := moves and told <> linked.status;
  if changes and not echoes then
    perform pagerduty_private.overtake_outbox(linked, received.pagerduty_status);
  end if;
  -- What was done here is on the timeline already.
  if (echoes and not changes)
    or (received.is_repeat and not changes)
    or (received.event_type = 'incident.annotated' and integration.sync_notes not in ('both', 'from_pagerduty'))
  then
    return linked.id;
  end if;
  insert into pagerduty.incident_updates (
    incident_id, organization_id, kind, body, status_from, status_to, author_id, event_id
  )
  values (
    linked.id, received.organization_id, 'pagerduty', coalesce(received.headline, received.event_type),
    case when changes then linked.status end,
    case when changes then told end,
    null, received.id
  );
  return linked.id;
end
$$;
comment on function pagerduty_private.move_linked_incident(pagerduty.events, pagerduty.integrations, boolean) is 'Writes an event on the timeline of the incident that is linked to its PagerDuty incident. Moves the status of that one if the event is a transition (it tells another status than PagerDuty told last, and no older one) and later than the member''s own last change, and the organization takes the status from PagerDuty. An echo of what PagerDuty was told from here is no news.';
revoke all on function pagerduty_private.move_linked_incident(pagerduty.events, pagerduty.integrations, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.move_linked_incident(pagerduty.events, pagerduty.integrations, boolean) to service_role;
