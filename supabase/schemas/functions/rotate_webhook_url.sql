-- A URL that became known is replaced without losing a webhook.
create function pagerduty_private.rotate_webhook_token(organization_id uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  if organization_id not in (select pagerduty_private.my_organizations('admin')) then
    raise exception 'Only owners and admins may change the webhook URL.' using errcode = '42501';
  end if;
  -- PagerDuty retries a webhook for 48 hours: as long, one that was sent to the URL before is still good.
  update pagerduty.integrations i
  set
    previous_webhook_token = i.webhook_token,
    previous_webhook_token_expires_at = now() + interval '48 hours',
    webhook_token = pagerduty_private.new_webhook_token()
  where i.organization_id = rotate_webhook_token.organization_id;
end
$$;
comment on function pagerduty_private.rotate_webhook_token(uuid) is 'Gives an integration a new webhook token, for an owner or admin; the one before it is taken for 48 hours more, the one before that no longer.';
revoke all on function pagerduty_private.rotate_webhook_token(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.rotate_webhook_token(uuid) to authenticated;

create function pagerduty.rotate_webhook_url(organization_id uuid) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  perform pagerduty_private.rotate_webhook_token(organization_id);
  return pagerduty.get_integration(organization_id);
end
$$;
comment on function pagerduty.rotate_webhook_url(uuid) is 'Gives an organization''s integration a new webhook URL; the one before it is taken for 48 hours more. Answers the settings, as get_integration() does.';
revoke all on function pagerduty.rotate_webhook_url(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.rotate_webhook_url(uuid) to authenticated;
