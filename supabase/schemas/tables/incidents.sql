create table pagerduty.incidents (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  title text not null check (length(title) between 1 and 1100),
  description text not null default '' check (length(description) <= 20000),
  criticality pagerduty.incident_level not null default 'medium',
  urgency pagerduty.incident_level not null default 'medium',
  status pagerduty.incident_status not null default 'open',
  customer text not null default '' check (length(customer) <= 255),
  tags text[] not null default '{}' check (
    cardinality(tags) <= 50
    and pagerduty_private.are_texts(tags, 300)
    and length(array_to_string(tags, '')) <= 5000
  ),
  notification_id uuid references pagerduty.notifications on delete set null,
  pagerduty_incident_id text check (length(pagerduty_incident_id) <= 255),
  pagerduty_url text check (pagerduty_url ~* '^https?://' and length(pagerduty_url) <= 2048),
  pagerduty_status text check (pagerduty_status in ('triggered', 'acknowledged', 'resolved')),
  pagerduty_status_at timestamptz,
  pagerduty_event_id uuid references pagerduty.events on delete set null,
  member_status_at timestamptz,
  assignee_id uuid,
  created_by uuid references auth.users on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, pagerduty_incident_id),
  -- Whoever is no member any more has nothing to work on here.
  foreign key (organization_id, assignee_id) references pagerduty.memberships (organization_id, user_id)
    on delete set null (assignee_id)
);
create index incidents_organization_created_idx on pagerduty.incidents (organization_id, created_at desc, id desc);
create index incidents_notification_id_idx on pagerduty.incidents (notification_id);
create index incidents_pagerduty_event_id_idx on pagerduty.incidents (pagerduty_event_id);
create index incidents_assignee_idx on pagerduty.incidents (organization_id, assignee_id, created_at desc, id desc);
create index incidents_created_by_idx on pagerduty.incidents (created_by);
comment on table pagerduty.incidents is 'An incident that the organization works on, perhaps linked to one in PagerDuty.';
comment on column pagerduty.incidents.id is 'Identifier.';
comment on column pagerduty.incidents.organization_id is 'The organization.';
comment on column pagerduty.incidents.title is 'What it is about.';
comment on column pagerduty.incidents.description is 'What is known.';
comment on column pagerduty.incidents.criticality is 'How much it matters.';
comment on column pagerduty.incidents.urgency is 'How soon it must be worked on.';
comment on column pagerduty.incidents.status is 'Where it stands.';
comment on column pagerduty.incidents.customer is 'Who is affected; from PagerDuty, the service''s name.';
comment on column pagerduty.incidents.tags is 'Labels.';
comment on column pagerduty.incidents.notification_id is 'The notification that it was made from.';
comment on column pagerduty.incidents.pagerduty_incident_id is 'PagerDuty''s id of the linked incident; linked once per organization.';
comment on column pagerduty.incidents.pagerduty_url is 'The linked incident in PagerDuty''s web app.';
comment on column pagerduty.incidents.pagerduty_status is 'The status that PagerDuty told last of the linked incident, whether or not a member''s later change stands against it. On insert: the one with which the form was filled in.';
comment on column pagerduty.incidents.pagerduty_status_at is 'Since when, by PagerDuty''s clock but never later than the event''s arrival: an older event is no news.';
comment on column pagerduty.incidents.pagerduty_event_id is 'The received event that moved the status last: how triggers tell PagerDuty''s changes from a member''s.';
comment on column pagerduty.incidents.member_status_at is 'When a member last chose the status: only what PagerDuty changed later moves it. Null: no member has chosen one.';
comment on column pagerduty.incidents.assignee_id is 'The member who works on it; null: nobody yet.';
comment on column pagerduty.incidents.created_by is 'Who made it.';
comment on column pagerduty.incidents.created_at is 'When it was made.';
comment on column pagerduty.incidents.updated_at is 'When it was last changed.';
