-- The worker's side of the comparison with PagerDuty's log, which it calls with the secret key.
create function pagerduty_private.take_round(lease integer) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  chosen pagerduty_private.reconciliations;
  settings pagerduty.integrations;
  ping_after timestamptz;
  is_pinged boolean;
begin
  select r.* into chosen
  from pagerduty_private.reconciliations r
  join pagerduty.integrations i on i.id = r.integration_id and i.organization_id = r.organization_id
  where r.due_at <= clock_timestamp()
    and i.enabled
    and i.api_key_set
    -- Where PagerDuty has asked to wait, or refuses the key, nothing is asked.
    and not exists (
      select from pagerduty_private.outboxes o
      where o.organization_id = r.organization_id
        and o.paused_until > clock_timestamp()
    )
  order by r.due_at
  limit 1
  for update of r skip locked;
  if chosen.integration_id is null then
    return null;
  end if;
  select * into settings
  from pagerduty.integrations i
  where i.id = chosen.integration_id
    and i.organization_id = chosen.organization_id;
  -- Once a day, and once an hour while the last one has not arrived.
  ping_after := chosen.pinged_at + case
    when settings.subscription_proven_at >= chosen.pinged_at then interval '1 day'
    else interval '1 hour'
  end;
  is_pinged := coalesce(ping_after <= clock_timestamp(), true);
  update pagerduty_private.reconciliations r
  set
    due_at = clock_timestamp() + make_interval(secs => lease),
    -- Before it is asked for: the test event may be there before the answer.
    pinged_at = case when is_pinged then clock_timestamp() else r.pinged_at end
  where r.integration_id = chosen.integration_id;
  return (
    select jsonb_build_object(
      'integration_id', settings.id,
      'organization_id', settings.organization_id,
      'subscription_id', settings.subscription_id,
      'scope', settings.subscription_scope,
      'begun_at', chosen.begun_at,
      'read_until', chosen.read_until,
      'pings', is_pinged,
      'reads_directory', coalesce(chosen.directory_read_at < clock_timestamp() - interval '1 day', true),
      'region', settings.region,
      'api_key', c.api_key
    )
    from pagerduty.credentials c
    where c.organization_id = settings.organization_id
  );
end
$$;
comment on function pagerduty_private.take_round(integer) is 'Takes the integration that is due to be compared with PagerDuty''s log, on lease for so many seconds; null if none is.';
revoke all on function pagerduty_private.take_round(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.take_round(integer) to service_role;

create function pagerduty.claim_reconciliation(lease_seconds integer) returns jsonb
language sql
set search_path = ''
as $$ select pagerduty_private.take_round(greatest(1, least(lease_seconds, 600))) $$;
comment on function pagerduty.claim_reconciliation(integer) is 'For the worker: the integration that is to be compared with PagerDuty''s log, taken on lease for so many seconds, with the sealed key; null if none is due. finish_reconciliation() ends it.';
revoke all on function pagerduty.claim_reconciliation(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.claim_reconciliation(integer) to service_role;

create function pagerduty_private.confirm_event(integration pagerduty.integrations, event jsonb, in_its_words boolean) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  happened constant timestamptz := (event ->> 'occurred_at')::timestamptz;
  around constant interval := case when in_its_words then interval '10 seconds' else interval '2 seconds' end;
begin
  -- One event for one log entry, the nearest: what happened twice within seconds is two of each.
  update pagerduty.events e
  set log_entry_id = event ->> 'log_entry_id'
  where e.id = (
    select told.id
    from pagerduty.events told
    where told.organization_id = integration.organization_id
      and told.integration_id = integration.id
      and told.pagerduty_incident_id = event #>> '{incident,id}'
      and told.event_type = event ->> 'event_type'
      and told.occurred_at between happened - around and happened + around
      and (not in_its_words or told.headline is not distinct from event ->> 'headline')
      and told.log_entry_id is null
      and not told.is_repeat
    order by abs(extract(epoch from told.occurred_at - happened))
    limit 1
  );
  return found;
end
$$;
comment on function pagerduty_private.confirm_event(pagerduty.integrations, jsonb, boolean) is 'Whether a webhook has told what an entry of PagerDuty''s log says, in the same words or (a note that was cut, for one) in others; that event keeps the id of the entry.';
revoke all on function pagerduty_private.confirm_event(pagerduty.integrations, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.confirm_event(pagerduty.integrations, jsonb, boolean) to service_role;

create function pagerduty_private.count_changes(integration_id uuid, confirmed integer, healed integer, read_until timestamptz) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.reconciliations r
  set
    read_until = greatest(r.read_until, count_changes.read_until),
    changes = case when r.counted_since < week.began then 0 else r.changes end + confirmed + count_changes.healed,
    healed = case when r.counted_since < week.began then 0 else r.healed end + count_changes.healed,
    healed_at = case when count_changes.healed > 0 then clock_timestamp() else r.healed_at end,
    counted_since = greatest(r.counted_since, week.began)
  from (select date_trunc('week', clock_timestamp()) as began) week
  where r.integration_id = count_changes.integration_id;
end
$$;
comment on function pagerduty_private.count_changes(uuid, integer, integer, timestamptz) is 'Adds to the tally of an integration, which begins anew on Mondays, and says how far PagerDuty''s log was compared (null: as far as before).';
revoke all on function pagerduty_private.count_changes(uuid, integer, integer, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.count_changes(uuid, integer, integer, timestamptz) to service_role;

create function pagerduty.heal_events(integration_id uuid, events jsonb, read_until timestamptz default null) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  integration pagerduty.integrations;
  event jsonb;
  others jsonb := '[]';
  confirmed integer := 0;
  healed integer := 0;
begin
  -- In turn with the webhooks of the integration: none comes in between.
  select * into integration
  from pagerduty.integrations i
  where i.id = heal_events.integration_id
  for no key update;
  if integration.id is null then
    return null;
  end if;
  for event in select value from jsonb_array_elements(events) loop
    if exists (
      select from pagerduty.events e
      where e.integration_id = integration.id
        and e.log_entry_id = event ->> 'log_entry_id'
    ) then
      continue;
    elsif pagerduty_private.confirm_event(integration, event, true) then
      confirmed := confirmed + 1;
    else
      others := others || event;
    end if;
  end loop;
  -- Once each has what says the same, lest one take another's.
  for event in select value from jsonb_array_elements(others) loop
    if pagerduty_private.confirm_event(integration, event, false) then
      confirmed := confirmed + 1;
    else
      perform pagerduty_private.ingest_events(integration, jsonb_build_array(event), true);
      healed := healed + 1;
    end if;
  end loop;
  perform pagerduty_private.count_changes(integration.id, confirmed, healed, heal_events.read_until);
  return jsonb_build_object('confirmed', confirmed, 'healed', healed);
end
$$;
comment on function pagerduty.heal_events(uuid, jsonb, timestamptz) is 'For the worker: compares entries of PagerDuty''s log, as events with a "log_entry_id", with what webhooks have told, and takes what is missing as if a webhook had told it. Answers how many were "confirmed" and "healed", each entry once; with a time, all of the log before it is compared then. Null: there is no such integration.';
revoke all on function pagerduty.heal_events(uuid, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty.heal_events(uuid, jsonb, timestamptz) to service_role;

create function pagerduty_private.note_directory(integration_id uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.reconciliations r
  set directory_read_at = clock_timestamp()
  where r.integration_id = note_directory.integration_id;
end
$$;
comment on function pagerduty_private.note_directory(uuid) is 'Writes that the directory of an integration was read.';
revoke all on function pagerduty_private.note_directory(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.note_directory(uuid) to service_role;

create function pagerduty.write_directory(integration_id uuid, entries jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  delete from pagerduty.directory d
  where d.integration_id = write_directory.integration_id;
  insert into pagerduty.directory (integration_id, organization_id, kind, pagerduty_id, name, place)
  select i.id, i.organization_id, entry ->> 'kind', entry ->> 'id', entry ->> 'name', place
  from pagerduty.integrations i
  cross join jsonb_array_elements(entries) with ordinality as e (entry, place)
  where i.id = write_directory.integration_id
  on conflict do nothing;
  perform pagerduty_private.note_directory(write_directory.integration_id);
end
$$;
comment on function pagerduty.write_directory(uuid, jsonb) is 'For the worker: replaces what an integration''s account has to choose from, [{"kind", "id", "name"}, …] in PagerDuty''s order.';
revoke all on function pagerduty.write_directory(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.write_directory(uuid, jsonb) to service_role;

create function pagerduty_private.end_round(
  integration_id uuid, subscription_state text, mended boolean, error text, seconds double precision
) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.reconciliations r
  set
    subscription_state = coalesce(end_round.subscription_state, r.subscription_state),
    checked_at = case when end_round.subscription_state is not null then clock_timestamp() else r.checked_at end,
    mended_at = case when mended then clock_timestamp() else r.mended_at end,
    last_error = left(error, 500),
    -- Somebody who asked for it meanwhile has it again at once.
    due_at = case
      when r.due_at > clock_timestamp() then clock_timestamp() + make_interval(secs => greatest(0, least(seconds, 86400)))
      else r.due_at
    end
  where r.integration_id = end_round.integration_id;
end
$$;
comment on function pagerduty_private.end_round(uuid, text, boolean, text, double precision) is 'Writes what came of comparing an integration, and when it is to be compared next.';
revoke all on function pagerduty_private.end_round(uuid, text, boolean, text, double precision) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.end_round(uuid, text, boolean, text, double precision) to service_role;

create function pagerduty.finish_reconciliation(
  integration_id uuid, subscription_state text, mended boolean, error text, seconds double precision
) returns void
language sql
set search_path = ''
as $$ select pagerduty_private.end_round(integration_id, subscription_state, mended, error, seconds) $$;
comment on function pagerduty.finish_reconciliation(uuid, text, boolean, text, double precision) is 'For the worker: an integration was compared with PagerDuty''s log, or could not be, and why. How its subscription was found (null: not asked), whether it was switched on again, and in how many seconds it is due next.';
revoke all on function pagerduty.finish_reconciliation(uuid, text, boolean, text, double precision) from public, anon, authenticated, service_role;
grant execute on function pagerduty.finish_reconciliation(uuid, text, boolean, text, double precision) to service_role;

create function pagerduty_private.reconciliation_summary(organization_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'changes', r.changes,
    'healed', r.healed,
    'healed_at', r.healed_at,
    'since', r.counted_since,
    'read_until', r.read_until,
    'subscription_state', r.subscription_state,
    'checked_at', r.checked_at,
    'mended_at', r.mended_at,
    'pinged_at', r.pinged_at,
    'error', r.last_error
  )
  from pagerduty_private.reconciliations r
  where r.organization_id = reconciliation_summary.organization_id
    and r.organization_id in (select pagerduty_private.my_organizations())
$$;
comment on function pagerduty_private.reconciliation_summary(uuid) is 'What came of comparing an organization with PagerDuty''s log, for its members; null for others, and where nothing is compared.';
revoke all on function pagerduty_private.reconciliation_summary(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.reconciliation_summary(uuid) to authenticated;

create function pagerduty_private.hurry_reconciliation(organization_id uuid) returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.reconciliations r
  set due_at = least(r.due_at, clock_timestamp())
  where r.organization_id = hurry_reconciliation.organization_id
    and r.organization_id in (select pagerduty_private.my_organizations('admin'));
  return found;
end
$$;
comment on function pagerduty_private.hurry_reconciliation(uuid) is 'Has an organization compared with PagerDuty''s log as soon as a worker looks, for its owners and admins; false if there is nothing to compare.';
revoke all on function pagerduty_private.hurry_reconciliation(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.hurry_reconciliation(uuid) to authenticated;

create function pagerduty.reconcile_now(organization_id uuid) returns boolean
language sql
set search_path = ''
as $$ select pagerduty_private.hurry_reconciliation(organization_id) $$;
comment on function pagerduty.reconcile_now(uuid) is 'Has the worker compare an organization with PagerDuty''s log at its next look; false if there is nothing to compare. For owners and admins.';
revoke all on function pagerduty.reconcile_now(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.reconcile_now(uuid) to authenticated;
