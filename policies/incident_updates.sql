-- Members read the timeline; responders and up write comments. Everything else on it comes from triggers.
alter table pagerduty.incident_updates enable row level security;

revoke all on pagerduty.incident_updates from public, anon, authenticated, service_role;
grant select on pagerduty.incident_updates to authenticated;
grant insert (incident_id, organization_id, body) on pagerduty.incident_updates to authenticated;
grant select, insert on pagerduty.incident_updates to service_role;

create policy "members read" on pagerduty.incident_updates
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

create policy "responders comment" on pagerduty.incident_updates
  for insert to authenticated
  with check (
    author_id = (select auth.uid())
    and kind = 'comment'
    and organization_id in (select pagerduty_private.my_organizations('responder'))
    and exists (
      select from pagerduty.incidents i
      where i.id = incident_id and i.organization_id = incident_updates.organization_id
    )
  );
