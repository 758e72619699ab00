-- Members see what has reached PagerDuty and what has not. Triggers fill it, the worker's functions empty it.
alter table pagerduty.outbox enable row level security;

revoke all on pagerduty.outbox from public, anon, authenticated, service_role;
grant select (
  id, organization_id, incident_id, thing, update_id, state, attempts, last_error, due_at, sent_at, acted_as, created_at
) on pagerduty.outbox to authenticated;
grant select on pagerduty.outbox to service_role;
grant update (echoed_at, expected) on pagerduty.outbox to service_role;

create policy "members read" on pagerduty.outbox
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));
