create table pagerduty_private.outboxes (
  organization_id uuid primary key references pagerduty.organizations on delete cascade,
  message_id bigint,
  leased_until timestamptz,
  paused_until timestamptz,
  paused_because text check (length(paused_because) <= 500)
);
comment on table pagerduty_private.outboxes is 'An organization''s place in the queue: one message at most, so that PagerDuty gets one request at a time, and everybody has their turn.';
comment on column pagerduty_private.outboxes.organization_id is 'The organization.';
comment on column pagerduty_private.outboxes.message_id is 'Its message in the queue; null: there is nothing to tell.';
comment on column pagerduty_private.outboxes.leased_until is 'Until when a worker has it; past: that worker is gone.';
comment on column pagerduty_private.outboxes.paused_until is 'Until when nothing of it is tried: the key was refused, or PagerDuty asked to wait.';
comment on column pagerduty_private.outboxes.paused_because is 'Why, in words for members.';
revoke all on pagerduty_private.outboxes from public, anon, authenticated, service_role;
alter table pagerduty_private.outboxes enable row level security;
