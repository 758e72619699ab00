create table pagerduty.incident_updates (
  id uuid primary key default gen_random_uuid(),
  incident_id uuid not null references pagerduty.incidents on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  kind text not null default 'comment' check (kind in ('created', 'status', 'assigned', 'edited', 'comment', 'pagerduty')),
  body text not null default '' check (length(body) <= 10000),
  status_from pagerduty.incident_status,
  status_to pagerduty.incident_status,
  assignee_from uuid,
  assignee_to uuid,
  author_id uuid default auth.uid() references auth.users on delete set null,
  event_id uuid references pagerduty.events on delete set null,
  created_at timestamptz not null default clock_timestamp(),
  check (kind <> 'comment' or length(body) >= 1)
);
create index incident_updates_incident_idx on pagerduty.incident_updates (incident_id, created_at, id);
create index incident_updates_organization_id_idx on pagerduty.incident_updates (organization_id);
create index incident_updates_author_id_idx on pagerduty.incident_updates (author_id);
create index incident_updates_event_id_idx on pagerduty.incident_updates (event_id);
comment on table pagerduty.incident_updates is 'An entry of an incident''s timeline, ours or PagerDuty''s.';
comment on column pagerduty.incident_updates.id is 'Identifier.';
comment on column pagerduty.incident_updates.incident_id is 'The incident.';
comment on column pagerduty.incident_updates.organization_id is 'Its organization.';
comment on column pagerduty.incident_updates.kind is 'created, status (changed by a member), assigned, edited, comment (written by a member), pagerduty (told by PagerDuty).';
comment on column pagerduty.incident_updates.body is 'What was written or told.';
comment on column pagerduty.incident_updates.status_from is 'Status before, if it changed.';
comment on column pagerduty.incident_updates.status_to is 'Status after, if it changed.';
comment on column pagerduty.incident_updates.assignee_from is 'Who worked on it before, if that changed; perhaps somebody who is gone.';
comment on column pagerduty.incident_updates.assignee_to is 'Who works on it from then on, if that changed; perhaps somebody who is gone.';
comment on column pagerduty.incident_updates.author_id is 'The member; null: PagerDuty.';
comment on column pagerduty.incident_updates.event_id is 'The received event, for PagerDuty''s entries.';
comment on column pagerduty.incident_updates.created_at is 'When it was written.';
