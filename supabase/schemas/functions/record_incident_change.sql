-- The timeline writes itself: no caller can forget to.
create function pagerduty_private.record_incident_change() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into pagerduty.incident_updates (incident_id, organization_id, kind, status_to, author_id)
    values (new.id, new.organization_id, 'created', new.status, new.created_by);
  else
    -- A change that PagerDuty told is recorded by the ingest function, with the event.
    if new.member_status_at is distinct from old.member_status_at then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, status_from, status_to, author_id)
      values (new.id, new.organization_id, 'status', old.status, new.status, auth.uid());
    end if;
    if (new.title, new.description, new.criticality, new.urgency, new.customer, new.tags)
      is distinct from (old.title, old.description, old.criticality, old.urgency, old.customer, old.tags)
    then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, author_id)
      values (new.id, new.organization_id, 'edited', auth.uid());
    end if;
  end if;
  perform pagerduty_private.tell_organization(new.organization_id, 'incident', to_jsonb(new));
  return null;
end
$$;
comment on function pagerduty_private.record_incident_change() is 'Trigger: writes the timeline of a member''s change, and tells the organization of any.';
revoke all on function pagerduty_private.record_incident_change() from public, anon, authenticated, service_role;

create trigger record_incident_change after insert or update on pagerduty.incidents
  for each row execute function pagerduty_private.record_incident_change();
