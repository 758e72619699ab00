-- Notes that were cut, edited or deleted in PagerDuty: no webhook and no log tells of it.
create function pagerduty_private.take_notes(integration pagerduty.integrations, most integer) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  looked jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object('id', due.id, 'pagerduty_id', due.pagerduty_incident_id, 'events', due.events)), '[]')
  into looked
  from (
    select i.id, i.pagerduty_incident_id, min(l.looked_at) as looked_at, jsonb_agg(jsonb_build_object(
      'id', e.id,
      'note_id', e.payload #>> '{data,id}',
      'occurred_at', e.occurred_at,
      'agent_name', e.agent_name,
      'headline', e.headline
    ) order by e.occurred_at) as events
    from pagerduty.incidents i
    join pagerduty.events e on e.organization_id = i.organization_id
      and e.pagerduty_incident_id = i.pagerduty_incident_id
      and e.integration_id = integration.id
    left join pagerduty_private.note_looks l on l.incident_id = i.id and l.organization_id = i.organization_id
    where i.organization_id = integration.organization_id
      and e.event_type = 'incident.annotated'
      and e.occurred_at is not null
      and e.headline is not null
      and not e.is_repeat
      -- What is over for a day is left as it is.
      and (i.status <> 'resolved' or i.updated_at > clock_timestamp() - interval '1 day')
    group by i.id
    order by min(l.looked_at) nulls first
    limit most
  ) due;
  insert into pagerduty_private.note_looks (incident_id, organization_id, looked_at)
  select (one ->> 'id')::uuid, integration.organization_id, clock_timestamp()
  from jsonb_array_elements(looked) as one
  on conflict (incident_id) do update set looked_at = excluded.looked_at;
  return looked;
end
$$;
comment on function pagerduty_private.take_notes(pagerduty.integrations, integer) is 'The linked incidents whose notes were not compared for longest, with what was told of their notes.';
revoke all on function pagerduty_private.take_notes(pagerduty.integrations, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.take_notes(pagerduty.integrations, integer) to service_role;

create function pagerduty.noted_incidents(integration_id uuid, most integer) returns jsonb
language sql
set search_path = ''
as $$
  select coalesce((
    select pagerduty_private.take_notes(i, greatest(1, least(most, 100)))
    from pagerduty.integrations i
    where i.id = noted_incidents.integration_id
  ), '[]')
$$;
comment on function pagerduty.noted_incidents(uuid, integer) is 'For the worker: linked incidents whose notes are to be compared with PagerDuty''s, [{"id", "pagerduty_id", "events": [{"id", "note_id", "occurred_at", "agent_name", "headline"}, …]}, …], the one that was not looked at for longest first.';
revoke all on function pagerduty.noted_incidents(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.noted_incidents(uuid, integer) to service_role;

create function pagerduty_private.amend_note(integration pagerduty.integrations, event_id uuid, headline text) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty.events e
  set headline = left(amend_note.headline, 10000)
  where e.id = amend_note.event_id
    and e.integration_id = integration.id
    and e.organization_id = integration.organization_id
    and e.event_type = 'incident.annotated';
  if not found then
    return;
  end if;
  update pagerduty.incident_updates u
  set body = left(amend_note.headline, 10000)
  where u.event_id = amend_note.event_id
    and u.organization_id = integration.organization_id
    and u.kind = 'pagerduty';
  perform pagerduty_private.tell_organization(u.organization_id, 'incident_update', to_jsonb(u))
  from pagerduty.incident_updates u
  where u.event_id = amend_note.event_id
    and u.organization_id = integration.organization_id;
end
$$;
comment on function pagerduty_private.amend_note(pagerduty.integrations, uuid, text) is 'Says of a note what it says now, in its row''s history and on the timeline.';
revoke all on function pagerduty_private.amend_note(pagerduty.integrations, uuid, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.amend_note(pagerduty.integrations, uuid, text) to service_role;

create function pagerduty.amend_notes(integration_id uuid, changes jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pagerduty_private.amend_note(i, (change ->> 'event_id')::uuid, change ->> 'headline')
  from pagerduty.integrations i
  cross join jsonb_array_elements(changes) as change
  where i.id = amend_notes.integration_id;
end
$$;
comment on function pagerduty.amend_notes(uuid, jsonb) is 'For the worker: what notes say now, [{"event_id", "headline"}, …].';
revoke all on function pagerduty.amend_notes(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.amend_notes(uuid, jsonb) to service_role;
