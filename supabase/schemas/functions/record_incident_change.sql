-- An incident changes what its notification shows, and begins with what was heard of it before.
create function pagerduty_private.show_incident(incident pagerduty.incidents) returns void
language sql
set search_path = ''
as $$
  update pagerduty.notifications n
  set seq = pagerduty_private.next_seq(incident.organization_id), changed_at = clock_timestamp()
  where n.organization_id = incident.organization_id
    and n.subject = 'incident:' || incident.pagerduty_incident_id;

  select pagerduty_private.tell_organization(f.organization_id, 'notification', to_jsonb(f) || '{"loud": false}')
  from pagerduty.notification_feed f
  where f.organization_id = incident.organization_id
    and f.pagerduty_incident_id = incident.pagerduty_incident_id;
$$;
comment on function pagerduty_private.show_incident(pagerduty.incidents) is 'The notification of a linked incident now leads to it, or no longer: a quiet change.';
revoke all on function pagerduty_private.show_incident(pagerduty.incidents) from public, anon, authenticated, service_role;

create function pagerduty_private.tell_the_past(incident pagerduty.incidents) returns void
language sql
set search_path = ''
as $$
  insert into pagerduty.incident_updates (incident_id, organization_id, kind, body, author_id, event_id, created_at)
  select incident.id, incident.organization_id, 'pagerduty', e.headline, null, e.id, e.received_at
  from pagerduty.events e
  where e.organization_id = incident.organization_id
    and e.pagerduty_incident_id = incident.pagerduty_incident_id
    and e.notification_id is not null
    and e.headline is not null
    and not e.is_repeat
  order by e.received_at desc
  limit 100
$$;
comment on function pagerduty_private.tell_the_past(pagerduty.incidents) is 'Writes what PagerDuty told of an incident before it was linked on its timeline, the last hundred events.';
revoke all on function pagerduty_private.tell_the_past(pagerduty.incidents) from public, anon, authenticated, service_role;

-- The timeline writes itself: no caller can forget to.
create function pagerduty_private.record_incident_change() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into pagerduty.incident_updates (incident_id, organization_id, kind, status_to, assignee_to, author_id)
    values (new.id, new.organization_id, 'created', new.status, new.assignee_id, new.created_by);
  else
    -- A change that PagerDuty told is recorded by the ingest function, with the event.
    if new.member_status_at is distinct from old.member_status_at then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, status_from, status_to, author_id)
      values (new.id, new.organization_id, 'status', old.status, new.status, auth.uid());
    end if;
    if new.assignee_id is distinct from old.assignee_id then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, assignee_from, assignee_to, author_id)
      select new.id, o.id, 'assigned', old.assignee_id, new.assignee_id, auth.uid()
      from pagerduty.organizations o
      where o.id = new.organization_id; -- not where it is being deleted itself
    end if;
    if (new.title, new.description, new.criticality, new.urgency, new.customer, new.tags)
      is distinct from (old.title, old.description, old.criticality, old.urgency, old.customer, old.tags)
    then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, author_id)
      values (new.id, new.organization_id, 'edited', auth.uid());
    end if;
  end if;
  if new.pagerduty_incident_id is not null and (tg_op = 'INSERT' or old.pagerduty_incident_id is null) then
    perform pagerduty_private.tell_the_past(new);
    perform pagerduty_private.show_incident(new);
  end if;
  perform pagerduty_private.tell_organization(new.organization_id, 'incident', to_jsonb(new));
  return null;
end
$$;
comment on function pagerduty_private.record_incident_change() is 'Trigger: writes the timeline of a member''s change, and tells the organization of any.';
revoke all on function pagerduty_private.record_incident_change() from public, anon, authenticated, service_role;

create trigger record_incident_change after insert or update on pagerduty.incidents
  for each row execute function pagerduty_private.record_incident_change();

create function pagerduty_private.forget_incident() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform pagerduty_private.show_incident(old)
  from pagerduty.organizations o
  where o.id = old.organization_id; -- not where it is being deleted itself
  return null;
end
$$;
comment on function pagerduty_private.forget_incident() is 'Trigger: the notification of an incident that is deleted leads nowhere any more.';
revoke all on function pagerduty_private.forget_incident() from public, anon, authenticated, service_role;

create trigger forget_incident after delete on pagerduty.incidents
  for each row
  when (old.pagerduty_incident_id is not null)
  execute function pagerduty_private.forget_incident();
