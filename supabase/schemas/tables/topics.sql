create table pagerduty_private.topics (
  organization_id uuid primary key references pagerduty.organizations on delete cascade,
  members integer not null default 0,
  told_at timestamptz not null default '-infinity',
  told_seq bigint not null default 0,
  kept_seq bigint not null default 0,
  due_at timestamptz
);
create index topics_due_at_idx on pagerduty_private.topics (due_at) where due_at is not null;
comment on table pagerduty_private.topics is 'What an organization''s topic has carried: a storm must not use up what Realtime delivers for the whole project.';
comment on column pagerduty_private.topics.organization_id is 'The organization.';
comment on column pagerduty_private.topics.members is 'How many members it has, so at most so many listen.';
comment on column pagerduty_private.topics.told_at is 'When its topic carried the last message.';
comment on column pagerduty_private.topics.told_seq is 'The greatest seq that was told.';
comment on column pagerduty_private.topics.kept_seq is 'The greatest seq that was told or kept back.';
comment on column pagerduty_private.topics.due_at is 'When the word of what was kept back is due. Null: nothing was.';

-- Rows come and go with each transaction, and their remains stay until a vacuum: only by its key does a transaction find
-- its own among them at once. Nothing of it outlives a transaction, so nothing of it needs to outlive a crash.
create unlogged table pagerduty_private.tellings (
  transaction xid8 not null default pg_current_xact_id(),
  id bigint generated always as identity,
  organization_id uuid not null,
  event text,
  payload jsonb,
  members integer not null default 0,
  primary key (transaction, id)
);
comment on table pagerduty_private.tellings is 'What the running transaction has to tell organizations when it ends. Empty for everybody else: the rows go before it commits.';
comment on column pagerduty_private.tellings.transaction is 'The transaction that has it to tell.';
comment on column pagerduty_private.tellings.id is 'In the order in which it happened.';
comment on column pagerduty_private.tellings.organization_id is 'The organization. No reference: it may be gone when the transaction ends.';
comment on column pagerduty_private.tellings.event is 'Name of the broadcast. Null: nothing is told, members came or went.';
comment on column pagerduty_private.tellings.payload is 'What is told.';
comment on column pagerduty_private.tellings.members is 'How many members more there are.';

create table pagerduty_private.settings (
  is_only boolean primary key default true check (is_only),
  deliveries_per_second integer not null default 50 check (deliveries_per_second > 0),
  shortest_interval numeric not null default 1 check (shortest_interval between 0 and 30)
);
comment on table pagerduty_private.settings is 'Settings of the project, in one row. Without a row, the defaults hold.';
comment on column pagerduty_private.settings.is_only is 'There is one row.';
comment on column pagerduty_private.settings.deliveries_per_second is 'How many of the deliveries that Realtime makes in a second for the whole project one organization may use.';
comment on column pagerduty_private.settings.shortest_interval is 'Seconds between two messages of one organization, however few its members are.';
