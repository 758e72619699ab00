-- What the triggers and the ingest functions both need to know of PagerDuty's incidents.
create function pagerduty_private.lock_pagerduty_incident(organization_id uuid, pagerduty_incident_id text) returns void
language sql
volatile
set search_path = ''
as $$ select pg_advisory_xact_lock(hashtextextended(organization_id || '/' || pagerduty_incident_id, 0)) $$;
comment on function pagerduty_private.lock_pagerduty_incident(uuid, text) is 'Until the transaction ends, nobody else links or moves this incident: an event that arrives while somebody saves the form is not missed.';
revoke all on function pagerduty_private.lock_pagerduty_incident(uuid, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.lock_pagerduty_incident(uuid, text) to authenticated, service_role;

create function pagerduty_private.status_from_pagerduty(pagerduty_status text) returns pagerduty.incident_status
language sql
immutable
set search_path = ''
as $$
  select case pagerduty_status
    when 'triggered' then 'open'
    when 'acknowledged' then 'investigating'
    when 'resolved' then 'resolved'
  end::pagerduty.incident_status
$$;
comment on function pagerduty_private.status_from_pagerduty(text) is 'PagerDuty''s status as ours; null for none.';
revoke all on function pagerduty_private.status_from_pagerduty(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.status_from_pagerduty(text) to authenticated, service_role;
