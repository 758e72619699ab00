create table pagerduty.integrations (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null unique references pagerduty.organizations on delete cascade,
  enabled boolean not null default false,
  webhook_token text not null unique default pagerduty_private.new_webhook_token() check (length(webhook_token) between 32 and 128),
  previous_webhook_token text unique check (length(previous_webhook_token) between 32 and 128),
  previous_webhook_token_expires_at timestamptz,
  accept_bare_url boolean not null default false,
  integration_key text check (length(integration_key) between 1 and 255),
  region text not null default 'us' check (region in ('us', 'eu')),
  event_types text[] check (
    cardinality(event_types) between 1 and 100
    and pagerduty_private.are_texts(event_types, 255)
    and length(array_to_string(event_types, '')) <= 5000
  ),
  services text[] check (
    cardinality(services) between 1 and 100
    and pagerduty_private.are_texts(services, 255)
    and length(array_to_string(services, '')) <= 5000
  ),
  api_key_last4 text check (length(api_key_last4) <= 4),
  signing_secret_last4 text check (length(signing_secret_last4) <= 4),
  api_key_set boolean not null generated always as (api_key_last4 is not null) stored,
  signing_secret_set boolean not null generated always as (signing_secret_last4 is not null) stored,
  acting_email text check (length(acting_email) between 3 and 320),
  sync_status text not null default 'both' check (sync_status in ('both', 'to_pagerduty', 'from_pagerduty', 'off')),
  sync_notes text not null default 'both' check (sync_notes in ('both', 'to_pagerduty', 'from_pagerduty', 'off')),
  paging_service_id text check (length(paging_service_id) between 1 and 255),
  paging_criticality pagerduty.incident_level not null default 'critical',
  subscription_id text check (length(subscription_id) between 1 and 255),
  subscription_scope jsonb check (
    jsonb_typeof(subscription_scope) = 'object'
    and length(subscription_scope::text) <= 1000
  ),
  subscription_token text check (length(subscription_token) between 32 and 128),
  subscription_made_at timestamptz,
  subscription_proven_at timestamptz,
  settings_version bigint not null default 1,
  filters_changed_at timestamptz not null default now(),
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
comment on column pagerduty.integrations.previous_webhook_token is 'The one before it: taken until it expires, so that a new URL loses no webhook.';
comment on column pagerduty.integrations.previous_webhook_token_expires_at is 'When the previous one stops being taken: 48 hours after rotate_webhook_url(), as long as PagerDuty retries.';
comment on column pagerduty.integrations.accept_bare_url is 'Serves POST /api/webhooks/pagerduty without a token. At most one in a deployment; set by who runs it, not by members.';
comment on column pagerduty.integrations.integration_key is 'Notify only of events that carry this integration key (or come from the service with this id). Null: of all. Linked incidents follow PagerDuty all the same.';
comment on column pagerduty.integrations.region is 'PagerDuty''s service region of the account: us or eu.';
comment on column pagerduty.integrations.event_types is 'Notify only of these event types, named as in V3 webhooks (incident.triggered, …). Null: of all that are known. Linked incidents follow PagerDuty all the same.';
comment on column pagerduty.integrations.services is 'Notify only of events of these PagerDuty services, each by its id or name, in small or capital letters. Null: of all. Linked incidents follow PagerDuty all the same.';
comment on column pagerduty.integrations.api_key_last4 is 'Last four characters of the saved API key: a hint. Null: none saved.';
comment on column pagerduty.integrations.signing_secret_last4 is 'Last four characters of the saved signing secret: a hint. Null: none saved, webhooks are not signed.';
comment on column pagerduty.integrations.api_key_set is 'Is an API key saved.';
comment on column pagerduty.integrations.signing_secret_set is 'Is a signing secret saved; then nothing unsigned is accepted.';
comment on column pagerduty.integrations.acting_email is 'The PagerDuty user as whom PagerDuty is told what a member did whom it does not know. Null: nobody; that is not told.';
comment on column pagerduty.integrations.sync_status is 'Which way the status of a linked incident goes: both, to_pagerduty, from_pagerduty, off.';
comment on column pagerduty.integrations.sync_notes is 'Which way notes and comments go: both, to_pagerduty, from_pagerduty, off.';
comment on column pagerduty.integrations.paging_service_id is 'The PagerDuty service that is paged of an incident that is made here and critical enough. Null: none is; a member may page one by hand.';
comment on column pagerduty.integrations.paging_criticality is 'How critical it must be for that.';
comment on column pagerduty.integrations.subscription_id is 'PagerDuty''s id of the webhook subscription that was made from here. Null: none; what arrives was set up by hand.';
comment on column pagerduty.integrations.subscription_scope is 'What the subscription covers: {"type": account, service or team, "id", "name"}.';
comment on column pagerduty.integrations.subscription_token is 'The webhook token that the subscription sends to: another than the present one, once that was replaced.';
comment on column pagerduty.integrations.subscription_made_at is 'When the subscription was made.';
comment on column pagerduty.integrations.subscription_proven_at is 'When a webhook of the subscription, perhaps its ping, arrived last. Null: none has yet.';
comment on column pagerduty.integrations.settings_version is 'Grows with every change that a cache of these settings must notice; health does not count.';
comment on column pagerduty.integrations.filters_changed_at is 'Since when it takes what it takes now: when enabled or a filter was last changed.';
comment on column pagerduty.integrations.last_event_at is 'When the last webhook was accepted.';
comment on column pagerduty.integrations.last_error is 'What went wrong last, in words for an admin; cleared by the next good webhook.';
comment on column pagerduty.integrations.last_error_at is 'When that went wrong.';
comment on column pagerduty.integrations.created_at is 'When it was first saved.';
comment on column pagerduty.integrations.updated_at is 'When its settings were last changed.';
