-- Who may do what: the files of policies/, which are the source, carried to the database.

-- policies/credentials.sql
-- Nobody but the service: no grant and no policy for any role that a user can hold.
alter table pagerduty.credentials enable row level security;

revoke all on pagerduty.credentials from public, anon, authenticated, service_role;
grant select on pagerduty.credentials to service_role;
grant update (api_key, signing_secret, previous_signing_secret) on pagerduty.credentials to service_role;

-- policies/events.sql
-- The audit trail: owners and admins read it, the ingest function writes it.
alter table pagerduty.events enable row level security;

revoke all on pagerduty.events from public, anon, authenticated, service_role;
grant select on pagerduty.events to authenticated;
grant select, insert, update (deliveries) on pagerduty.events to service_role;

drop policy if exists "admins read" on pagerduty.events;
create policy "admins read" on pagerduty.events
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('admin')));

-- policies/incident_updates.sql
-- Members read the timeline; responders and up write comments. Everything else on it comes from triggers.
alter table pagerduty.incident_updates enable row level security;

revoke all on pagerduty.incident_updates from public, anon, authenticated, service_role;
grant select on pagerduty.incident_updates to authenticated;
grant insert (incident_id, organization_id, body) on pagerduty.incident_updates to authenticated;
grant select, insert on pagerduty.incident_updates to service_role;

drop policy if exists "members read" on pagerduty.incident_updates;
create policy "members read" on pagerduty.incident_updates
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

drop policy if exists "responders comment" on pagerduty.incident_updates;
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

-- policies/incidents.sql
-- Members read; responders and up make and change them. What links an incident to PagerDuty is the triggers' business.
alter table pagerduty.incidents enable row level security;

revoke all on pagerduty.incidents from public, anon, authenticated, service_role;
grant select on pagerduty.incidents to authenticated;
grant insert (organization_id, title, description, criticality, urgency, status, customer, tags, notification_id)
  on pagerduty.incidents to authenticated;
grant update (title, description, criticality, urgency, status, customer, tags) on pagerduty.incidents to authenticated;
grant select, update (status, pagerduty_status_at, pagerduty_event_id) on pagerduty.incidents to service_role;

drop policy if exists "members read" on pagerduty.incidents;
create policy "members read" on pagerduty.incidents
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

drop policy if exists "responders create" on pagerduty.incidents;
create policy "responders create" on pagerduty.incidents
  for insert to authenticated
  with check (organization_id in (select pagerduty_private.my_organizations('responder')));

drop policy if exists "responders change" on pagerduty.incidents;
create policy "responders change" on pagerduty.incidents
  for update to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('responder')))
  with check (organization_id in (select pagerduty_private.my_organizations('responder')));

-- policies/integrations.sql
-- Members see how the integration is set and whether it is well, but not the webhook token, the key filter and the
-- hints: get_integration() adds those for owners and admins, who alone may change the settings.
alter table pagerduty.integrations enable row level security;

revoke all on pagerduty.integrations from public, anon, authenticated, service_role;
grant select (
  id, organization_id, enabled, region, event_types, api_key_set, signing_secret_set,
  last_event_at, last_error, last_error_at, created_at, updated_at
) on pagerduty.integrations to authenticated;
grant insert (organization_id, enabled, integration_key, region, event_types)
  on pagerduty.integrations to authenticated;
grant update (enabled, integration_key, region, event_types) on pagerduty.integrations to authenticated;
grant select on pagerduty.integrations to service_role;
grant update (last_event_at, last_error, last_error_at) on pagerduty.integrations to service_role;

drop policy if exists "members read" on pagerduty.integrations;
create policy "members read" on pagerduty.integrations
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

drop policy if exists "admins create" on pagerduty.integrations;
create policy "admins create" on pagerduty.integrations
  for insert to authenticated
  with check (organization_id in (select pagerduty_private.my_organizations('admin')));

drop policy if exists "admins change" on pagerduty.integrations;
create policy "admins change" on pagerduty.integrations
  for update to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('admin')))
  with check (organization_id in (select pagerduty_private.my_organizations('admin')));

-- policies/memberships.sql
-- Members see each other. Admins manage members below owner; only owners touch owners. Everybody may leave
-- (the trigger keep_an_owner holds the last owner back).
alter table pagerduty.memberships enable row level security;

revoke all on pagerduty.memberships from public, anon, authenticated, service_role;
grant select, delete on pagerduty.memberships to authenticated;
grant insert (organization_id, user_id, role, display_name) on pagerduty.memberships to authenticated;
grant update (role, display_name) on pagerduty.memberships to authenticated;
grant select, insert, update, delete on pagerduty.memberships to service_role;

drop policy if exists "members read" on pagerduty.memberships;
create policy "members read" on pagerduty.memberships
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

drop policy if exists "admins add" on pagerduty.memberships;
create policy "admins add" on pagerduty.memberships
  for insert to authenticated
  with check (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );

drop policy if exists "admins change" on pagerduty.memberships;
create policy "admins change" on pagerduty.memberships
  for update to authenticated
  using (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  )
  with check (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );

drop policy if exists "admins remove, members leave" on pagerduty.memberships;
create policy "admins remove, members leave" on pagerduty.memberships
  for delete to authenticated
  using (
    user_id = (select auth.uid())
    or organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );

-- policies/notifications.sql
-- Members see what is addressed to all, or to them. Only the ingest function writes.
alter table pagerduty.notifications enable row level security;

revoke all on pagerduty.notifications from public, anon, authenticated, service_role;
grant select on pagerduty.notifications to authenticated;
grant select, insert on pagerduty.notifications to service_role;

drop policy if exists "addressees read" on pagerduty.notifications;
create policy "addressees read" on pagerduty.notifications
  for select to authenticated
  using (
    organization_id in (select pagerduty_private.my_organizations())
    and (recipients is null or (select auth.uid()) = any (recipients))
  );

revoke all on pagerduty.notification_feed from public, anon, authenticated, service_role;
grant select on pagerduty.notification_feed to authenticated, service_role;

-- policies/organizations.sql
-- Members see their organizations; owners and admins rename them. Who makes one is the host application's business.
alter table pagerduty.organizations enable row level security;

revoke all on pagerduty.organizations from public, anon, authenticated, service_role;
grant select, update (name) on pagerduty.organizations to authenticated;
grant select, insert, update, delete on pagerduty.organizations to service_role;

drop policy if exists "members read" on pagerduty.organizations;
create policy "members read" on pagerduty.organizations
  for select to authenticated
  using (id in (select pagerduty_private.my_organizations()));

drop policy if exists "admins rename" on pagerduty.organizations;
create policy "admins rename" on pagerduty.organizations
  for update to authenticated
  using (id in (select pagerduty_private.my_organizations('admin')))
  with check (id in (select pagerduty_private.my_organizations('admin')));

-- policies/realtime_messages.sql
-- Private channels: a user's own topic, and the topics of their organizations. Nobody sends but the database.
-- The host may have policies of its own here, and policies add up: ours opens topics of ours and none else.
drop policy if exists "pagerduty: members listen" on realtime.messages;
create policy "pagerduty: members listen" on realtime.messages
  for select to authenticated
  using (
    realtime.messages.extension = 'broadcast'
    and realtime.messages.topic = (select realtime.topic())
    and (select pagerduty_private.may_listen((select realtime.topic())))
  );

-- policies/receipts.sql
-- A user's own receipts, for notifications that they may see.
alter table pagerduty.receipts enable row level security;

revoke all on pagerduty.receipts from public, anon, authenticated, service_role;
grant select on pagerduty.receipts to authenticated;
grant insert (notification_id) on pagerduty.receipts to authenticated;
grant select on pagerduty.receipts to service_role;

drop policy if exists "users read their own" on pagerduty.receipts;
create policy "users read their own" on pagerduty.receipts
  for select to authenticated
  using (user_id = (select auth.uid()));

drop policy if exists "users read what they may see" on pagerduty.receipts;
create policy "users read what they may see" on pagerduty.receipts
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and exists (select from pagerduty.notifications n where n.id = notification_id)
  );
