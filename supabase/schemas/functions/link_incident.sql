-- What links an incident to PagerDuty's, and keeps an event that arrives meanwhile from being missed.
create function pagerduty_private.link_incident() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  origin pagerduty.notifications;
begin
  new.created_by := coalesce(auth.uid(), new.created_by);
  if new.notification_id is not null then
    -- An event that arrives meanwhile waits, and then finds the incident.
    perform pagerduty_private.next_seq(new.organization_id);
    -- As the calling user: RLS says whether they may see it.
    select n.id, n.pagerduty_incident_id, n.pagerduty_url, n.pagerduty_status, n.prefill
    into origin.id, origin.pagerduty_incident_id, origin.pagerduty_url, origin.pagerduty_status, origin.prefill
    from pagerduty.notifications n
    where n.id = new.notification_id and n.organization_id = new.organization_id;
    if origin.id is null then
      raise exception 'There is no such notification in this organization.' using errcode = 'PT404';
    end if;
    -- What is left out is as the form would be filled in.
    new.title := coalesce(new.title, origin.prefill ->> 'title');
    new.description := coalesce(new.description, origin.prefill ->> 'description', '');
    new.criticality := coalesce(new.criticality::text, origin.prefill ->> 'criticality', 'medium');
    new.urgency := coalesce(new.urgency::text, origin.prefill ->> 'urgency', 'medium');
    new.status := coalesce(new.status::text, pagerduty_private.status_from_pagerduty(origin.pagerduty_status)::text, 'open');
    new.customer := coalesce(new.customer, origin.prefill ->> 'customer', '');
    new.tags := coalesce(new.tags, array(select jsonb_array_elements_text(coalesce(origin.prefill -> 'tags', '[]'))));
    new.pagerduty_incident_id := origin.pagerduty_incident_id;
    new.pagerduty_url := origin.pagerduty_url;
  end if;
  -- The status that the form was filled in with is nobody's choice: that of the prefill, whatever PagerDuty told since.
  new.member_status_at := case
    when new.pagerduty_incident_id is null
      or new.status <> coalesce(
        pagerduty_private.status_from_pagerduty(coalesce(new.pagerduty_status, origin.pagerduty_status)), 'open'
      )
    then clock_timestamp()
  end;
  return new;
end
$$;
comment on function pagerduty_private.link_incident() is 'Trigger: says who made an incident, and links one made from a notification to PagerDuty''s.';
revoke all on function pagerduty_private.link_incident() from public, anon, authenticated, service_role;

create trigger link_incident before insert on pagerduty.incidents
  for each row execute function pagerduty_private.link_incident();

create function pagerduty_private.status_told(organization uuid, incident text, out status text, out at timestamptz)
language sql
stable
security definer
set search_path = ''
as $$
  -- From the events, which members may not read: a filter decides who is told, never what is known.
  select e.pagerduty_status, least(e.occurred_at, e.received_at)
  from pagerduty.events e
  where e.organization_id = organization
    and e.pagerduty_incident_id = incident
    and e.pagerduty_status is not null
  order by least(e.occurred_at, e.received_at) desc, pagerduty_private.status_from_pagerduty(e.pagerduty_status) desc
  limit 1
$$;
comment on function pagerduty_private.status_told(uuid, text) is 'The status that PagerDuty told last of an incident, and since when; nulls if it told none.';
revoke all on function pagerduty_private.status_told(uuid, text) from public, anon, authenticated, service_role;

create function pagerduty_private.start_linked_incident() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  told record;
begin
  select * into told from pagerduty_private.status_told(new.organization_id, new.pagerduty_incident_id);
  new.pagerduty_status := told.status;
  new.pagerduty_status_at := told.at;
  -- The form was filled in from one event; PagerDuty may have moved on since. A status that the user chose stays.
  if new.member_status_at is null and told.status is not null then
    new.status := pagerduty_private.status_from_pagerduty(told.status);
  end if;
  return new;
end
$$;
comment on function pagerduty_private.start_linked_incident() is 'Trigger: starts a linked incident at the status that PagerDuty told last.';
revoke all on function pagerduty_private.start_linked_incident() from public, anon, authenticated, service_role;

-- Triggers fire in the order of their names: this one after link_incident.
create trigger start_linked_incident before insert on pagerduty.incidents
  for each row
  when (new.pagerduty_incident_id is not null)
  execute function pagerduty_private.start_linked_incident();
