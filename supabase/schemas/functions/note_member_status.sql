-- What PagerDuty tells is weighed against the member's own last change of the status.
create function pagerduty_private.note_member_status() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- Not now(): the transaction began before it waited for an event that was at work on the incident.
  new.member_status_at := clock_timestamp();
  return new;
end
$$;
comment on function pagerduty_private.note_member_status() is 'Trigger: remembers when a member changed the status of an incident.';
revoke all on function pagerduty_private.note_member_status() from public, anon, authenticated, service_role;

-- An event that moves the status leaves its id behind with it.
create trigger note_member_status before update of status on pagerduty.incidents
  for each row
  when (new.status <> old.status and new.pagerduty_event_id is not distinct from old.pagerduty_event_id)
  execute function pagerduty_private.note_member_status();
