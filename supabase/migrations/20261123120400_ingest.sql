-- Receiving webhooks. The service calls these with its secret key; nobody else may.

create function pagerduty.get_webhook(token text default null) returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'organization_id', i.organization_id,
    'enabled', i.enabled,
    'settings_version', i.settings_version,
    'signing_secrets', to_jsonb(array_remove(array[
      c.signing_secret,
      case when c.previous_signing_secret_expires_at > now() then c.previous_signing_secret end
    ], null))
  )
  from pagerduty.integrations i
  left join pagerduty.credentials c on c.organization_id = i.organization_id
  where i.webhook_token = token or (token is null and i.accept_bare_url)
$$;
comment on function pagerduty.get_webhook(text) is 'What the service must know to verify a webhook: for a token, or without one for the integration that accepts the bare URL. Null: unknown.';
revoke all on function pagerduty.get_webhook(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_webhook(text) to service_role;

create function pagerduty.report_problem(token text, problem text) returns void
language sql
volatile
set search_path = ''
as $$
  update pagerduty.integrations i
  set last_error = left(problem, 500), last_error_at = now()
  where i.webhook_token = token or (token is null and i.accept_bare_url)
$$;
comment on function pagerduty.report_problem(text, text) is 'Remembers why a webhook was refused, so that an admin can see it in the settings.';
revoke all on function pagerduty.report_problem(text, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.report_problem(text, text) to service_role;

create function pagerduty_private.reason_to_ignore(integration pagerduty.integrations, event jsonb) returns text
language sql
stable
set search_path = ''
as $$
  select case
    when not integration.enabled then 'integration_disabled'
    when event ->> 'event_type' = 'pagey.ping' then 'ping'
    when not (event ->> 'known')::boolean then 'unknown_event_type'
    when event ->> 'event_type' <> all (integration.event_types) then 'event_type_not_taken'
    when not coalesce(event -> 'integration_keys', '[]') ? integration.integration_key
      -- Notes, tasks and the like name no service: they go with the incident that they are about.
      and (event -> 'integration_keys' <> '[]' or not exists (
        select from pagerduty.notifications n
        where n.organization_id = integration.organization_id
          and n.pagerduty_incident_id = event #>> '{incident,id}'
      ))
      then 'integration_key_mismatch'
    when jsonb_typeof(event -> 'notification') is distinct from 'object' then 'nothing_to_show'
  end
$$;
comment on function pagerduty_private.reason_to_ignore(pagerduty.integrations, jsonb) is 'Why an integration does not take an event; null if it does. A null setting filters nothing.';
revoke all on function pagerduty_private.reason_to_ignore(pagerduty.integrations, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.reason_to_ignore(pagerduty.integrations, jsonb) to service_role;

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
    'service_name', known.service_name,
    'prefill', known.prefill || case
      when event #>> '{incident,title}' is null then '{}'
      else jsonb_build_object('title', event #> '{notification,prefill,title}')
    end
  )
  from pagerduty.notifications known
  where known.organization_id = organization
    and known.pagerduty_incident_id = event #>> '{incident,id}'
    and known.pagerduty_status is not null
  order by coalesce(known.occurred_at, known.created_at) desc, known.created_at desc
  limit 1
$$;
comment on function pagerduty_private.complete_notification(uuid, jsonb) is 'The notification of an event that only refers to its incident (a note, a task, a responder), completed with what an earlier event told of the incident; null if none did.';
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
  perform realtime.send(to_jsonb(f), 'notification', 'pagerduty:org:' || made.organization_id, true)
  from pagerduty.notification_feed f
  where f.id = made.id;
  return made.id;
end
$$;
comment on function pagerduty_private.notify_of_event(pagerduty.integrations, uuid, jsonb) is 'Makes the notification of a taken event and pushes it, as a row of the feed, to those it is addressed to.';
revoke all on function pagerduty_private.notify_of_event(pagerduty.integrations, uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.notify_of_event(pagerduty.integrations, uuid, jsonb) to service_role;

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

create function pagerduty_private.ingest_event(integration pagerduty.integrations, event jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  invalid constant text := event ->> 'invalid';
  reason constant text := coalesce(invalid, pagerduty_private.reason_to_ignore(integration, event));
  outcome constant text := case
    when invalid is not null then 'invalid'
    when reason is not null then 'ignored'
    else 'created'
  end;
  event_row uuid;
  notification uuid;
  incident uuid;
begin
  insert into pagerduty.events (
    organization_id, integration_id, event_id, delivery_id, family, event_type,
    pagerduty_incident_id, summary, occurred_at, outcome, reason, payload
  )
  values (
    integration.organization_id, integration.id, coalesce(event ->> 'event_id', 'invalid:' || gen_random_uuid()), event ->> 'delivery_id',
    coalesce(event ->> 'family', 'unknown'), coalesce(event ->> 'event_type', 'unknown'),
    event #>> '{incident,id}', coalesce(event #>> '{notification,title}', event #>> '{incident,title}'),
    (event ->> 'occurred_at')::timestamptz, outcome, left(reason, 500), event -> 'payload'
  )
  on conflict (integration_id, event_id) do nothing
  returning id into event_row;
  if event_row is null then
    update pagerduty.events e
    set deliveries = e.deliveries + 1
    where e.integration_id = integration.id
      and e.event_id = event ->> 'event_id'
    returning e.id into event_row;
    select n.id into notification from pagerduty.notifications n where n.event_id = event_row;
    return jsonb_build_object('event_id', event ->> 'event_id', 'outcome', 'duplicate', 'notification_id', notification);
  end if;
  if outcome = 'created' then
    notification := pagerduty_private.notify_of_event(integration, event_row, event);
    if event #>> '{incident,id}' is not null then
      incident := pagerduty_private.move_linked_incident(integration.organization_id, event_row, event);
    end if;
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
  where i.webhook_token = token or (token is null and i.accept_bare_url)
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
