-- Members see how the integration is set and whether it is well, but not the webhook token, the key filter and the
-- hints: get_integration() adds those for owners and admins, who alone may change the settings.
alter table pagerduty.integrations enable row level security;

revoke all on pagerduty.integrations from public, anon, authenticated, service_role;
grant select (
  id, organization_id, enabled, region, event_types, services, api_key_set, signing_secret_set,
  acting_email, sync_status, sync_notes, paging_service_id, paging_criticality,
  subscription_id, subscription_scope, subscription_made_at, subscription_proven_at,
  last_event_at, last_error, last_error_at, created_at, updated_at
) on pagerduty.integrations to authenticated;
grant insert (
  organization_id, enabled, integration_key, region, event_types, services, acting_email, sync_status, sync_notes,
  paging_service_id, paging_criticality
)
  on pagerduty.integrations to authenticated;
grant update (
  enabled, integration_key, region, event_types, services, acting_email, sync_status, sync_notes, paging_service_id, paging_criticality
) on pagerduty.integrations to authenticated;
grant select on pagerduty.integrations to service_role;
grant update (last_event_at, last_error, last_error_at, subscription_proven_at) on pagerduty.integrations to service_role;

create policy "members read" on pagerduty.integrations
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

create policy "admins create" on pagerduty.integrations
  for insert to authenticated
  with check (organization_id in (select pagerduty_private.my_organizations('admin')));

create policy "admins change" on pagerduty.integrations
  for update to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('admin')))
  with check (organization_id in (select pagerduty_private.my_organizations('admin')));
