-- Of users it keeps ids and names, not references: what somebody did stays true when they are gone. Nor does it refer
-- to the organization, whose row each line would lock: two changes that then lock it for themselves would deadlock.
create table pagerduty.audit (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  actor_id uuid,
  actor_name text,
  subject text not null check (subject in ('organizations', 'memberships', 'integrations', 'credentials')),
  member_id uuid,
  member_name text,
  setting text not null,
  change text not null check (change in ('set', 'changed', 'removed')),
  old_value jsonb,
  new_value jsonb,
  created_at timestamptz not null default clock_timestamp()
);
create index audit_organization_idx on pagerduty.audit (organization_id, created_at, id);
comment on table pagerduty.audit is 'Who changed which setting of an organization from what to what. Written by triggers alone; never holds a secret.';
comment on column pagerduty.audit.id is 'Identifier.';
comment on column pagerduty.audit.organization_id is 'The organization; its audit goes with it.';
comment on column pagerduty.audit.actor_id is 'The user who changed it. Null: nobody who was signed in, so the service, the host application or whoever runs it.';
comment on column pagerduty.audit.actor_name is 'What they were called in the organization.';
comment on column pagerduty.audit.subject is 'The table whose setting it is.';
comment on column pagerduty.audit.member_id is 'For a membership: whose it is.';
comment on column pagerduty.audit.member_name is 'For a membership: what that user was called.';
comment on column pagerduty.audit.setting is 'The column that changed. A membership''s role is set when somebody joins, and removed when they are.';
comment on column pagerduty.audit.change is 'set (there was none), changed, removed (there is none): all that is told of a secret.';
comment on column pagerduty.audit.old_value is 'What it was. Null: nothing, or a secret.';
comment on column pagerduty.audit.new_value is 'What it became. Null: nothing, or a secret.';
comment on column pagerduty.audit.created_at is 'When it was changed.';
