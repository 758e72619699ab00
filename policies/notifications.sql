-- Members see what is addressed to all, or to them. Only the ingest function writes.
alter table pagerduty.notifications enable row level security;

revoke all on pagerduty.notifications from public, anon, authenticated, service_role;
grant select on pagerduty.notifications to authenticated;
grant select, insert, update on pagerduty.notifications to service_role;

create policy "addressees read" on pagerduty.notifications
  for select to authenticated
  using (
    organization_id in (select pagerduty_private.my_organizations())
    and (recipients is null or (select auth.uid()) = any(recipients))
  );

revoke all on pagerduty.notification_feed from public, anon, authenticated, service_role;
grant select on pagerduty.notification_feed to authenticated, service_role;
