create view pagerduty.notification_feed with (security_invoker = true) as
select
  n.id, n.organization_id, n.title, n.number,
  n.pagerduty_incident_id, n.pagerduty_status, n.pagerduty_status_at, n.acknowledged_by,
  n.urgency, n.priority, n.service_id, n.service_name, n.assignees, n.conference_url, n.pagerduty_url,
  n.prefill || jsonb_build_object('notification_id', n.id, 'pagerduty_status', n.pagerduty_status) as prefill,
  n.event_type, n.body, n.occurred_at, n.events,
  n.seq, n.loud_seq, n.is_quiet, n.loud_at, n.created_at, n.changed_at,
  case when r.seq = n.loud_seq then not r.read else n.loud_seq > coalesce(m.read_seq, 0) and not n.is_quiet end as unread,
  case when r.seq = n.loud_seq then r.done else n.loud_seq <= coalesce(m.done_seq, 0) end as done,
  case when r.seq = n.loud_seq and r.snoozed_until > now() then r.snoozed_until end as snoozed_until,
  i.id as incident_id
from pagerduty.notifications n
left join pagerduty.receipts r on r.notification_id = n.id and r.user_id = (select auth.uid())
left join pagerduty.inbox_marks m on m.organization_id = n.organization_id and m.user_id = (select auth.uid())
left join pagerduty.incidents i
  on i.organization_id = n.organization_id
  and i.pagerduty_incident_id = n.pagerduty_incident_id;
comment on view pagerduty.notification_feed is 'The notifications that the calling user may see, with what they did with them and the incident that was made of them. What the bell reads, and the shape that is broadcast.';
comment on column pagerduty.notification_feed.id is 'Identifier of the notification.';
comment on column pagerduty.notification_feed.organization_id is 'The organization.';
comment on column pagerduty.notification_feed.title is 'Title of PagerDuty''s incident, as it is, or the service''s name.';
comment on column pagerduty.notification_feed.number is 'PagerDuty''s number of the incident.';
comment on column pagerduty.notification_feed.pagerduty_incident_id is 'PagerDuty''s id of the incident.';
comment on column pagerduty.notification_feed.pagerduty_status is 'The incident''s status in PagerDuty.';
comment on column pagerduty.notification_feed.pagerduty_status_at is 'Since when.';
comment on column pagerduty.notification_feed.acknowledged_by is 'Who acknowledged it.';
comment on column pagerduty.notification_feed.urgency is 'PagerDuty''s urgency.';
comment on column pagerduty.notification_feed.priority is 'Name of PagerDuty''s priority.';
comment on column pagerduty.notification_feed.service_id is 'PagerDuty''s id of the service.';
comment on column pagerduty.notification_feed.service_name is 'Name of that service.';
comment on column pagerduty.notification_feed.assignees is 'Names of those it is assigned to.';
comment on column pagerduty.notification_feed.conference_url is 'Link of the conference bridge.';
comment on column pagerduty.notification_feed.pagerduty_url is 'Where it is in PagerDuty''s web app.';
comment on column pagerduty.notification_feed.prefill is 'The fields of a new incident, already filled in, notification_id among them, and the status that they are filled in with.';
comment on column pagerduty.notification_feed.event_type is 'Type of the event that was loud last.';
comment on column pagerduty.notification_feed.body is 'What happened then, in one line.';
comment on column pagerduty.notification_feed.occurred_at is 'When it happened, by PagerDuty''s clock.';
comment on column pagerduty.notification_feed.events is 'How many events were about it.';
comment on column pagerduty.notification_feed.seq is 'Sequence number of its latest change: the order in which to catch up.';
comment on column pagerduty.notification_feed.loud_seq is 'Sequence number of its latest loud change: the order of lists.';
comment on column pagerduty.notification_feed.is_quiet is 'Nothing loud has happened to it yet.';
comment on column pagerduty.notification_feed.loud_at is 'When the latest loud change arrived.';
comment on column pagerduty.notification_feed.created_at is 'When it was first heard of.';
comment on column pagerduty.notification_feed.changed_at is 'When its latest change arrived.';
comment on column pagerduty.notification_feed.unread is 'The calling user has not read it.';
comment on column pagerduty.notification_feed.done is 'The calling user is done with it.';
comment on column pagerduty.notification_feed.snoozed_until is 'The calling user will see to it then; null: it is not snoozed, or no longer.';
comment on column pagerduty.notification_feed.incident_id is 'The incident that was made of it, if one was.';
