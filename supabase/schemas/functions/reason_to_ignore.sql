-- Part of ingest_events().
create function pagerduty_private.reason_to_ignore(integration pagerduty.integrations, event jsonb) returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when not integration.enabled then 'integration_disabled'
    when event ->> 'event_type' = 'pagey.ping' then 'ping'
    when not (event ->> 'known')::boolean then 'unknown_event_type'
    when jsonb_typeof(event -> 'notification') is distinct from 'object' then 'nothing_to_show'
  end
$$;
comment on function pagerduty_private.reason_to_ignore(pagerduty.integrations, jsonb) is 'Why nothing at all follows from an event; null if something does.';
revoke all on function pagerduty_private.reason_to_ignore(pagerduty.integrations, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.reason_to_ignore(pagerduty.integrations, jsonb) to service_role;

create function pagerduty_private.reason_to_tell_nobody(integration pagerduty.integrations, event jsonb, service jsonb) returns text
language sql
stable
set search_path = ''
as $$
  select case
    when event ->> 'event_type' <> all (integration.event_types) then 'event_type_not_taken'
    when not coalesce(event -> 'integration_keys', '[]') ? integration.integration_key
      -- Notes, tasks and the like name no service: they go with the incident that they are about.
      and (event -> 'integration_keys' <> '[]' or not exists (
        select from pagerduty.notifications n
        where n.organization_id = integration.organization_id
          and n.subject = event ->> 'subject'
      ))
      then 'integration_key_mismatch'
    when integration.services is not null and not exists (
      select from unnest(integration.services) as chosen
      where lower(chosen) in (lower(service ->> 'id'), lower(service ->> 'name'))
    )
      then 'service_not_taken'
  end
$$;
comment on function pagerduty_private.reason_to_tell_nobody(pagerduty.integrations, jsonb, jsonb) is 'Why an integration''s filters make no notification of an event, whose service is that of service_of_event(); null if they do. A null setting filters nothing. What is known of a linked incident does not depend on them.';
revoke all on function pagerduty_private.reason_to_tell_nobody(pagerduty.integrations, jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.reason_to_tell_nobody(pagerduty.integrations, jsonb, jsonb) to service_role;
