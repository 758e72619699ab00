-- The service calls this with its secret key; nobody else may.
create function pagerduty.get_webhook(token text default null) returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'organization_id', i.organization_id,
    'enabled', i.enabled,
    'settings_version', i.settings_version,
    'signing_secrets', to_jsonb(array_remove(array[
      c.signing_secret,
      case when c.previous_signing_secret_expires_at > now() then c.previous_signing_secret end
    ], null))
  )
  from pagerduty.integrations i
  left join pagerduty.credentials c on c.organization_id = i.organization_id
  where i.id = (select pagerduty_private.integration_of_token(token))
$$;
comment on function pagerduty.get_webhook(text) is 'What the service must know to verify a webhook: for a token, or without one for the integration that accepts the bare URL. Null: unknown.';
revoke all on function pagerduty.get_webhook(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_webhook(text) to service_role;
