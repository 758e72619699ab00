create table pagerduty_private.reconciliations (
  integration_id uuid primary key references pagerduty.integrations on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  begun_at timestamptz not null default clock_timestamp(),
  read_until timestamptz not null default clock_timestamp(),
  due_at timestamptz not null default clock_timestamp(),
  subscription_state text check (subscription_state in ('on', 'off', 'gone', 'changed')),
  checked_at timestamptz,
  mended_at timestamptz,
  pinged_at timestamptz,
  directory_read_at timestamptz,
  counted_since timestamptz not null default clock_timestamp(),
  changes bigint not null default 0,
  healed bigint not null default 0,
  healed_at timestamptz,
  last_error text check (length(last_error) <= 500)
);
create index reconciliations_due_idx on pagerduty_private.reconciliations (due_at);
create index reconciliations_organization_idx on pagerduty_private.reconciliations (organization_id);
comment on table pagerduty_private.reconciliations is 'How far an integration was compared with PagerDuty''s log, what came of it, and how its webhook subscription was found there. One row while there is a subscription that was made from here.';
comment on column pagerduty_private.reconciliations.integration_id is 'The integration.';
comment on column pagerduty_private.reconciliations.organization_id is 'Its organization.';
comment on column pagerduty_private.reconciliations.begun_at is 'Since when the subscription covers what it covers: nothing before that was missed.';
comment on column pagerduty_private.reconciliations.read_until is 'Everything that PagerDuty''s log has before this time was compared.';
comment on column pagerduty_private.reconciliations.due_at is 'When it is to be compared next; a worker that begins moves it on, by its lease.';
comment on column pagerduty_private.reconciliations.subscription_state is 'How PagerDuty said that the subscription is: on, off, gone, or changed. Null: not asked yet.';
comment on column pagerduty_private.reconciliations.checked_at is 'When PagerDuty said so.';
comment on column pagerduty_private.reconciliations.mended_at is 'When a subscription that PagerDuty had switched off for a day was last switched on again from here.';
comment on column pagerduty_private.reconciliations.pinged_at is 'When PagerDuty was last asked for its test event; later than integrations.subscription_proven_at: nothing has arrived since.';
comment on column pagerduty_private.reconciliations.directory_read_at is 'When the directory was last read.';
comment on column pagerduty_private.reconciliations.counted_since is 'Since when is counted: a Monday, or when it was connected.';
comment on column pagerduty_private.reconciliations.changes is 'Changes that the log had since then.';
comment on column pagerduty_private.reconciliations.healed is 'Those of them that no webhook had told, and that were taken from the log.';
comment on column pagerduty_private.reconciliations.healed_at is 'When the last one of them was taken.';
comment on column pagerduty_private.reconciliations.last_error is 'Why it could not be compared the last time, in words for members. Null: it could.';
revoke all on pagerduty_private.reconciliations from public, anon, authenticated, service_role;
alter table pagerduty_private.reconciliations enable row level security;
