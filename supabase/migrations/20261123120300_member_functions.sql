-- What the API calls for a member. All run as the calling user: RLS and grants decide.

create function pagerduty_private.integration_admin_fields(organization_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'webhook_token', i.webhook_token,
    'accept_bare_url', i.accept_bare_url,
    'integration_key', i.integration_key,
    'api_key_last4', i.api_key_last4,
    'signing_secret_last4', i.signing_secret_last4
  )
  from pagerduty.integrations i
  where i.organization_id = integration_admin_fields.organization_id
    and i.organization_id in (select pagerduty_private.my_organizations('admin'))
$$;
comment on function pagerduty_private.integration_admin_fields(uuid) is 'The settings that only owners and admins may see; null for everybody else.';
revoke all on function pagerduty_private.integration_admin_fields(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.integration_admin_fields(uuid) to authenticated;

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
      'api_key_set', i.api_key_set,
      'signing_secret_set', i.signing_secret_set,
      'last_event_at', i.last_event_at,
      'last_error', i.last_error,
      'last_error_at', i.last_error_at,
      'created_at', i.created_at,
      'updated_at', i.updated_at,
      'admin', pagerduty_private.integration_admin_fields(i.organization_id)
    )
  end
  from pagerduty.organizations o
  left join pagerduty.integrations i on i.organization_id = o.id
  where o.id = get_integration.organization_id
$$;
comment on function pagerduty.get_integration(uuid) is 'An organization''s PagerDuty settings as the calling member may see them: "can_edit" says whether they may change them, "configured" whether anything is saved (without, nothing else is answered); "admin" holds the webhook token, the key filter and the hints, and is null for viewers and responders. Null for who is not a member.';
revoke all on function pagerduty.get_integration(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_integration(uuid) to authenticated;

create function pagerduty_private.save_credentials(organization_id uuid, credentials jsonb) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  if organization_id not in (select pagerduty_private.my_organizations('admin')) then
    raise exception 'Only owners and admins may change credentials.' using errcode = '42501';
  end if;
  insert into pagerduty.credentials (organization_id)
  values (save_credentials.organization_id)
  on conflict do nothing;
  if credentials ? 'api_key' then
    update pagerduty.credentials c
    set api_key = credentials #>> '{api_key,sealed}'
    where c.organization_id = save_credentials.organization_id;
    update pagerduty.integrations i
    set api_key_last4 = credentials #>> '{api_key,last4}'
    where i.organization_id = save_credentials.organization_id;
  end if;
  if credentials ? 'signing_secret' then
    -- PagerDuty retries a webhook for 48 hours: as long, one signed with the secret before is still good.
    -- A secret that is removed leaves nothing behind.
    update pagerduty.credentials c
    set
      previous_signing_secret = case when credentials #>> '{signing_secret,sealed}' is not null then c.signing_secret end,
      previous_signing_secret_expires_at = case
        when credentials #>> '{signing_secret,sealed}' is not null and c.signing_secret is not null
        then now() + interval '48 hours'
      end,
      signing_secret = credentials #>> '{signing_secret,sealed}'
    where c.organization_id = save_credentials.organization_id;
    update pagerduty.integrations i
    set signing_secret_last4 = credentials #>> '{signing_secret,last4}'
    where i.organization_id = save_credentials.organization_id;
  end if;
end
$$;
comment on function pagerduty_private.save_credentials(uuid, jsonb) is 'Writes sealed credentials for an owner or admin, who can never read them. An absent key leaves a secret as it is, null removes it.';
revoke all on function pagerduty_private.save_credentials(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.save_credentials(uuid, jsonb) to authenticated;

create function pagerduty.save_integration(organization_id uuid, settings jsonb, credentials jsonb default '{}') returns jsonb
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  org constant uuid := organization_id;
  types constant text[] := case jsonb_typeof(settings -> 'event_types')
    when 'array' then array(select jsonb_array_elements_text(settings -> 'event_types'))
  end;
begin
  insert into pagerduty.integrations (organization_id, enabled, integration_key, region, event_types)
  values (
    org,
    coalesce((settings ->> 'enabled')::boolean, false),
    settings ->> 'integration_key',
    coalesce(settings ->> 'region', 'us'),
    types
  )
  on conflict (organization_id) do nothing;
  if not found and settings <> '{}' then
    update pagerduty.integrations i
    set
      enabled = coalesce((settings ->> 'enabled')::boolean, i.enabled),
      region = coalesce(settings ->> 'region', i.region),
      event_types = case when settings ? 'event_types' then types else i.event_types end
    where i.organization_id = org;
    if not found then
      raise exception 'Only owners and admins may change the integration.' using errcode = '42501';
    end if;
    if settings ? 'integration_key' then
      -- Apart, since members may not read the column: here it is only written.
      update pagerduty.integrations i
      set integration_key = settings ->> 'integration_key'
      where i.organization_id = org;
    end if;
  end if;
  if credentials <> '{}' then
    perform pagerduty_private.save_credentials(org, credentials);
  end if;
  return pagerduty.get_integration(org);
end
$$;
comment on function pagerduty.save_integration(uuid, jsonb, jsonb) is 'Saves an organization''s PagerDuty settings (enabled, integration_key, region, event_types; an absent one stays) and sealed credentials (api_key, signing_secret: {"sealed", "last4"}; null removes). Answers the settings.';
revoke all on function pagerduty.save_integration(uuid, jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.save_integration(uuid, jsonb, jsonb) to authenticated;

create function pagerduty_private.sealed_api_key(organization_id uuid) returns text
language sql
stable
security definer
set search_path = ''
as $$
  select c.api_key
  from pagerduty.credentials c
  where c.organization_id = sealed_api_key.organization_id
    and c.organization_id in (select pagerduty_private.my_organizations('admin'))
$$;
comment on function pagerduty_private.sealed_api_key(uuid) is 'The sealed API key, for owners and admins: of no use without the service''s own key, which no database holds.';
revoke all on function pagerduty_private.sealed_api_key(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.sealed_api_key(uuid) to authenticated;

create function pagerduty.get_sealed_api_key(organization_id uuid) returns text
language sql
stable
set search_path = ''
as $$ select pagerduty_private.sealed_api_key(organization_id) $$;
comment on function pagerduty.get_sealed_api_key(uuid) is 'Lets the service test the saved API key in an admin''s request without a role that sees more than the admin.';
revoke all on function pagerduty.get_sealed_api_key(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_sealed_api_key(uuid) to authenticated;

create function pagerduty.read_all_notifications(organization_id uuid, until timestamptz default null) returns integer
language plpgsql
set search_path = ''
as $$
declare
  read_now integer;
begin
  insert into pagerduty.receipts (notification_id)
  select f.id
  from pagerduty.notification_feed f
  where f.organization_id = read_all_notifications.organization_id
    and f.read_at is null
    and (until is null or f.created_at <= until)
  on conflict do nothing;
  get diagnostics read_now = row_count;
  return read_now;
end
$$;
comment on function pagerduty.read_all_notifications(uuid, timestamptz) is 'Marks the calling user''s notifications of an organization as read, up to a moment; answers how many.';
revoke all on function pagerduty.read_all_notifications(uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty.read_all_notifications(uuid, timestamptz) to authenticated;

create function pagerduty.count_unread_notifications(organization_id uuid, at_most integer default 1000) returns integer
language sql
stable
set search_path = ''
as $$
  select count(*)::integer
  from (
    select
    from pagerduty.notification_feed f
    where f.organization_id = count_unread_notifications.organization_id
      and f.read_at is null
    limit at_most
  ) unread
$$;
comment on function pagerduty.count_unread_notifications(uuid, integer) is 'How many notifications the calling user has not read; stops counting at at_most, for a badge needs no more.';
revoke all on function pagerduty.count_unread_notifications(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.count_unread_notifications(uuid, integer) to authenticated;
