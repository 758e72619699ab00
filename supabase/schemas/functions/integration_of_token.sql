-- The one place that knows which tokens an integration has. In plpgsql, which keeps its plan from call to call.
create function pagerduty_private.integration_of_token(token text) returns uuid
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select i.id
    from pagerduty.integrations i
    where i.webhook_token = token
      or (i.previous_webhook_token = token and i.previous_webhook_token_expires_at > now())
      or (token is null and i.accept_bare_url)
  );
end
$$;
comment on function pagerduty_private.integration_of_token(text) is 'The integration that a webhook is for: by its URL''s token, by the token before it until that expires, or without one the integration that accepts the bare URL. Null: unknown.';
revoke all on function pagerduty_private.integration_of_token(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.integration_of_token(text) to service_role;
