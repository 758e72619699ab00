create table pagerduty.notifications (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  subject text not null check (length(subject) between 1 and 320),
  title text not null check (length(title) between 1 and 1100),
  number integer,
  pagerduty_incident_id text check (length(pagerduty_incident_id) <= 255),
  pagerduty_status text check (pagerduty_status in ('triggered', 'acknowledged', 'resolved')),
  pagerduty_status_at timestamptz,
  acknowledged_by text check (length(acknowledged_by) <= 255),
  urgency text check (urgency in ('high', 'low')),
  priority text check (length(priority) <= 255),
  service_id text check (length(service_id) <= 255),
  service_name text check (length(service_name) <= 255),
  assignees text[] not null default '{}' check (cardinality(assignees) <= 100 and pagerduty_private.are_texts(assignees, 255)),
  conference_url text check (conference_url ~* '^https?://' and length(conference_url) <= 2048),
  pagerduty_url text check (pagerduty_url ~* '^https?://' and length(pagerduty_url) <= 2048),
  prefill jsonb check (jsonb_typeof(prefill) = 'object'),
  written text check (length(written) <= 20000),
  facts jsonb not null default '[]' check (jsonb_typeof(facts) = 'array'),
  described_at timestamptz,
  settled_at jsonb not null default '{}' check (jsonb_typeof(settled_at) = 'object'),
  recipients uuid[],
  event_type text not null check (length(event_type) <= 255),
  body text not null default '' check (length(body) <= 2000),
  occurred_at timestamptz,
  events integer not null default 1,
  seq bigint not null,
  loud_seq bigint not null,
  is_quiet boolean not null default false,
  loud_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  unique (organization_id, subject)
);
create unique index notifications_seq_key on pagerduty.notifications (organization_id, seq);
create unique index notifications_loud_seq_key on pagerduty.notifications (organization_id, loud_seq);
-- Those that follow the name of their service: found at once, however many are over.
create index notifications_service_idx on pagerduty.notifications (organization_id, service_id, loud_seq)
  where pagerduty_incident_id is not null and pagerduty_status is distinct from 'resolved';
comment on table pagerduty.notifications is 'One subject (a PagerDuty incident, or a service) as it stands now: what the bell shows. One row whatever the number of events and of people: its events are its history, and what a user did with it is a receipt.';
comment on column pagerduty.notifications.id is 'Identifier.';
comment on column pagerduty.notifications.organization_id is 'The organization.';
comment on column pagerduty.notifications.subject is 'What it is about: "incident:" or "service:" and PagerDuty''s id; "event:" and the event''s, where it names neither.';
comment on column pagerduty.notifications.title is 'Title of PagerDuty''s incident, as it is, or the service''s name.';
comment on column pagerduty.notifications.number is 'PagerDuty''s number of the incident.';
comment on column pagerduty.notifications.pagerduty_incident_id is 'PagerDuty''s id of the incident; null for a service.';
comment on column pagerduty.notifications.pagerduty_status is 'The incident''s status: what PagerDuty told last. Before it told one, what a snapshot said.';
comment on column pagerduty.notifications.pagerduty_status_at is 'Since when, by PagerDuty''s clock but never later than the event''s arrival. Null: no event told it.';
comment on column pagerduty.notifications.acknowledged_by is 'Who acknowledged it, until it is triggered again.';
comment on column pagerduty.notifications.urgency is 'PagerDuty''s urgency: high or low; null where no event says one.';
comment on column pagerduty.notifications.priority is 'Name of PagerDuty''s priority.';
comment on column pagerduty.notifications.service_id is 'PagerDuty''s id of the service.';
comment on column pagerduty.notifications.service_name is 'Name of that service.';
comment on column pagerduty.notifications.assignees is 'Names of those it is assigned to.';
comment on column pagerduty.notifications.conference_url is 'Link of the conference bridge.';
comment on column pagerduty.notifications.pagerduty_url is 'The incident (or service) in PagerDuty''s web app.';
comment on column pagerduty.notifications.prefill is 'The fields of a new incident, already filled in. Null: it is not about an incident.';
comment on column pagerduty.notifications.written is 'Every text about the incident but its title: the first part of the prefilled description.';
comment on column pagerduty.notifications.facts is 'The second part: [[label, value], …], as the lines of that description.';
comment on column pagerduty.notifications.described_at is 'When the incident was as it is described here, by PagerDuty''s clock; null: only references to it have come.';
comment on column pagerduty.notifications.settled_at is 'For each line of the description that an event told alone (the conference bridge, a custom field, a role): when it was as it stands here, by PagerDuty''s clock.';
comment on column pagerduty.notifications.recipients is 'The users it is addressed to; null: every member of the organization.';
comment on column pagerduty.notifications.event_type is 'Type of the event that was loud last, named as in V3 webhooks: what it rang for.';
comment on column pagerduty.notifications.body is 'What happened then, in one line.';
comment on column pagerduty.notifications.occurred_at is 'When it happened, by PagerDuty''s clock.';
comment on column pagerduty.notifications.events is 'How many events were about it.';
comment on column pagerduty.notifications.seq is 'Sequence number of its latest change: within an organization it grows in the order of commits, so "what changed since the last one I have" misses nothing.';
comment on column pagerduty.notifications.loud_seq is 'Sequence number of its latest loud change (if there was none, of its making): the order of lists, and what receipts and marks are about.';
comment on column pagerduty.notifications.is_quiet is 'Nothing loud has happened to it yet: it is shown, but not as unread.';
comment on column pagerduty.notifications.loud_at is 'When that loud change arrived.';
comment on column pagerduty.notifications.created_at is 'When it was first heard of.';
comment on column pagerduty.notifications.changed_at is 'When its latest change arrived.';
