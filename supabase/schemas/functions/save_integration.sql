-- The settings and the sealed credentials, written in one transaction. Runs as the calling member.
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
    -- What waited for another key waits no longer.
    perform pagerduty_private.resume_outbox(save_credentials.organization_id);
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
  chosen constant text[] := case jsonb_typeof(settings -> 'services')
    when 'array' then array(select jsonb_array_elements_text(settings -> 'services'))
  end;
begin
  insert into pagerduty.integrations (
    organization_id, enabled, integration_key, region, event_types, services, acting_email, sync_status, sync_notes,
    paging_service_id, paging_criticality
  )
  values (
    org,
    coalesce((settings ->> 'enabled')::boolean, false),
    settings ->> 'integration_key',
    coalesce(settings ->> 'region', 'us'),
    types,
    chosen,
    settings ->> 'acting_email',
    coalesce(settings ->> 'sync_status', 'both'),
    coalesce(settings ->> 'sync_notes', 'both'),
    settings ->> 'paging_service_id',
    coalesce(settings ->> 'paging_criticality', 'critical')::pagerduty.incident_level
  )
  on conflict (organization_id) do nothing;
  if not found and settings <> '{}' then
    update pagerduty.integrations i
    set
      enabled = coalesce((settings ->> 'enabled')::boolean, i.enabled),
      region = coalesce(settings ->> 'region', i.region),
      event_types = case when settings ? 'event_types' then types else i.event_types end,
      services = case when settings ? 'services' then chosen else i.services end,
      acting_email = case when settings ? 'acting_email' then settings ->> 'acting_email' else i.acting_email end,
      sync_status = coalesce(settings ->> 'sync_status', i.sync_status),
      sync_notes = coalesce(settings ->> 'sync_notes', i.sync_notes),
      paging_service_id = case when settings ? 'paging_service_id' then settings ->> 'paging_service_id' else i.paging_service_id end,
      paging_criticality = coalesce((settings ->> 'paging_criticality')::pagerduty.incident_level, i.paging_criticality)
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
comment on function pagerduty.save_integration(uuid, jsonb, jsonb) is 'Saves an organization''s PagerDuty settings (enabled, integration_key, region, event_types, services, acting_email, sync_status, sync_notes; an absent one stays) and sealed credentials (api_key, signing_secret: {"sealed", "last4"}; null removes). Answers the settings.';
revoke all on function pagerduty.save_integration(uuid, jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.save_integration(uuid, jsonb, jsonb) to authenticated;
