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
