-- What a member asks of PagerDuty for an incident: to page somebody, another priority, somebody else to have it.
create function pagerduty_private.expected_echoes(told pagerduty.outbox) returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(echo order by place), '[]')
  from (
    select echo, place
    from jsonb_array_elements(told.expected || case
      -- Only what was sent, or may have been.
      when told.thing = 'status' and told.attempted_at is not null and told.echoed_at is null
        and (told.state = 'waiting' or (told.state = 'sent' and (told.acted_as is not null or told.attempts > 1)))
        then jsonb_build_array(jsonb_build_object('wanted', told.wanted, 'attempted_at', told.attempted_at))
      else '[]'
    end) with ordinality as e (echo, place)
    order by place desc
    limit 10
  ) latest
$$;
comment on function pagerduty_private.expected_echoes(pagerduty.outbox) is 'What PagerDuty may still say to what it was told of a thing, which is about to be changed; the latest last.';
revoke all on function pagerduty_private.expected_echoes(pagerduty.outbox) from public, anon, authenticated, service_role;

create function pagerduty_private.put_outbox(
  organization uuid, incident uuid, thing text, wanted text, actor uuid, update_id uuid default null
) returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  put uuid;
begin
  insert into pagerduty.outbox as o (organization_id, incident_id, thing, wanted, actor_id, update_id)
  values (organization, incident, thing, wanted, actor, update_id)
  on conflict (incident_id, slot) do update set
    wanted = excluded.wanted,
    actor_id = excluded.actor_id,
    version = o.version + 1,
    state = 'waiting',
    attempts = 0,
    last_error = null,
    due_at = excluded.due_at,
    changed_at = excluded.changed_at,
    attempted_at = null,
    sent_at = null,
    acted_as = null,
    echoed_at = null,
    expected = pagerduty_private.expected_echoes(o)
  returning o.id into put;
  perform pagerduty_private.wake_outbox(organization);
  return put;
end
$$;
comment on function pagerduty_private.put_outbox(uuid, uuid, text, text, uuid, uuid) is 'Has PagerDuty told of something of an incident; of what there is one of, the last one counts. Answers its id.';
revoke all on function pagerduty_private.put_outbox(uuid, uuid, text, text, uuid, uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.put_request(incident_id uuid, thing text, wanted jsonb) returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  ours pagerduty.incidents;
begin
  select * into ours
  from pagerduty.incidents i
  where i.id = put_request.incident_id
    and i.organization_id in (select pagerduty_private.my_organizations('responder'));
  if ours.id is null then
    raise exception 'There is no such incident, or you may not change it.' using errcode = 'PT404';
  end if;
  if thing not in ('incident', 'priority', 'urgency', 'escalation', 'assignment', 'snooze', 'responders', 'status_update') then
    raise exception 'PagerDuty cannot be asked for that.' using errcode = '22023';
  end if;
  if thing = 'incident' and ours.pagerduty_incident_id is not null then
    raise exception 'It is linked to a PagerDuty incident already.' using errcode = 'PT409';
  elsif thing <> 'incident' and ours.pagerduty_incident_id is null then
    raise exception 'It is not linked to a PagerDuty incident.' using errcode = 'PT409';
  elsif not pagerduty_private.tells_pagerduty(ours.organization_id, thing) then
    raise exception 'PagerDuty is switched off here, or no API key is saved: an admin can, in the settings.' using errcode = 'PT409';
  end if;
  return pagerduty_private.put_outbox(ours.organization_id, ours.id, thing, wanted::text, auth.uid());
end
$$;
comment on function pagerduty_private.put_request(uuid, text, jsonb) is 'Has the worker ask PagerDuty for something, as the calling member, for responders and up.';
revoke all on function pagerduty_private.put_request(uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.put_request(uuid, text, jsonb) to authenticated;

create function pagerduty.ask_pagerduty(incident_id uuid, thing text, wanted jsonb) returns uuid
language sql
set search_path = ''
as $$ select pagerduty_private.put_request(incident_id, thing, wanted) $$;
comment on function pagerduty.ask_pagerduty(uuid, text, jsonb) is 'Has the worker ask PagerDuty for something of an incident, as the calling member, for responders and up. incident: {"service"}, to page it; of a linked incident priority: {"id"}; urgency: {"urgency"}; escalation: {"level"}; assignment: {"users"}; snooze: {"seconds"}; responders: {"users", "policies", "message"}; status_update: {"message"}. Answers the id of what is told (outbox).';
revoke all on function pagerduty.ask_pagerduty(uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.ask_pagerduty(uuid, text, jsonb) to authenticated;

create function pagerduty_private.link_created(organization uuid, incident uuid, pagerduty_id text, url text) returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  ours pagerduty.incidents;
begin
  select * into ours
  from pagerduty.incidents i
  where i.id = incident
    and i.organization_id = organization
    and i.pagerduty_incident_id is null
    -- Only what was asked for here, whatever key somebody else may give to an incident.
    and exists (
      select from pagerduty.outbox o
      where o.incident_id = i.id
        and o.thing = 'incident'
        and o.attempted_at is not null
    )
    -- Somebody may have made another one of it meanwhile.
    and not exists (
      select from pagerduty.incidents other
      where other.organization_id = organization
        and other.pagerduty_incident_id = link_created.pagerduty_id
    )
  for update;
  if ours.id is null then
    return false;
  end if;
  -- It is born triggered there.
  if ours.status <> 'open' and pagerduty_private.tells_pagerduty(organization, 'status') then
    perform pagerduty_private.put_outbox(
      organization, ours.id, 'status', pagerduty_private.status_to_pagerduty(ours.status), ours.created_by
    );
  end if;
  update pagerduty.incidents i
  set
    pagerduty_incident_id = link_created.pagerduty_id,
    pagerduty_url = case when url ~* '^https?://' then left(url, 2048) end,
    notification_id = coalesce(i.notification_id, (
      select n.id
      from pagerduty.notifications n
      where n.organization_id = organization
        and n.subject = 'incident:' || link_created.pagerduty_id
    ))
  where i.id = ours.id
    and i.organization_id = ours.organization_id;
  return true;
end
$$;
comment on function pagerduty_private.link_created(uuid, uuid, text, text) is 'Links an incident of ours to the one that PagerDuty made of it, if it was asked to; false if that is so already, or was not asked.';
revoke all on function pagerduty_private.link_created(uuid, uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.link_created(uuid, uuid, text, text) to service_role;

create function pagerduty.link_paged_incident(outbox_id uuid, pagerduty_id text, url text) returns boolean
language sql
set search_path = ''
as $$
  select pagerduty_private.link_created(o.organization_id, o.incident_id, pagerduty_id, url)
  from pagerduty.outbox o
  where o.id = outbox_id
    and o.thing = 'incident'
$$;
comment on function pagerduty.link_paged_incident(uuid, text, text) is 'For the worker: PagerDuty has made an incident of ours; it is linked to that one.';
revoke all on function pagerduty.link_paged_incident(uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.link_paged_incident(uuid, text, text) to service_role;

create function pagerduty_private.link_by_key(organization uuid, event jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  if event #>> '{incident,key}' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' and event #>> '{incident,id}' is not null then
    perform pagerduty_private.link_created(
      organization, (event #>> '{incident,key}')::uuid, event #>> '{incident,id}',
      event #>> '{notification,described,pagerduty_url}'
    );
  end if;
end
$$;
comment on function pagerduty_private.link_by_key(uuid, jsonb) is 'Links the incident whose id PagerDuty''s has as key: the event may be there before the answer to our own request.';
revoke all on function pagerduty_private.link_by_key(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.link_by_key(uuid, jsonb) to service_role;

create function pagerduty_private.page_by_rule() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform pagerduty_private.put_outbox(
    new.organization_id, new.id, 'incident', jsonb_build_object('service', i.paging_service_id)::text, auth.uid()
  )
  from pagerduty.integrations i
  where i.organization_id = new.organization_id
    and i.paging_service_id is not null
    and new.criticality >= i.paging_criticality
    and pagerduty_private.tells_pagerduty(new.organization_id, 'incident')
    and not exists (
      select from pagerduty.outbox o
      where o.incident_id = new.id
        and o.thing = 'incident'
    );
  return null;
end
$$;
comment on function pagerduty_private.page_by_rule() is 'Trigger: an incident that is as critical as the organization chose pages the service that it chose, once.';
revoke all on function pagerduty_private.page_by_rule() from public, anon, authenticated, service_role;

create trigger page_by_rule after insert or update of criticality on pagerduty.incidents
  for each row
  when (new.pagerduty_incident_id is null and new.status <> 'resolved')
  execute function pagerduty_private.page_by_rule();
