-- Whoever has the incident open sees its timeline grow.
create function pagerduty_private.broadcast_incident_update() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform pagerduty_private.tell_organization(new.organization_id, 'incident_update', to_jsonb(new));
  return null;
end
$$;
comment on function pagerduty_private.broadcast_incident_update() is 'Trigger: a timeline entry appears for everybody who has the incident open.';
revoke all on function pagerduty_private.broadcast_incident_update() from public, anon, authenticated, service_role;

create trigger broadcast_incident_update after insert on pagerduty.incident_updates
  for each row execute function pagerduty_private.broadcast_incident_update();
