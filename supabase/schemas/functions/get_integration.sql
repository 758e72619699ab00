-- The settings, as the calling member may see them. Runs as that member: RLS and grants decide.
create function pagerduty_private.integration_admin_fields(organization_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'webhook_token', i.webhook_token,
    'previous_webhook_token_expires_at', case
      when i.previous_webhook_token_expires_at > now() then i.previous_webhook_token_expires_at
    end,
    'accept_bare_url', i.accept_bare_url,
    'subscription_is_current', i.subscription_token = i.webhook_token,
    'integration_key', i.integration_key,
    'api_key_last4', i.api_key_last4,
    'signing_secret_last4', i.signing_secret_last4,
    'seen_services', pagerduty_private.seen_services(i.organization_id)
  )
  from pagerduty.integrations i
  where i.organization_id = integration_admin_fields.organization_id
    and i.organization_id in (select pagerduty_private.my_organizations('admin'))
$$;
comment on function pagerduty_private.integration_admin_fields(uuid) is 'The settings that only owners and admins may see; null for everybody else.';
revoke all on function pagerduty_private.integration_admin_fields(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.integration_admin_fields(uuid) to authenticated;

create function pagerduty_private.outbox_summary(organization_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'waiting', (
      select count(*)
      from pagerduty.outbox o
      where o.organization_id = outbox_summary.organization_id
        and o.state = 'waiting'
    ),
    'dead', (
      select count(*)
      from pagerduty.outbox o
      where o.organization_id = outbox_summary.organization_id
        and o.state = 'dead'
    ),
    'paused_until', max(p.paused_until),
    'paused_because', max(p.paused_because)
  )
  from pagerduty_private.outboxes p
  where p.organization_id = outbox_summary.organization_id
    and p.paused_until > now()
  having outbox_summary.organization_id in (select pagerduty_private.my_organizations())
$$;
comment on function pagerduty_private.outbox_summary(uuid) is 'What PagerDuty has not been told yet of an organization, and whether that has to wait. Null for who is not a member.';
revoke all on function pagerduty_private.outbox_summary(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.outbox_summary(uuid) to authenticated;

create function pagerduty.get_integration(organization_id uuid) returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'organization_id', o.id,
    'configured', i.id is not null,
    'can_edit', o.id in (select pagerduty_private.my_organizations('admin'))
  ) || case
    when i.id is null then '{}'
    else jsonb_build_object(
      'enabled', i.enabled,
      'region', i.region,
      'event_types', i.event_types,
      'services', i.services,
      'api_key_set', i.api_key_set,
      'signing_secret_set', i.signing_secret_set,
      'acting_email', i.acting_email,
      'sync_status', i.sync_status,
      'sync_notes', i.sync_notes,
      'paging_service_id', i.paging_service_id,
      'paging_criticality', i.paging_criticality,
      'outbox', pagerduty_private.outbox_summary(i.organization_id),
      'subscription', case
        when i.subscription_id is not null then jsonb_build_object(
          'id', i.subscription_id,
          'scope', i.subscription_scope,
          'made_at', i.subscription_made_at,
          'proven_at', i.subscription_proven_at
        )
      end,
      'reconciliation', pagerduty_private.reconciliation_summary(i.organization_id),
      'last_event_at', i.last_event_at,
      'last_error', i.last_error,
      'last_error_at', i.last_error_at,
      'recent_events', pagerduty_private.recent_events(i.organization_id),
      'created_at', i.created_at,
      'updated_at', i.updated_at,
      'admin', pagerduty_private.integration_admin_fields(i.organization_id)
    )
  end
  from pagerduty.organizations o
  left join pagerduty.integrations i on i.organization_id = o.id
  where o.id = get_integration.organization_id
$$;
comment on function pagerduty.get_integration(uuid) is 'An organization''s PagerDuty settings as the calling member may see them: "can_edit" says whether they may change them, "configured" whether anything is saved (without, nothing else is answered); "subscription" is the one that was made from here, or null; "recent_events" says how many of the last ones were ignored, and why; "admin" holds the webhook token, until when the one before it is taken (null: no longer), whether the subscription sends to the present one, the key filter, the hints and the services that were seen, and is null for viewers and responders. Null for who is not a member.';
revoke all on function pagerduty.get_integration(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_integration(uuid) to authenticated;
