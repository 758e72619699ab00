-- Part of ingest_events(): from an event to the row that the bell shows.
create function pagerduty_private.merge_facts(first jsonb, then_ones jsonb, status text) returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    case
      when fact ->> 0 = 'Status' and status is not null then jsonb_build_array('Status', status)
      else fact
    end
    order by ordinal
  ), '[]')
  from (
    select fact, ordinal
    from jsonb_array_elements(first) with ordinality as f (fact, ordinal)
    union all
    select fact, 1000 + ordinal
    from jsonb_array_elements(then_ones) with ordinality as t (fact, ordinal)
    where not exists (
      select from jsonb_array_elements(first) as f (known)
      where known -> 0 = t.fact -> 0
    )
  ) merged
  where fact -> 1 <> 'null'
$$;
comment on function pagerduty_private.merge_facts(jsonb, jsonb, text) is 'The facts, [[label, value], …], of the first list and those of the second that the first says nothing of; a null value says that there is none. The status is the one given.';
revoke all on function pagerduty_private.merge_facts(jsonb, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.merge_facts(jsonb, jsonb, text) to service_role;

create function pagerduty_private.description(title text, written text, facts jsonb) returns text
language sql
immutable
set search_path = ''
as $$
  select left(coalesce(written, title), 20000 - 2 - length(block)) || coalesce(E'\n\n' || nullif(block, ''), '')
  from (
    select left(coalesce(string_agg((fact ->> 0) || ': ' || (fact ->> 1), E'\n' order by ordinal), ''), 10000) as block
    from jsonb_array_elements(facts) with ordinality as f (fact, ordinal)
  ) lines
$$;
comment on function pagerduty_private.description(text, text, jsonb) is 'The description that a form is filled in with: what was written (without anything: the title), a blank line, and a line for each fact.';
revoke all on function pagerduty_private.description(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.description(text, text, jsonb) to service_role;

create function pagerduty_private.merge_prefill(known jsonb, event jsonb, wins boolean, names_service boolean) returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when known is null then prefill
    when wins then known || jsonb_strip_nulls(prefill - unknown)
    when names_service then (prefill - unknown) || known || jsonb_build_object('customer', prefill -> 'customer')
    else (prefill - unknown) || known
  end
  from (
    select
      event #> '{notification,prefill}' as prefill,
      -- What stands there for want of anything better.
      array_remove(array[
        case when event #>> '{incident,title}' is null then 'title' end,
        case when event #>> '{incident,service_name}' is null then 'customer' end
      ], null) || case
        when event #>> '{incident,status}' is null then '{criticality,urgency,status,tags}'::text[]
        else '{}'
      end as unknown
  ) told
$$;
comment on function pagerduty_private.merge_prefill(jsonb, jsonb, boolean, boolean) is 'A prefill (null: none yet) with what an event''s says; where both say something, the event wins or does not; or only the service wins that it names.';
revoke all on function pagerduty_private.merge_prefill(jsonb, jsonb, boolean, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.merge_prefill(jsonb, jsonb, boolean, boolean) to service_role;

create function pagerduty_private.describe(known pagerduty.notifications, event jsonb, told_at timestamptz) returns pagerduty.notifications
language plpgsql
stable
set search_path = ''
as $$
declare
  shown constant jsonb := event -> 'notification';
  -- What a later event settled alone, no description of before unsettles.
  is_bridge_settled constant boolean := coalesce((known.settled_at ->> 'Conference link')::timestamptz > told_at, false);
  told constant jsonb := jsonb_strip_nulls(shown -> 'described') - case when is_bridge_settled then 'conference_url' else '' end;
  facts constant jsonb := pagerduty_private.facts_in_time(shown -> 'facts', known.settled_at, told_at);
  settles jsonb := pagerduty_private.facts_in_time(shown -> 'settles', known.settled_at, told_at);
  -- A reference, as notes and tasks carry, is no description; nor is what is older than the one that is known.
  is_reference constant boolean := event #>> '{incident,id}' is not null and event #>> '{incident,status}' is null;
  wins constant boolean := known.described_at is null or (not is_reference and told_at >= known.described_at);
  -- Yet the service that it names is the event's own.
  names_service constant boolean := is_reference and told_at >= known.described_at and told ? 'service_name';
  described pagerduty.notifications;
begin
  described := jsonb_populate_record(known, case when wins then told else told || jsonb_strip_nulls(to_jsonb(known)) end);
  described.title := coalesce(described.title, shown ->> 'title');
  if names_service then
    described.service_id := told ->> 'service_id';
    described.service_name := told ->> 'service_name';
  end if;
  if wins and not is_reference then
    described.described_at := told_at;
    -- Of these, nothing is a value too.
    described.priority := told ->> 'priority';
    described.assignees := array(select jsonb_array_elements_text(told -> 'assignees'));
  end if;
  if shown -> 'prefill' <> 'null' then
    described.facts := case
      when wins or names_service then pagerduty_private.merge_facts(facts, known.facts, known.pagerduty_status)
      else pagerduty_private.merge_facts(known.facts, facts, known.pagerduty_status)
    end;
    if told_at < known.described_at then
      -- A later description of the whole has told these.
      settles := (
        select coalesce(jsonb_agg(fact), '[]')
        from jsonb_array_elements(settles) as s (fact)
        where fact ->> 0 not in ('Conference link', 'Conference number', 'Type')
      );
    end if;
    if settles <> '[]' then
      described := pagerduty_private.settle(described, settles, told_at);
    end if;
    described.prefill := pagerduty_private.merge_prefill(known.prefill, event, wins, names_service) || jsonb_strip_nulls(jsonb_build_object(
      'status', pagerduty_private.status_from_pagerduty(known.pagerduty_status),
      'description', case
        when known.id is not null
        then pagerduty_private.description(described.title, described.written, described.facts)
      end
    ));
  end if;
  return described;
end
$$;
comment on function pagerduty_private.describe(pagerduty.notifications, jsonb, timestamptz) is 'The notification with what an event says of its subject: a later description wins, and nothing that is known is lost to one that does not say it; what an event settles that only refers to the subject, stands. The status is not its business.';
revoke all on function pagerduty_private.describe(pagerduty.notifications, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.describe(pagerduty.notifications, jsonb, timestamptz) to service_role;

create function pagerduty_private.write_notification(kept pagerduty.notifications, organization uuid, subject text, arrived timestamptz) returns uuid
language sql
volatile
set search_path = ''
as $$
  insert into pagerduty.notifications as n (
    organization_id, subject, title, number, pagerduty_incident_id, pagerduty_status, pagerduty_status_at, acknowledged_by,
    urgency, priority, service_id, service_name, assignees, conference_url, pagerduty_url, prefill, written, facts, described_at, settled_at,
    event_type, body, occurred_at, events, seq, loud_seq, is_quiet, loud_at, created_at, changed_at
  )
  values (
    organization, subject, kept.title, kept.number, kept.pagerduty_incident_id, kept.pagerduty_status, kept.pagerduty_status_at,
    kept.acknowledged_by, kept.urgency, kept.priority, kept.service_id, kept.service_name, kept.assignees, kept.conference_url,
    kept.pagerduty_url, kept.prefill, kept.written, kept.facts, kept.described_at, kept.settled_at,
    kept.event_type, kept.body, kept.occurred_at, kept.events + 1, kept.seq, kept.loud_seq, kept.is_quiet, kept.loud_at,
    kept.created_at, arrived
  )
  on conflict (organization_id, subject) do update set
    title = excluded.title,
    number = excluded.number,
    pagerduty_status = excluded.pagerduty_status,
    pagerduty_status_at = excluded.pagerduty_status_at,
    acknowledged_by = excluded.acknowledged_by,
    urgency = excluded.urgency,
    priority = excluded.priority,
    service_id = excluded.service_id,
    service_name = excluded.service_name,
    assignees = excluded.assignees,
    conference_url = excluded.conference_url,
    pagerduty_url = excluded.pagerduty_url,
    prefill = excluded.prefill,
    written = excluded.written,
    facts = excluded.facts,
    described_at = excluded.described_at,
    settled_at = excluded.settled_at,
    event_type = excluded.event_type,
    body = excluded.body,
    occurred_at = excluded.occurred_at,
    events = excluded.events,
    seq = excluded.seq,
    loud_seq = excluded.loud_seq,
    is_quiet = excluded.is_quiet,
    loud_at = excluded.loud_at,
    changed_at = excluded.changed_at
  returning n.id
$$;
comment on function pagerduty_private.write_notification(pagerduty.notifications, uuid, text, timestamptz) is 'Writes the one row of a subject, new or changed by one event more.';
revoke all on function pagerduty_private.write_notification(pagerduty.notifications, uuid, text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.write_notification(pagerduty.notifications, uuid, text, timestamptz) to service_role;

create function pagerduty_private.keep_notification(organization uuid, event jsonb, arrived timestamptz, repeats boolean, tells boolean) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  kept pagerduty.notifications;
  told constant text := event ->> 'told_status';
  -- A time in the future counts as the time of arrival, as none at all does.
  told_at constant timestamptz := least((event ->> 'occurred_at')::timestamptz, arrived);
  is_loud constant boolean := (event ->> 'loud')::boolean;
  moves boolean := false;
  rings boolean;
  seq constant bigint := pagerduty_private.next_seq(organization);
begin
  select * into kept
  from pagerduty.notifications n
  where n.organization_id = organization
    and n.subject = event ->> 'subject';
  if kept.id is null and not tells then
    return null;
  end if;
  if pagerduty_private.is_news(told, told_at, kept.pagerduty_status, kept.pagerduty_status_at) then
    moves := told is distinct from kept.pagerduty_status;
    kept.pagerduty_status := told;
    kept.pagerduty_status_at := told_at;
    kept.acknowledged_by := case told
      when 'acknowledged' then coalesce(event ->> 'agent_name', kept.acknowledged_by)
      when 'resolved' then kept.acknowledged_by
    end;
  end if;
  kept.pagerduty_status := coalesce(kept.pagerduty_status, event #>> '{incident,status}');
  rings := tells and not repeats and not coalesce((event ->> 'recorded')::boolean, false) and case
    when kept.id is null then kept.pagerduty_status is distinct from 'resolved'
    when told is not null then moves and is_loud
    else is_loud and kept.pagerduty_status is distinct from 'resolved'
  end;
  kept.seq := seq;
  if kept.id is null then
    kept.is_quiet := not rings;
    kept.events := 0;
    kept.assignees := '{}';
    kept.facts := '[]';
    kept.settled_at := '{}';
    kept.created_at := arrived;
  end if;
  if rings or kept.id is null then
    kept.loud_seq := kept.seq;
    kept.loud_at := arrived;
    kept.event_type := event ->> 'event_type';
    kept.body := event #>> '{notification,body}';
    kept.occurred_at := (event ->> 'occurred_at')::timestamptz;
    kept.is_quiet := kept.is_quiet and not rings;
  end if;
  kept := pagerduty_private.describe(kept, event, told_at);
  return jsonb_build_object(
    'outcome', case when kept.id is null then 'created' else 'updated' end,
    'id', pagerduty_private.write_notification(kept, organization, event ->> 'subject', arrived),
    'loud', rings
  );
end
$$;
comment on function pagerduty_private.keep_notification(uuid, jsonb, timestamptz, boolean, boolean) is 'Makes or changes the notification of an event''s subject; answers its id, the outcome (created, updated) and whether the change is loud, or null where the subject is not known and nobody is to be told of it. A change is loud if the event is of a loud type, moved the status if it told one, and repeats nothing; the first one, unless the incident is resolved. One that is merely recorded never is.';
revoke all on function pagerduty_private.keep_notification(uuid, jsonb, timestamptz, boolean, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.keep_notification(uuid, jsonb, timestamptz, boolean, boolean) to service_role;
