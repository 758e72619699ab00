create table pagerduty.notifications (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  event_id uuid unique references pagerduty.events on delete set null,
  event_type text not null check (length(event_type) <= 255),
  title text not null check (length(title) between 1 and 1100),
  body text not null default '' check (length(body) <= 2000),
  urgency text check (urgency in ('high', 'low')),
  service_name text check (length(service_name) <= 255),
  pagerduty_incident_id text check (length(pagerduty_incident_id) <= 255),
  pagerduty_status text check (pagerduty_status in ('triggered', 'acknowledged', 'resolved')),
  pagerduty_url text check (pagerduty_url ~* '^https?://' and length(pagerduty_url) <= 2048),
  prefill jsonb check (jsonb_typeof(prefill) = 'object'),
  recipients uuid[],
  occurred_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);
create index notifications_organization_created_idx on pagerduty.notifications (organization_id, created_at desc, id desc);
create index notifications_incident_idx on pagerduty.notifications (organization_id, pagerduty_incident_id, occurred_at desc);
comment on table pagerduty.notifications is 'An alert to show in the bell. One row whatever the number of people: who has read it is a receipt.';
comment on column pagerduty.notifications.id is 'Identifier.';
comment on column pagerduty.notifications.organization_id is 'The organization.';
comment on column pagerduty.notifications.event_id is 'The received event that it was made from.';
comment on column pagerduty.notifications.event_type is 'That event''s type, named as in V3 webhooks.';
comment on column pagerduty.notifications.title is 'Title of PagerDuty''s incident, as it is.';
comment on column pagerduty.notifications.body is 'What happened, in one line.';
comment on column pagerduty.notifications.urgency is 'PagerDuty''s urgency: high or low; null where the event says none.';
comment on column pagerduty.notifications.service_name is 'Name of PagerDuty''s service.';
comment on column pagerduty.notifications.pagerduty_incident_id is 'PagerDuty''s id of the incident; null for events of a service.';
comment on column pagerduty.notifications.pagerduty_status is 'The incident''s status that the event told, if it told one.';
comment on column pagerduty.notifications.pagerduty_url is 'The incident (or service) in PagerDuty''s web app.';
comment on column pagerduty.notifications.prefill is 'The fields of a new incident, already filled in. Null: the event is not about an incident.';
comment on column pagerduty.notifications.recipients is 'The users it is addressed to; null: every member of the organization.';
comment on column pagerduty.notifications.occurred_at is 'When the event happened, by PagerDuty''s clock.';
comment on column pagerduty.notifications.created_at is 'When it was made. Within an organization it grows in the order of commits, so "newer than the last one I have" misses nothing.';
