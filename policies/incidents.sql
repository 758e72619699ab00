-- Members read; responders and up make and change them. What links an incident to PagerDuty is the triggers' business.
alter table pagerduty.incidents enable row level security;

revoke all on pagerduty.incidents from public, anon, authenticated, service_role;
grant select on pagerduty.incidents to authenticated;
grant insert (
  organization_id, title, description, criticality, urgency, status, customer, tags, assignee_id, notification_id,
  pagerduty_status
)
  on pagerduty.incidents to authenticated;
grant update (title, description, criticality, urgency, status, customer, tags, assignee_id) on pagerduty.incidents to authenticated;
grant select, update (status, pagerduty_status, pagerduty_status_at, pagerduty_event_id, notification_id)
  on pagerduty.incidents to service_role;

create policy "members read" on pagerduty.incidents
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

create policy "responders create" on pagerduty.incidents
  for insert to authenticated
  with check (organization_id in (select pagerduty_private.my_organizations('responder')));

create policy "responders change" on pagerduty.incidents
  for update to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('responder')))
  with check (organization_id in (select pagerduty_private.my_organizations('responder')));
