create table pagerduty_private.note_looks (
  incident_id uuid primary key references pagerduty.incidents on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  looked_at timestamptz not null
);
create index note_looks_organization_idx on pagerduty_private.note_looks (organization_id);
comment on table pagerduty_private.note_looks is 'When the notes of a linked incident were last compared with PagerDuty''s.';
comment on column pagerduty_private.note_looks.incident_id is 'The incident.';
comment on column pagerduty_private.note_looks.organization_id is 'Its organization.';
comment on column pagerduty_private.note_looks.looked_at is 'When.';
revoke all on pagerduty_private.note_looks from public, anon, authenticated, service_role;
alter table pagerduty_private.note_looks enable row level security;
