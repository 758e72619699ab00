-- The service keeps settings for a while: the version tells it that they have changed.
create function pagerduty_private.version_integration() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.settings_version := old.settings_version + 1;
  new.updated_at := now();
  if (new.enabled, new.integration_key, new.event_types, new.services)
    is distinct from (old.enabled, old.integration_key, old.event_types, old.services)
  then
    -- By the clock: webhooks that this change had to wait for were taken by the settings before it.
    new.filters_changed_at := clock_timestamp();
  end if;
  return new;
end
$$;
comment on function pagerduty_private.version_integration() is 'Trigger: a change of settings gets a new version; health columns have no part in it.';
revoke all on function pagerduty_private.version_integration() from public, anon, authenticated, service_role;

create trigger version_integration
  before update of acting_email, sync_status, sync_notes, paging_service_id, paging_criticality, enabled, webhook_token, accept_bare_url, integration_key, region, event_types, services,
    api_key_last4, signing_secret_last4
  on pagerduty.integrations
  for each row execute function pagerduty_private.version_integration();
