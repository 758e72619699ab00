-- Attaches PagerDuty's incident to one that was made without it.
create function pagerduty_private.attach_notification(incident_id uuid, notification_id uuid) returns setof pagerduty.incidents
language plpgsql
security definer
set search_path = ''
as $$
declare
  ours pagerduty.incidents;
  origin pagerduty.notifications;
  told record;
begin
  select * into ours
  from pagerduty.incidents i
  where i.id = incident_id
    and i.organization_id in (select pagerduty_private.my_organizations());
  if not found then
    raise exception 'There is no such incident.' using errcode = 'PT404';
  end if;
  if ours.organization_id not in (select pagerduty_private.my_organizations('responder')) then
    raise insufficient_privilege;
  end if;
  -- An event that arrives meanwhile waits, and then finds the incident.
  perform pagerduty_private.next_seq(ours.organization_id);
  select * into ours
  from pagerduty.incidents i
  where i.id = incident_id
  for update;
  select * into origin
  from pagerduty.notifications n
  where n.id = attach_notification.notification_id
    and n.organization_id = ours.organization_id
    and (n.recipients is null or (select auth.uid()) = any(n.recipients));
  if origin.pagerduty_incident_id is null then
    raise exception 'There is no such notification of an incident in this organization.' using errcode = 'PT404';
  end if;
  if ours.pagerduty_incident_id <> origin.pagerduty_incident_id then
    raise exception 'It is linked to another PagerDuty incident.' using errcode = 'PT409';
  end if;
  select * into told from pagerduty_private.status_told(ours.organization_id, origin.pagerduty_incident_id);
  return query
  update pagerduty.incidents i
  set
    notification_id = origin.id,
    pagerduty_incident_id = origin.pagerduty_incident_id,
    pagerduty_url = origin.pagerduty_url,
    pagerduty_status = told.status,
    pagerduty_status_at = told.at
  where i.id = ours.id
  returning i.*;
end
$$;
comment on function pagerduty_private.attach_notification(uuid, uuid) is 'Links an incident to a notification''s PagerDuty incident, for responders and up.';
revoke all on function pagerduty_private.attach_notification(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.attach_notification(uuid, uuid) to authenticated;

create function pagerduty.link_notification(incident_id uuid, notification_id uuid) returns setof pagerduty.incidents
language sql
set search_path = ''
as $$ select * from pagerduty_private.attach_notification(incident_id, notification_id) $$;
comment on function pagerduty.link_notification(uuid, uuid) is 'Links an incident that exists to a notification''s PagerDuty incident: from then on it follows that one, whose past is told on its timeline; the status that it has stays until PagerDuty tells another. For responders and up. PT404: no such incident, or notification; PT409: it is linked to another one; 23505: another incident is linked to that one.';
revoke all on function pagerduty.link_notification(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.link_notification(uuid, uuid) to authenticated;
