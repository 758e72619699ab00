create table pagerduty.events (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  integration_id uuid not null references pagerduty.integrations on delete cascade,
  event_id text not null check (length(event_id) between 1 and 300),
  notification_id uuid references pagerduty.notifications on delete set null,
  delivery_id text check (length(delivery_id) <= 300),
  family text not null check (family in ('v3', 'v2', 'v1', 'documented', 'test', 'log', 'unknown')),
  event_type text not null check (length(event_type) <= 255),
  pagerduty_incident_id text check (length(pagerduty_incident_id) <= 255),
  pagerduty_status text check (pagerduty_status in ('triggered', 'acknowledged', 'resolved')),
  service_id text check (length(service_id) <= 255),
  service_name text check (length(service_name) <= 255),
  summary text check (length(summary) <= 1024),
  headline text check (length(headline) <= 10000),
  agent_name text check (length(agent_name) <= 255),
  is_loud boolean not null default false,
  is_repeat boolean not null default false,
  occurred_at timestamptz,
  received_at timestamptz not null default clock_timestamp(),
  deliveries integer not null default 1,
  outcome text not null check (outcome in ('created', 'updated', 'ignored', 'invalid')),
  reason text check (length(reason) <= 500),
  log_entry_id text check (length(log_entry_id) <= 255),
  payload jsonb,
  unique (integration_id, event_id)
);
create index events_organization_received_idx
  on pagerduty.events (organization_id, received_at desc, id desc);
-- By what happened and when, too: whether another feed told of it is asked for each event.
create index events_incident_idx on pagerduty.events (organization_id, pagerduty_incident_id, event_type, occurred_at);
create index events_notification_idx on pagerduty.events (notification_id, received_at desc, id desc);
-- The service that is remembered of an incident is found at once, however many events it has.
create index events_incident_service_idx
  on pagerduty.events (organization_id, pagerduty_incident_id, (least(occurred_at, received_at)) desc, received_at desc)
  where service_id is not null or service_name is not null;
-- Each entry of PagerDuty's log is told by one event.
create unique index events_log_entry_key on pagerduty.events (integration_id, log_entry_id)
  where log_entry_id is not null;
comment on table pagerduty.events is 'A received webhook event: what stops duplicates, and the audit trail that answers "is it arriving?".';
comment on column pagerduty.events.id is 'Identifier.';
comment on column pagerduty.events.organization_id is 'The organization.';
comment on column pagerduty.events.integration_id is 'The integration that received it.';
comment on column pagerduty.events.event_id is 'PagerDuty''s id of the event; where it sends none, a digest of the message. Unique per integration.';
comment on column pagerduty.events.notification_id is 'The notification whose history it is part of.';
comment on column pagerduty.events.delivery_id is 'X-Webhook-Id of the first delivery: the same on each of its attempts.';
comment on column pagerduty.events.family is 'Payload family: v3, v2, v1, the documented form, test (send_test_alert()), log (no webhook told it: taken from PagerDuty''s log), or unknown.';
comment on column pagerduty.events.event_type is 'Event type, named as in V3 webhooks.';
comment on column pagerduty.events.pagerduty_incident_id is 'PagerDuty''s id of the incident it is about.';
comment on column pagerduty.events.pagerduty_status is 'The status that it told the incident to have. Null: it told none, whatever a snapshot of the incident in it says, or it was not taken at all.';
comment on column pagerduty.events.service_id is 'PagerDuty''s id of the service that it belongs to; that of its incident''s last known service, if it names none.';
comment on column pagerduty.events.service_name is 'Name of that service.';
comment on column pagerduty.events.summary is 'One line about it, for lists.';
comment on column pagerduty.events.headline is 'What happened and by whom, with every text that it brought, in one line.';
comment on column pagerduty.events.agent_name is 'Who or what did it, in PagerDuty.';
comment on column pagerduty.events.is_loud is 'It rang: the notification was unread after it.';
comment on column pagerduty.events.is_repeat is 'Another event had told of the same happening before: two feeds of one service are on.';
comment on column pagerduty.events.occurred_at is 'When it happened, by PagerDuty''s clock.';
comment on column pagerduty.events.received_at is 'When it was first received, its turn among the organization''s webhooks having come.';
comment on column pagerduty.events.deliveries is 'How often it was delivered: PagerDuty delivers at least once.';
comment on column pagerduty.events.outcome is 'What became of it: created (a notification), updated (one), ignored, invalid.';
comment on column pagerduty.events.reason is 'Why it was ignored or invalid; of one that updated a notification, why nobody was told.';
comment on column pagerduty.events.log_entry_id is 'PagerDuty''s id of the entry of its log that says the same. Null: not compared yet, or its log has none of it.';
comment on column pagerduty.events.payload is 'The event as received; a clean-up may drop it, the ids stay.';
