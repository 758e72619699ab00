-- Receiving webhooks. The service calls this with its secret key; nobody else may.
create function pagerduty_private.told_before(organization uuid, event jsonb) returns text
language sql
stable
set search_path = ''
as $$
  select e.family
  from pagerduty.events e
  where e.organization_id = organization
    and e.pagerduty_incident_id = event #>> '{incident,id}'
    and e.notification_id is not null
    and e.event_type = event ->> 'event_type'
    -- V2 and the log tell whole seconds.
    and e.occurred_at between (event ->> 'occurred_at')::timestamptz - interval '2 seconds'
      and (event ->> 'occurred_at')::timestamptz + interval '2 seconds'
    -- Two notes may be written within a second; the log may have more of one.
    and (
      event ->> 'told_status' is not null
      or (event ->> 'loud')::boolean
      or e.headline = event ->> 'headline'
      or e.family = 'log'
    )
  order by e.family = 'log'
  limit 1
$$;
comment on function pagerduty_private.told_before(uuid, jsonb) is 'The family of another event that told of this happening before, null if none did: two feeds of one service are on (a V2 extension beside a V3 subscription, or two subscriptions), each with ids of its own; or it was taken from PagerDuty''s log (log), and the webhook comes late.';
revoke all on function pagerduty_private.told_before(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.told_before(uuid, jsonb) to service_role;

create function pagerduty_private.take_echo(organization uuid, event jsonb) returns boolean
language plpgsql
set search_path = ''
as $$
begin
  -- By what stands there, and not by a mark in the text: it may come before the answer to our own request.
  update pagerduty.outbox o
  set echoed_at = clock_timestamp()
  where o.id = (
    select told.id
    from pagerduty.outbox told
    join pagerduty.incidents i on i.id = told.incident_id and i.organization_id = told.organization_id
    where told.organization_id = organization
      and i.pagerduty_incident_id = event #>> '{incident,id}'
      and told.attempted_at is not null
      and told.echoed_at is null
      -- Only what was sent, or may have been: PagerDuty says nothing to what it was not told.
      and case told.state
        when 'sent' then told.acted_as is not null or told.attempts > 1
        else told.state = 'waiting'
      end
      -- What happens there later is somebody else's. Clocks differ.
      and (event ->> 'occurred_at')::timestamptz between told.attempted_at - interval '1 minute'
        and coalesce(told.sent_at, 'infinity') + interval '1 minute'
      and case told.thing
        when 'status' then told.wanted = event ->> 'told_status'
        when 'incident' then event ->> 'event_type' = 'incident.triggered'
        when 'note' then event ->> 'event_type' = 'incident.annotated'
          and case event #>> '{payload,data,trimmed}'
            when 'true' then starts_with(told.wanted, nullif(event #>> '{payload,data,content}', ''))
            else told.wanted = event #>> '{payload,data,content}'
          end
      end
    order by told.attempted_at
    limit 1
  );
  if found then
    return true;
  end if;
  -- Or to what was told before that was changed again.
  update pagerduty.outbox o
  set expected = o.expected - said.place
  from (
    select told.id, (e.place - 1)::integer as place
    from pagerduty.outbox told
    join pagerduty.incidents i on i.id = told.incident_id and i.organization_id = told.organization_id
    cross join jsonb_array_elements(told.expected) with ordinality as e (echo, place)
    where told.organization_id = organization
      and i.pagerduty_incident_id = event #>> '{incident,id}'
      and told.expected <> '[]'
      and e.echo ->> 'wanted' = event ->> 'told_status'
      and (event ->> 'occurred_at')::timestamptz between (e.echo ->> 'attempted_at')::timestamptz - interval '1 minute'
        and (e.echo ->> 'attempted_at')::timestamptz + interval '10 minutes'
    order by e.place desc
    limit 1
  ) said
  where o.id = said.id;
  return found;
end
$$;
comment on function pagerduty_private.take_echo(uuid, jsonb) is 'Whether an event is what PagerDuty says to what it was told from here; each is said once.';
revoke all on function pagerduty_private.take_echo(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.take_echo(uuid, jsonb) to service_role;

create function pagerduty_private.ingest_event(integration pagerduty.integrations, event jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  arrived constant timestamptz := clock_timestamp();
  invalid constant text := event ->> 'invalid';
  ignored constant text := coalesce(invalid, pagerduty_private.reason_to_ignore(integration, event));
  service jsonb;
  reason text := ignored;
  first_told text;
  repeats boolean := false;
  echoes boolean := false;
  kept jsonb;
  received pagerduty.events;
  incident uuid;
begin
  update pagerduty.events e
  set deliveries = e.deliveries + 1
  where e.integration_id = integration.id
    and e.event_id = event ->> 'event_id'
  returning * into received;
  if found then
    return jsonb_build_object('event_id', received.event_id, 'outcome', 'duplicate', 'notification_id', received.notification_id);
  end if;
  service := pagerduty_private.service_of_event(integration.organization_id, event);
  -- Filters decide who is told, never what is known.
  if ignored is null then
    reason := pagerduty_private.reason_to_tell_nobody(integration, event, service);
    -- The log has each happening once, and was compared with what is known.
    if not event ? 'log_entry_id' then
      first_told := pagerduty_private.told_before(integration.organization_id, event);
    end if;
    repeats := first_told is not null;
    if first_told = 'log' then
      reason := coalesce(reason, 'healed_before');
    end if;
    -- In the order in which a member's change locks: the incident, then what PagerDuty is told of it.
    perform
    from pagerduty.incidents i
    where i.organization_id = integration.organization_id
      and i.pagerduty_incident_id = event #>> '{incident,id}'
    for update;
    perform pagerduty_private.link_by_key(integration.organization_id, event);
    echoes := not repeats and pagerduty_private.take_echo(integration.organization_id, event);
    kept := pagerduty_private.keep_notification(
      integration.organization_id, event, arrived, repeats or echoes, reason is null
    );
    if (event ->> 'names_service')::boolean and event #>> '{service,id}' is not null and event #>> '{service,name}' is not null then
      perform pagerduty_private.name_service(
        integration.organization_id, event -> 'service', least((event ->> 'occurred_at')::timestamptz, arrived), arrived
      );
    end if;
  end if;
  insert into pagerduty.events (
    organization_id, integration_id, event_id, notification_id, delivery_id, family, event_type,
    pagerduty_incident_id, pagerduty_status, service_id, service_name,
    summary, headline, agent_name, is_loud, is_repeat,
    occurred_at, received_at, outcome, reason, log_entry_id, payload
  )
  values (
    integration.organization_id, integration.id, coalesce(event ->> 'event_id', 'invalid:' || gen_random_uuid()),
    (kept ->> 'id')::uuid, event ->> 'delivery_id', coalesce(event ->> 'family', 'unknown'), coalesce(event ->> 'event_type', 'unknown'),
    event #>> '{incident,id}', case when ignored is null then event ->> 'told_status' end, service ->> 'id', service ->> 'name',
    coalesce(event #>> '{notification,title}', event #>> '{incident,title}'), event ->> 'headline', event ->> 'agent_name',
    coalesce((kept ->> 'loud')::boolean, false), repeats,
    (event ->> 'occurred_at')::timestamptz, arrived,
    coalesce(case when invalid is not null then 'invalid' end, kept ->> 'outcome', 'ignored'), left(reason, 500), event ->> 'log_entry_id', event -> 'payload'
  )
  returning * into received;
  if ignored is null and received.pagerduty_incident_id is not null then
    incident := pagerduty_private.move_linked_incident(received, integration, echoes);
  end if;
  perform pagerduty_private.tell_organization(f.organization_id, 'notification', to_jsonb(f) || jsonb_build_object('loud', received.is_loud))
  from pagerduty.notification_feed f
  where f.id = received.notification_id;
  return jsonb_strip_nulls(jsonb_build_object(
    'event_id', event ->> 'event_id', 'outcome', received.outcome, 'reason', reason,
    'notification_id', received.notification_id, 'incident_id', incident
  ));
end
$$;
comment on function pagerduty_private.ingest_event(pagerduty.integrations, jsonb) is 'Records one event and does what follows from it; answers its outcome.';
revoke all on function pagerduty_private.ingest_event(pagerduty.integrations, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.ingest_event(pagerduty.integrations, jsonb) to service_role;

create function pagerduty_private.ingest_events(integration pagerduty.integrations, events jsonb, is_careful boolean) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  event jsonb;
  outcomes jsonb := '[]';
begin
  for event in select value from jsonb_array_elements(events) loop
    if not is_careful then
      outcomes := outcomes || pagerduty_private.ingest_event(integration, event);
      continue;
    end if;
    begin
      outcomes := outcomes || pagerduty_private.ingest_event(integration, event);
    exception when data_exception or integrity_constraint_violation then
      -- No retry can cure what the database will not store: it must not stop the events behind it for 48 hours.
      outcomes := outcomes || pagerduty_private.ingest_event(integration, jsonb_build_object(
        'event_id', coalesce(nullif(left(event ->> 'event_id', 300), ''), 'invalid:' || gen_random_uuid()),
        'invalid', left(sqlerrm, 300), 'payload', event -> 'payload', 'log_entry_id', event -> 'log_entry_id'
      ));
    end;
  end loop;
  return outcomes;
end
$$;
comment on function pagerduty_private.ingest_events(pagerduty.integrations, jsonb, boolean) is 'Takes the events of one webhook; answers their outcomes. Careful: an event that the database will not store is recorded as invalid, else it is an error.';
revoke all on function pagerduty_private.ingest_events(pagerduty.integrations, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.ingest_events(pagerduty.integrations, jsonb, boolean) to service_role;

create function pagerduty_private.ingest_webhook(integration_id uuid, webhook jsonb, count_recipients boolean) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  integration pagerduty.integrations;
  outcomes jsonb;
  problem text;
begin
  -- The lock lets one webhook of an integration through at a time: two deliveries of one event cannot race.
  select * into integration
  from pagerduty.integrations i
  where i.id = integration_id
  for no key update;
  if integration.id is null then
    return jsonb_build_object('status', 'unknown');
  end if;
  if integration.settings_version <> (webhook ->> 'settings_version')::bigint then
    return jsonb_build_object('status', 'stale');
  end if;
  begin
    outcomes := pagerduty_private.ingest_events(integration, webhook -> 'events', false);
  exception when data_exception or integrity_constraint_violation then
    outcomes := pagerduty_private.ingest_events(integration, webhook -> 'events', true);
  end;
  select outcome ->> 'reason' into problem
  from jsonb_array_elements(outcomes) as outcome
  where outcome ->> 'outcome' = 'invalid'
  limit 1;
  update pagerduty.integrations i
  set
    last_event_at = now(),
    last_error = left(problem, 500),
    last_error_at = case when problem is not null then now() end,
    subscription_proven_at = case
      when i.subscription_id = webhook ->> 'subscription_id' then now()
      else i.subscription_proven_at
    end
  where i.id = integration.id;
  return jsonb_build_object(
    'status', 'done', 'organization_id', integration.organization_id, 'outcomes', outcomes,
    'recipients', case when count_recipients then (
      select count(*) from pagerduty.memberships m where m.organization_id = integration.organization_id
    ) end
  );
end
$$;
comment on function pagerduty_private.ingest_webhook(uuid, jsonb, boolean) is 'Takes one webhook: dedupe, filters, notification, linked incident, broadcast, health.';
revoke all on function pagerduty_private.ingest_webhook(uuid, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.ingest_webhook(uuid, jsonb, boolean) to service_role;

create function pagerduty.ingest_webhooks(webhooks jsonb, count_recipients boolean default false) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  is_alone constant boolean := jsonb_array_length(webhooks) = 1;
  waiting record;
  answer jsonb;
  answers jsonb := '{}';
begin
  if not is_alone then
    -- Who waits for a lock keeps the others waiting: it is to come again, alone.
    perform set_config('lock_timeout', '250ms', true);
  end if;
  -- One order of locks: calls at the same moment wait for each other, but never in a circle.
  for waiting in
    select ordinality as place, value as webhook, pagerduty_private.integration_of_token(value ->> 'token') as integration_id
    from jsonb_array_elements(webhooks) with ordinality
    order by integration_id, place
  loop
    begin
      answer := pagerduty_private.ingest_webhook(waiting.integration_id, waiting.webhook, count_recipients);
    exception when others then
      if is_alone then
        raise;
      end if;
      answer := jsonb_build_object('status', 'failed', 'code', sqlstate);
    end;
    answers := answers || jsonb_build_object(waiting.place, answer);
  end loop;
  return (
    select coalesce(jsonb_agg(value order by key::integer), '[]')
    from jsonb_each(answers)
  );
end
$$;
comment on function pagerduty.ingest_webhooks(jsonb, boolean) is
  'Takes webhooks that wait at the same moment, in one transaction; each is {"token", "settings_version", "events", "subscription_id"} (the last one is PagerDuty''s, or null). Answers for each, in their order: status done with an outcome for each event; unknown (no such token) or stale (the settings that the service verified with have changed: read them again), without any effect; failed with an SQLSTATE, without any effect, where several are taken and one met an error: it is to be tried alone.';
revoke all on function pagerduty.ingest_webhooks(jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty.ingest_webhooks(jsonb, boolean) to service_role;
