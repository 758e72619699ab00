-- Who may do what: the files of policies/, which are the source, carried to the database.

-- policies/incident_updates.sql
-- Members read the timeline; responders and up write comments. Everything else on it comes from triggers.
alter table public.incident_updates enable row level security;

revoke all on public.incident_updates from public, anon, authenticated, service_role;
grant select on public.incident_updates to authenticated;
grant insert (incident_id, organization_id, body) on public.incident_updates to authenticated;
grant select, insert on public.incident_updates to service_role;

drop policy if exists "members read" on public.incident_updates;
create policy "members read" on public.incident_updates
  for select to authenticated
  using (organization_id in (select private.my_organizations()));

drop policy if exists "responders comment" on public.incident_updates;
create policy "responders comment" on public.incident_updates
  for insert to authenticated
  with check (
    author_id = (select auth.uid())
    and kind = 'comment'
    and organization_id in (select private.my_organizations('responder'))
    and exists (
      select from public.incidents i
      where i.id = incident_id and i.organization_id = incident_updates.organization_id
    )
  );

-- policies/incidents.sql
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

-- policies/memberships.sql
-- Members see each other. Admins manage members below owner; only owners touch owners. Everybody may leave
-- (the trigger keep_an_owner holds the last owner back).
alter table public.memberships enable row level security;

revoke all on public.memberships from public, anon, authenticated, service_role;
grant select, delete on public.memberships to authenticated;
grant insert (organization_id, user_id, role, display_name) on public.memberships to authenticated;
grant update (role, display_name) on public.memberships to authenticated;
grant select, insert, update, delete on public.memberships to service_role;

drop policy if exists "members read" on public.memberships;
create policy "members read" on public.memberships
  for select to authenticated
  using (organization_id in (select private.my_organizations()));

drop policy if exists "admins add" on public.memberships;
create policy "admins add" on public.memberships
  for insert to authenticated
  with check (
    organization_id in (select private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select private.my_organizations('admin')))
  );

drop policy if exists "admins change" on public.memberships;
create policy "admins change" on public.memberships
  for update to authenticated
  using (
    organization_id in (select private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select private.my_organizations('admin')))
  )
  with check (
    organization_id in (select private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select private.my_organizations('admin')))
  );

drop policy if exists "admins remove, members leave" on public.memberships;
create policy "admins remove, members leave" on public.memberships
  for delete to authenticated
  using (
    user_id = (select auth.uid())
    or organization_id in (select private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select private.my_organizations('admin')))
  );

-- policies/notification_receipts.sql
-- A user's own receipts, for notifications that they may see.
alter table public.notification_receipts enable row level security;

revoke all on public.notification_receipts from public, anon, authenticated, service_role;
grant select on public.notification_receipts to authenticated;
grant insert (notification_id) on public.notification_receipts to authenticated;
grant select on public.notification_receipts to service_role;

drop policy if exists "users read their own" on public.notification_receipts;
create policy "users read their own" on public.notification_receipts
  for select to authenticated
  using (user_id = (select auth.uid()));

drop policy if exists "users read what they may see" on public.notification_receipts;
create policy "users read what they may see" on public.notification_receipts
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and exists (select from public.notifications n where n.id = notification_id)
  );

-- policies/notifications.sql
-- Members see what is addressed to all, or to them. Only the ingest function writes.
alter table public.notifications enable row level security;

revoke all on public.notifications from public, anon, authenticated, service_role;
grant select on public.notifications to authenticated;
grant select, insert on public.notifications to service_role;

drop policy if exists "addressees read" on public.notifications;
create policy "addressees read" on public.notifications
  for select to authenticated
  using (
    organization_id in (select private.my_organizations())
    and (recipients is null or (select auth.uid()) = any (recipients))
  );

revoke all on public.notification_feed from public, anon, authenticated, service_role;
grant select on public.notification_feed to authenticated, service_role;

-- policies/organizations.sql
-- Members see their organizations; owners and admins rename them. Who makes one is the host application's business.
alter table public.organizations enable row level security;

revoke all on public.organizations from public, anon, authenticated, service_role;
grant select, update (name) on public.organizations to authenticated;
grant select, insert, update, delete on public.organizations to service_role;

drop policy if exists "members read" on public.organizations;
create policy "members read" on public.organizations
  for select to authenticated
  using (id in (select private.my_organizations()));

drop policy if exists "admins rename" on public.organizations;
create policy "admins rename" on public.organizations
  for update to authenticated
  using (id in (select private.my_organizations('admin')))
  with check (id in (select private.my_organizations('admin')));

-- policies/pagerduty_credentials.sql
-- Nobody but the service: no grant and no policy for any role that a user can hold.
alter table public.pagerduty_credentials enable row level security;

revoke all on public.pagerduty_credentials from public, anon, authenticated, service_role;
grant select on public.pagerduty_credentials to service_role;
grant update (api_key, signing_secret, previous_signing_secret) on public.pagerduty_credentials to service_role;

-- policies/pagerduty_events.sql
-- The audit trail: owners and admins read it, the ingest function writes it.
alter table public.pagerduty_events enable row level security;

revoke all on public.pagerduty_events from public, anon, authenticated, service_role;
grant select on public.pagerduty_events to authenticated;
grant select, insert, update (deliveries) on public.pagerduty_events to service_role;

drop policy if exists "admins read" on public.pagerduty_events;
create policy "admins read" on public.pagerduty_events
  for select to authenticated
  using (organization_id in (select private.my_organizations('admin')));

-- policies/pagerduty_integrations.sql
-- Members see how the integration is set and whether it is well, but not the webhook token, the key filter and the
-- hints: get_pagerduty_integration() adds those for owners and admins, who alone may change the settings.
alter table public.pagerduty_integrations enable row level security;

revoke all on public.pagerduty_integrations from public, anon, authenticated, service_role;
grant select (
  id, organization_id, enabled, region, event_types, api_key_set, signing_secret_set,
  last_event_at, last_error, last_error_at, created_at, updated_at
) on public.pagerduty_integrations to authenticated;
grant insert (organization_id, enabled, integration_key, region, event_types)
  on public.pagerduty_integrations to authenticated;
grant update (enabled, integration_key, region, event_types) on public.pagerduty_integrations to authenticated;
grant select on public.pagerduty_integrations to service_role;
grant update (last_event_at, last_error, last_error_at) on public.pagerduty_integrations to service_role;

drop policy if exists "members read" on public.pagerduty_integrations;
create policy "members read" on public.pagerduty_integrations
  for select to authenticated
  using (organization_id in (select private.my_organizations()));

drop policy if exists "admins create" on public.pagerduty_integrations;
create policy "admins create" on public.pagerduty_integrations
  for insert to authenticated
  with check (organization_id in (select private.my_organizations('admin')));

drop policy if exists "admins change" on public.pagerduty_integrations;
create policy "admins change" on public.pagerduty_integrations
  for update to authenticated
  using (organization_id in (select private.my_organizations('admin')))
  with check (organization_id in (select private.my_organizations('admin')));

-- policies/realtime_messages.sql
-- Private channels: a user's own topic, and the topics of their organizations. Nobody sends but the database.
drop policy if exists "members listen" on realtime.messages;
create policy "members listen" on realtime.messages
  for select to authenticated
  using (
    realtime.messages.extension = 'broadcast'
    and (select private.may_listen((select realtime.topic())))
  );
