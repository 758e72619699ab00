create view pagerduty.notification_feed with (security_invoker = true) as
select
  n.id, n.organization_id, n.event_type, n.title, n.body, n.urgency, n.service_name,
  n.pagerduty_incident_id, n.pagerduty_status, n.pagerduty_url,
  n.prefill || jsonb_build_object('notification_id', n.id) as prefill,
  n.occurred_at, n.created_at,
  r.read_at,
  i.id as incident_id
from pagerduty.notifications n
left join pagerduty.receipts r on r.notification_id = n.id and r.user_id = (select auth.uid())
left join pagerduty.incidents i
  on i.organization_id = n.organization_id
  and i.pagerduty_incident_id = n.pagerduty_incident_id;
comment on view pagerduty.notification_feed is 'The notifications that the calling user may see, with their own receipt and the incident that was made of it. What the bell reads, and the shape that is broadcast.';
comment on column pagerduty.notification_feed.id is 'Identifier of the notification.';
comment on column pagerduty.notification_feed.organization_id is 'The organization.';
comment on column pagerduty.notification_feed.event_type is 'Type of the event that it was made from.';
comment on column pagerduty.notification_feed.title is 'Title of PagerDuty''s incident, as it is.';
comment on column pagerduty.notification_feed.body is 'What happened, in one line.';
comment on column pagerduty.notification_feed.urgency is 'PagerDuty''s urgency.';
comment on column pagerduty.notification_feed.service_name is 'Name of PagerDuty''s service.';
comment on column pagerduty.notification_feed.pagerduty_incident_id is 'PagerDuty''s id of the incident.';
comment on column pagerduty.notification_feed.pagerduty_status is 'The incident''s status that the event told.';
comment on column pagerduty.notification_feed.pagerduty_url is 'Where it is in PagerDuty''s web app.';
comment on column pagerduty.notification_feed.prefill is 'The fields of a new incident, already filled in, notification_id among them.';
comment on column pagerduty.notification_feed.occurred_at is 'When the event happened.';
comment on column pagerduty.notification_feed.created_at is 'When the notification was made: the order of the feed.';
comment on column pagerduty.notification_feed.read_at is 'When the calling user read it; null: unread.';
comment on column pagerduty.notification_feed.incident_id is 'The incident that was made of it, if one was.';
