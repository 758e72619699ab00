create table pagerduty.outbox (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  incident_id uuid not null references pagerduty.incidents on delete cascade,
  thing text not null check (thing in (
    'status', 'note', 'incident', 'priority', 'urgency', 'escalation', 'assignment', 'snooze', 'responders', 'status_update'
  )),
  update_id uuid references pagerduty.incident_updates on delete cascade,
  wanted text not null check (length(wanted) between 1 and 10000),
  actor_id uuid references auth.users on delete set null,
  version integer not null default 1,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'dead')),
  attempts integer not null default 0,
  last_error text check (length(last_error) <= 500),
  due_at timestamptz not null default clock_timestamp(),
  attempted_at timestamptz,
  sent_at timestamptz,
  acted_as text check (length(acted_as) <= 320),
  echoed_at timestamptz,
  expected jsonb not null default '[]',
  changed_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  slot text not null generated always as (
    case when thing in ('note', 'responders', 'status_update') then id::text else thing end
  ) stored,
  unique (incident_id, slot),
  check ((thing = 'note') = (update_id is not null))
);
create index outbox_due_idx on pagerduty.outbox (organization_id, state, due_at, id);
create index outbox_update_id_idx on pagerduty.outbox (update_id);
create index outbox_actor_id_idx on pagerduty.outbox (actor_id);
comment on table pagerduty.outbox is 'One thing of one incident that PagerDuty must be told: changed again before it is sent, it is the same row. The queue says that there is something, the row says what.';
comment on column pagerduty.outbox.id is 'Identifier.';
comment on column pagerduty.outbox.organization_id is 'The organization.';
comment on column pagerduty.outbox.incident_id is 'The incident, which is linked to one in PagerDuty.';
comment on column pagerduty.outbox.thing is 'status: what stands in "wanted", in PagerDuty''s word; note: a comment, whose text stands there; the others are what ask_pagerduty() takes, as JSON.';
comment on column pagerduty.outbox.expected is 'What PagerDuty may still say to what it was told before this was changed, the last ten: [{"wanted", "attempted_at"}, …].';
comment on column pagerduty.outbox.changed_at is 'When a member last wanted it so.';
comment on column pagerduty.outbox.slot is 'Of what an incident has one of, the thing; else the id of the row.';
comment on column pagerduty.outbox.update_id is 'The comment, of a note.';
comment on column pagerduty.outbox.wanted is 'What should stand in PagerDuty.';
comment on column pagerduty.outbox.actor_id is 'The member who changed it, as whom it is told; null: it was changed in the dashboard.';
comment on column pagerduty.outbox.version is 'Grows when it is changed again: what was sent of an older one is not all.';
comment on column pagerduty.outbox.state is 'waiting; sent; dead: given up, with the reason in last_error, until somebody has it tried again.';
comment on column pagerduty.outbox.attempts is 'How often it was tried.';
comment on column pagerduty.outbox.last_error is 'Why it has not been sent, in words for members.';
comment on column pagerduty.outbox.due_at is 'When it is to be tried, or tried again.';
comment on column pagerduty.outbox.attempted_at is 'When it was tried first: what PagerDuty tells of it since may be its echo.';
comment on column pagerduty.outbox.sent_at is 'When PagerDuty confirmed it.';
comment on column pagerduty.outbox.acted_as is 'The address of the PagerDuty user as whom it was told.';
comment on column pagerduty.outbox.echoed_at is 'When PagerDuty''s own event of it arrived: it is known here, and told once.';
comment on column pagerduty.outbox.created_at is 'When it was first wanted.';
