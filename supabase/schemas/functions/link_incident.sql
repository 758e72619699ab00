-- What links an incident to PagerDuty's, and keeps an event that arrives meanwhile from being missed.
create function pagerduty_private.link_incident() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  origin pagerduty.notifications;
  latest record;
begin
  new.created_by := coalesce(auth.uid(), new.created_by);
  if new.notification_id is null then
    return new;
  end if;
  -- As the calling user: RLS says whether they may see it.
  select n.id, n.organization_id, n.pagerduty_incident_id, n.pagerduty_url, n.pagerduty_status, n.occurred_at, n.created_at
  into origin.id, origin.organization_id, origin.pagerduty_incident_id, origin.pagerduty_url, origin.pagerduty_status,
    origin.occurred_at, origin.created_at
  from pagerduty.notifications n
  where n.id = new.notification_id and n.organization_id = new.organization_id;
  if origin.id is null then
    raise exception 'There is no such notification in this organization.' using errcode = 'PT404';
  end if;
  new.pagerduty_incident_id := origin.pagerduty_incident_id;
  new.pagerduty_url := origin.pagerduty_url;
  if new.pagerduty_incident_id is null then
    return new;
  end if;
  perform pagerduty_private.lock_pagerduty_incident(new.organization_id, new.pagerduty_incident_id);
  select n.id, n.pagerduty_status, coalesce(n.occurred_at, n.created_at) as at
  into latest
  from pagerduty.notifications n
  where n.organization_id = new.organization_id
    and n.pagerduty_incident_id = new.pagerduty_incident_id
    and n.pagerduty_status is not null
  order by coalesce(n.occurred_at, n.created_at) desc, n.created_at desc
  limit 1;
  new.pagerduty_status_at := latest.at;
  -- The form was filled from one event; PagerDuty may have moved on since. A status that the user chose stays.
  if latest.id <> origin.id
    and new.status = coalesce(pagerduty_private.status_from_pagerduty(origin.pagerduty_status), 'open')
  then
    new.status := pagerduty_private.status_from_pagerduty(latest.pagerduty_status);
  end if;
  return new;
end
$$;
comment on function pagerduty_private.link_incident() is 'Trigger: says who made an incident, and links one made from a notification to PagerDuty''s, at the state that PagerDuty told last.';
revoke all on function pagerduty_private.link_incident() from public, anon, authenticated, service_role;

create trigger link_incident before insert on pagerduty.incidents
  for each row execute function pagerduty_private.link_incident();
