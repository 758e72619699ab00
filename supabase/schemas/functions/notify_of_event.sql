-- Part of ingest_events(): from an event to what the bell shows.
create function pagerduty_private.complete_notification(organization uuid, event jsonb) returns jsonb
language sql
stable
set search_path = ''
as $$
  select (event -> 'notification') || jsonb_build_object(
    'title', case
      when event #>> '{incident,title}' is null then known.title
      else event #>> '{notification,title}'
    end,
    'urgency', known.urgency,
    'service_name', coalesce(event #>> '{incident,service_name}', known.service_name),
    'prefill', known.prefill || case
      when event #>> '{incident,title}' is null then '{}'
      else jsonb_build_object('title', event #> '{notification,prefill,title}')
    end || case
      when event #>> '{incident,service_name}' is null then '{}'
      else jsonb_build_object('customer', event #> '{notification,prefill,customer}')
    end
  )
  from pagerduty.notifications known
  where known.organization_id = organization
    and known.pagerduty_incident_id = event #>> '{incident,id}'
    and known.pagerduty_status is not null
  order by least(known.occurred_at, known.created_at) desc, known.created_at desc
  limit 1
$$;
comment on function pagerduty_private.complete_notification(uuid, jsonb) is 'The notification of an event that only refers to its incident (a note, a task, a responder), completed with what an earlier event told of the incident, where it does not say that itself; null if none did.';
revoke all on function pagerduty_private.complete_notification(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.complete_notification(uuid, jsonb) to service_role;

create function pagerduty_private.notify_of_event(integration pagerduty.integrations, event_row uuid, event jsonb) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  made pagerduty.notifications;
  incident constant jsonb := event -> 'incident';
  notification constant jsonb := coalesce(
    case
      when incident ->> 'id' is not null and incident ->> 'status' is null
      then pagerduty_private.complete_notification(integration.organization_id, event)
    end,
    (event -> 'notification') || jsonb_build_object('service_name', incident ->> 'service_name')
  );
begin
  insert into pagerduty.notifications (
    organization_id, event_id, event_type, title, body, urgency, service_name,
    pagerduty_incident_id, pagerduty_status, pagerduty_url, prefill, recipients, occurred_at
  )
  values (
    integration.organization_id, event_row, event ->> 'event_type',
    notification ->> 'title', notification ->> 'body', notification ->> 'urgency', notification ->> 'service_name',
    incident ->> 'id', incident ->> 'status', notification ->> 'url', nullif(notification -> 'prefill', 'null'),
    null, -- every member: nothing narrows the audience of an organization yet
    (event ->> 'occurred_at')::timestamptz
  )
  returning * into made;
  perform pagerduty_private.tell_organization(made.organization_id, 'notification', to_jsonb(f))
  from pagerduty.notification_feed f
  where f.id = made.id;
  return made.id;
end
$$;
comment on function pagerduty_private.notify_of_event(pagerduty.integrations, uuid, jsonb) is 'Makes the notification of a taken event and pushes it, as a row of the feed, to those it is addressed to.';
revoke all on function pagerduty_private.notify_of_event(pagerduty.integrations, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.notify_of_event(pagerduty.integrations, uuid, jsonb) to service_role;
