-- Receiving webhooks. The service calls this with its secret key; nobody else may.
create function pagerduty_private.ingest_event(integration pagerduty.integrations, event jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  invalid constant text := event ->> 'invalid';
  service constant jsonb := pagerduty_private.service_of_event(integration.organization_id, event);
  ignored constant text := coalesce(invalid, pagerduty_private.reason_to_ignore(integration, event));
  reason constant text := coalesce(ignored, pagerduty_private.reason_to_tell_nobody(integration, event, service));
  outcome constant text := case
    when invalid is not null then 'invalid'
    when reason is not null then 'ignored'
    else 'created'
  end;
  received pagerduty.events;
  notification uuid;
  incident uuid;
begin
  insert into pagerduty.events (
    organization_id, integration_id, event_id, delivery_id, family, event_type,
    pagerduty_incident_id, pagerduty_status, service_id, service_name, summary, occurred_at, outcome, reason, payload
  )
  values (
    integration.organization_id, integration.id, coalesce(event ->> 'event_id', 'invalid:' || gen_random_uuid()), event ->> 'delivery_id',
    coalesce(event ->> 'family', 'unknown'), coalesce(event ->> 'event_type', 'unknown'),
    event #>> '{incident,id}', case when ignored is null then event ->> 'told_status' end,
    service ->> 'id', service ->> 'name',
    coalesce(event #>> '{notification,title}', event #>> '{incident,title}'),
    (event ->> 'occurred_at')::timestamptz, outcome, left(reason, 500), event -> 'payload'
  )
  on conflict (integration_id, event_id) do nothing
  returning * into received;
  if received.id is null then
    update pagerduty.events e
    set deliveries = e.deliveries + 1
    where e.integration_id = integration.id
      and e.event_id = event ->> 'event_id'
    returning e.id into received.id;
    select n.id into notification from pagerduty.notifications n where n.event_id = received.id;
    return jsonb_build_object('event_id', event ->> 'event_id', 'outcome', 'duplicate', 'notification_id', notification);
  end if;
  if reason is null then
    notification := pagerduty_private.notify_of_event(integration, received.id, event);
  end if;
  -- Filters decide who is told, never what is known.
  if ignored is null and received.pagerduty_incident_id is not null then
    incident := pagerduty_private.move_linked_incident(received, event ->> 'timeline');
  end if;
  return jsonb_strip_nulls(jsonb_build_object(
    'event_id', event ->> 'event_id', 'outcome', outcome, 'reason', reason,
    'notification_id', notification, 'incident_id', incident
  ));
end
$$;
comment on function pagerduty_private.ingest_event(pagerduty.integrations, jsonb) is 'Records one event and does what follows from it; answers its outcome.';
revoke all on function pagerduty_private.ingest_event(pagerduty.integrations, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.ingest_event(pagerduty.integrations, jsonb) to service_role;

create function pagerduty.ingest_events(
  token text, settings_version bigint, events jsonb, count_recipients boolean default false
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  integration pagerduty.integrations;
  event jsonb;
  outcomes jsonb := '[]';
  problem text;
begin
  -- The lock lets one webhook of an organization through at a time: two deliveries of one event cannot race,
  -- and notifications.created_at grows in the order of commits.
  select * into integration
  from pagerduty.integrations i
  where i.id = (select pagerduty_private.integration_of_token(token))
  for no key update;
  if integration.id is null then
    return jsonb_build_object('status', 'unknown');
  end if;
  if integration.settings_version <> ingest_events.settings_version then
    return jsonb_build_object('status', 'stale');
  end if;
  for event in select value from jsonb_array_elements(events) loop
    begin
      outcomes := outcomes || pagerduty_private.ingest_event(integration, event);
    exception when data_exception or integrity_constraint_violation then
      -- No retry can cure what the database will not store: it must not stop the events behind it for 48 hours.
      outcomes := outcomes || pagerduty_private.ingest_event(integration, jsonb_build_object(
        'event_id', coalesce(nullif(left(event ->> 'event_id', 300), ''), 'invalid:' || gen_random_uuid()),
        'invalid', left(sqlerrm, 300), 'payload', event -> 'payload'
      ));
    end;
  end loop;
  select outcome ->> 'reason' into problem
  from jsonb_array_elements(outcomes) as outcome
  where outcome ->> 'outcome' = 'invalid'
  limit 1;
  update pagerduty.integrations i
  set
    last_event_at = now(),
    last_error = left(problem, 500),
    last_error_at = case when problem is not null then now() end
  where i.id = integration.id;
  return jsonb_build_object(
    'status', 'done', 'organization_id', integration.organization_id, 'outcomes', outcomes,
    'recipients', case when count_recipients then (
      select count(*) from pagerduty.memberships m where m.organization_id = integration.organization_id
    ) end
  );
end
$$;
comment on function pagerduty.ingest_events(text, bigint, jsonb, boolean) is
  'Takes the events of one webhook, in one transaction: dedupe, filters, notification, linked incident, broadcast, health. Answers status done with an outcome for each event; unknown (no such token) or stale (the settings that the service verified with have changed: read them again), without any effect.';
revoke all on function pagerduty.ingest_events(text, bigint, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty.ingest_events(text, bigint, jsonb, boolean) to service_role;
