-- An organization's PagerDuty integration: settings, credentials, received events.

create function pagerduty_private.new_webhook_token() returns text
language sql
volatile
set search_path = ''
as $$ select replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') $$;
comment on function pagerduty_private.new_webhook_token() is 'An unguessable token: 244 random bits from the server''s strong generator, as 64 hex digits.';
revoke all on function pagerduty_private.new_webhook_token() from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.new_webhook_token() to authenticated, service_role;

create table pagerduty.integrations (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null unique references pagerduty.organizations on delete cascade,
  enabled boolean not null default false,
  webhook_token text not null unique default pagerduty_private.new_webhook_token() check (length(webhook_token) between 32 and 128),
  accept_bare_url boolean not null default false,
  integration_key text check (length(integration_key) between 1 and 255),
  region text not null default 'us' check (region in ('us', 'eu')),
  event_types text[] check (cardinality(event_types) between 1 and 100),
  api_key_last4 text check (length(api_key_last4) <= 4),
  signing_secret_last4 text check (length(signing_secret_last4) <= 4),
  api_key_set boolean not null generated always as (api_key_last4 is not null) stored,
  signing_secret_set boolean not null generated always as (signing_secret_last4 is not null) stored,
  settings_version bigint not null default 1,
  last_event_at timestamptz,
  last_error text check (length(last_error) <= 500),
  last_error_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- The bare webhook URL carries no token, so at most one integration of a deployment can own it.
create unique index integrations_bare_url_key on pagerduty.integrations (accept_bare_url)
  where accept_bare_url;
comment on table pagerduty.integrations is 'An organization''s PagerDuty settings and the health of its integration.';
comment on column pagerduty.integrations.id is 'Identifier.';
comment on column pagerduty.integrations.organization_id is 'The organization; one integration each.';
comment on column pagerduty.integrations.enabled is 'Off: webhooks are answered and recorded as ignored, so that PagerDuty does not switch its subscription off.';
comment on column pagerduty.integrations.webhook_token is 'Last part of the webhook URL. Owners and admins get it from get_integration().';
comment on column pagerduty.integrations.accept_bare_url is 'Serves POST /api/webhooks/pagerduty without a token. At most one in a deployment; set by who runs it, not by members.';
comment on column pagerduty.integrations.integration_key is 'Take only events that carry this integration key (or come from the service with this id). Null takes all.';
comment on column pagerduty.integrations.region is 'PagerDuty''s service region of the account: us or eu.';
comment on column pagerduty.integrations.event_types is 'Take only these event types, named as in V3 webhooks (incident.triggered, …). Null takes all that are known.';
comment on column pagerduty.integrations.api_key_last4 is 'Last four characters of the saved API key: a hint. Null: none saved.';
comment on column pagerduty.integrations.signing_secret_last4 is 'Last four characters of the saved signing secret: a hint. Null: none saved, webhooks are not signed.';
comment on column pagerduty.integrations.api_key_set is 'Is an API key saved.';
comment on column pagerduty.integrations.signing_secret_set is 'Is a signing secret saved; then nothing unsigned is accepted.';
comment on column pagerduty.integrations.settings_version is 'Grows with every change that a cache of these settings must notice; health does not count.';
comment on column pagerduty.integrations.last_event_at is 'When the last webhook was accepted.';
comment on column pagerduty.integrations.last_error is 'What went wrong last, in words for an admin; cleared by the next good webhook.';
comment on column pagerduty.integrations.last_error_at is 'When that went wrong.';
comment on column pagerduty.integrations.created_at is 'When it was first saved.';
comment on column pagerduty.integrations.updated_at is 'When its settings were last changed.';

create function pagerduty_private.version_integration() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.settings_version := old.settings_version + 1;
  new.updated_at := now();
  return new;
end
$$;
comment on function pagerduty_private.version_integration() is 'Trigger: a change of settings gets a new version; health columns have no part in it.';
revoke all on function pagerduty_private.version_integration() from public, anon, authenticated, service_role;

create trigger version_integration
  before update of enabled, webhook_token, accept_bare_url, integration_key, region, event_types,
    api_key_last4, signing_secret_last4
  on pagerduty.integrations
  for each row execute function pagerduty_private.version_integration();

create table pagerduty.credentials (
  organization_id uuid primary key references pagerduty.integrations (organization_id) on delete cascade,
  api_key text check (length(api_key) <= 4096),
  signing_secret text check (length(signing_secret) <= 4096),
  previous_signing_secret text check (length(previous_signing_secret) <= 4096),
  previous_signing_secret_expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table pagerduty.credentials is 'An organization''s secrets, sealed by the service before they come here and bound to the organization. No user''s role can read it.';
comment on column pagerduty.credentials.organization_id is 'The organization that the sealed values are bound to.';
comment on column pagerduty.credentials.api_key is 'Sealed REST API key.';
comment on column pagerduty.credentials.signing_secret is 'Sealed webhook signing secret.';
comment on column pagerduty.credentials.previous_signing_secret is 'The sealed one before it: accepted until it expires, so that a rotation drops no webhook.';
comment on column pagerduty.credentials.previous_signing_secret_expires_at is 'When the previous one stops being accepted: 48 hours after the rotation, as long as PagerDuty retries.';
comment on column pagerduty.credentials.created_at is 'When the first secret was saved.';
comment on column pagerduty.credentials.updated_at is 'When a secret was last changed.';

create trigger set_updated_at before update on pagerduty.credentials
  for each row execute function pagerduty_private.set_updated_at();

create table pagerduty.events (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  integration_id uuid not null references pagerduty.integrations on delete cascade,
  event_id text not null check (length(event_id) between 1 and 300),
  delivery_id text check (length(delivery_id) <= 300),
  family text not null check (family in ('v3', 'v2', 'v1', 'documented', 'unknown')),
  event_type text not null check (length(event_type) <= 255),
  pagerduty_incident_id text check (length(pagerduty_incident_id) <= 255),
  summary text check (length(summary) <= 1024),
  occurred_at timestamptz,
  received_at timestamptz not null default now(),
  deliveries integer not null default 1,
  outcome text not null check (outcome in ('created', 'ignored', 'invalid')),
  reason text check (length(reason) <= 500),
  payload jsonb,
  unique (integration_id, event_id)
);
create index events_organization_received_idx
  on pagerduty.events (organization_id, received_at desc, id desc);
create index events_incident_idx on pagerduty.events (organization_id, pagerduty_incident_id);
comment on table pagerduty.events is 'A received webhook event: what stops duplicates, and the audit trail that answers "is it arriving?".';
comment on column pagerduty.events.id is 'Identifier.';
comment on column pagerduty.events.organization_id is 'The organization.';
comment on column pagerduty.events.integration_id is 'The integration that received it.';
comment on column pagerduty.events.event_id is 'PagerDuty''s id of the event; where it sends none, a digest of the message. Unique per integration.';
comment on column pagerduty.events.delivery_id is 'X-Webhook-Id of the first delivery: the same on each of its attempts.';
comment on column pagerduty.events.family is 'Payload family: v3, v2, v1, the documented form, or unknown.';
comment on column pagerduty.events.event_type is 'Event type, named as in V3 webhooks.';
comment on column pagerduty.events.pagerduty_incident_id is 'PagerDuty''s id of the incident it is about.';
comment on column pagerduty.events.summary is 'One line about it, for lists.';
comment on column pagerduty.events.occurred_at is 'When it happened, by PagerDuty''s clock.';
comment on column pagerduty.events.received_at is 'When it was first received.';
comment on column pagerduty.events.deliveries is 'How often it was delivered: PagerDuty delivers at least once.';
comment on column pagerduty.events.outcome is 'What became of it: created (a notification), ignored, invalid.';
comment on column pagerduty.events.reason is 'Why it was ignored or invalid.';
comment on column pagerduty.events.payload is 'The event as received; a clean-up may drop it, the ids stay.';
