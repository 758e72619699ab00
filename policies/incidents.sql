-- Members read; responders and up make and change them. What links an incident to PagerDuty is the triggers' business.
alter table public.incidents enable row level security;

revoke all on public.incidents from public, anon, authenticated, service_role;
grant select on public.incidents to authenticated;
grant insert (organization_id, title, description, criticality, urgency, status, customer, tags, notification_id)
  on public.incidents to authenticated;
grant update (title, description, criticality, urgency, status, customer, tags) on public.incidents to authenticated;
grant select, update (status, pagerduty_status_at, pagerduty_event_id) on public.incidents to service_role;

drop policy if exists "members read" on public.incidents;
create policy "members read" on public.incidents
  for select to authenticated
  using (organization_id in (select private.my_organizations()));

drop policy if exists "responders create" on public.incidents;
create policy "responders create" on public.incidents
  for insert to authenticated
  with check (organization_id in (select private.my_organizations('responder')));

drop policy if exists "responders change" on public.incidents;
create policy "responders change" on public.incidents
  for update to authenticated
  using (organization_id in (select private.my_organizations('responder')))
  with check (organization_id in (select private.my_organizations('responder')));
