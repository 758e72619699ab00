-- What people see: notifications with their receipts, and incidents with their timelines.

create type pagerduty.incident_status as enum ('open', 'investigating', 'resolved');
comment on type pagerduty.incident_status is 'Where an incident stands. PagerDuty''s triggered, acknowledged and resolved, in this order.';

create type pagerduty.incident_level as enum ('low', 'medium', 'high', 'critical');
comment on type pagerduty.incident_level is 'How much an incident matters (criticality) or how soon it must be worked on (urgency).';

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

create table pagerduty.receipts (
  notification_id uuid not null references pagerduty.notifications on delete cascade,
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  read_at timestamptz not null default now(),
  primary key (notification_id, user_id)
);
create index receipts_user_id_idx on pagerduty.receipts (user_id);
comment on table pagerduty.receipts is 'A user has read a notification.';
comment on column pagerduty.receipts.notification_id is 'The notification.';
comment on column pagerduty.receipts.user_id is 'Who has read it.';
comment on column pagerduty.receipts.read_at is 'When.';

create table pagerduty.incidents (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  title text not null check (length(title) between 1 and 1100),
  description text not null default '' check (length(description) <= 20000),
  criticality pagerduty.incident_level not null default 'medium',
  urgency pagerduty.incident_level not null default 'medium',
  status pagerduty.incident_status not null default 'open',
  customer text not null default '' check (length(customer) <= 255),
  tags text[] not null default '{}' check (cardinality(tags) <= 50 and length(array_to_string(tags, '', '')) <= 5000),
  notification_id uuid references pagerduty.notifications on delete set null,
  pagerduty_incident_id text check (length(pagerduty_incident_id) <= 255),
  pagerduty_url text check (pagerduty_url ~* '^https?://' and length(pagerduty_url) <= 2048),
  pagerduty_status_at timestamptz,
  pagerduty_event_id uuid references pagerduty.events on delete set null,
  created_by uuid references auth.users on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, pagerduty_incident_id)
);
create index incidents_organization_created_idx on pagerduty.incidents (organization_id, created_at desc, id desc);
create index incidents_notification_id_idx on pagerduty.incidents (notification_id);
create index incidents_pagerduty_event_id_idx on pagerduty.incidents (pagerduty_event_id);
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
comment on column pagerduty.incidents.pagerduty_status_at is 'PagerDuty''s time of the state that was applied last: an older event never overwrites it.';
comment on column pagerduty.incidents.pagerduty_event_id is 'The received event that moved the status last: how triggers tell PagerDuty''s changes from a member''s.';
comment on column pagerduty.incidents.created_by is 'Who made it.';
comment on column pagerduty.incidents.created_at is 'When it was made.';
comment on column pagerduty.incidents.updated_at is 'When it was last changed.';

create trigger set_updated_at before update on pagerduty.incidents
  for each row execute function pagerduty_private.set_updated_at();

create table pagerduty.incident_updates (
  id uuid primary key default gen_random_uuid(),
  incident_id uuid not null references pagerduty.incidents on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  kind text not null default 'comment' check (kind in ('created', 'status', 'edited', 'comment', 'pagerduty')),
  body text not null default '' check (length(body) <= 10000),
  status_from pagerduty.incident_status,
  status_to pagerduty.incident_status,
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
comment on column pagerduty.incident_updates.kind is 'created, status (changed by a member), edited, comment (written by a member), pagerduty (told by PagerDuty).';
comment on column pagerduty.incident_updates.body is 'What was written or told.';
comment on column pagerduty.incident_updates.status_from is 'Status before, if it changed.';
comment on column pagerduty.incident_updates.status_to is 'Status after, if it changed.';
comment on column pagerduty.incident_updates.author_id is 'The member; null: PagerDuty.';
comment on column pagerduty.incident_updates.event_id is 'The received event, for PagerDuty''s entries.';
comment on column pagerduty.incident_updates.created_at is 'When it was written.';

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

-- Realtime --------------------------------------------------------------------------------------------------------

create function pagerduty_private.broadcast_receipts() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- One message a user and statement: "read all" of a thousand must not become a thousand broadcasts.
  perform realtime.send(
    jsonb_build_object(
      'notification_ids', case when count(*) <= 100 then jsonb_agg(r.notification_id) end,
      'read_at', max(r.read_at)
    ),
    'receipt', 'pagerduty:user:' || r.user_id, true
  )
  from new_receipts r
  group by r.user_id;
  return null;
end
$$;
comment on function pagerduty_private.broadcast_receipts() is 'Trigger: tells a user''s other tabs what they have read; notification_ids is null where there are too many to list.';
revoke all on function pagerduty_private.broadcast_receipts() from public, anon, authenticated, service_role;

create trigger broadcast_receipts after insert on pagerduty.receipts
  referencing new table as new_receipts
  for each statement execute function pagerduty_private.broadcast_receipts();

-- Incidents: what happens around a change ----------------------------------------------------------------------------

create function pagerduty_private.lock_pagerduty_incident(organization_id uuid, pagerduty_incident_id text) returns void
language sql
volatile
set search_path = ''
as $$ select pg_advisory_xact_lock(hashtextextended(organization_id || '/' || pagerduty_incident_id, 0)) $$;
comment on function pagerduty_private.lock_pagerduty_incident(uuid, text) is 'Until the transaction ends, nobody else links or moves this incident: an event that arrives while somebody saves the form is not missed.';
revoke all on function pagerduty_private.lock_pagerduty_incident(uuid, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.lock_pagerduty_incident(uuid, text) to authenticated, service_role;

create function pagerduty_private.status_from_pagerduty(pagerduty_status text) returns pagerduty.incident_status
language sql
immutable
set search_path = ''
as $$
  select case pagerduty_status
    when 'triggered' then 'open'
    when 'acknowledged' then 'investigating'
    when 'resolved' then 'resolved'
  end::pagerduty.incident_status
$$;
comment on function pagerduty_private.status_from_pagerduty(text) is 'PagerDuty''s status as ours; null for none.';
revoke all on function pagerduty_private.status_from_pagerduty(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.status_from_pagerduty(text) to authenticated, service_role;

create function pagerduty_private.link_incident() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  origin pagerduty.notifications;
  latest record;
begin
  new.created_by := coalesce(auth.uid(), new.created_by);
  if new.notification_id is null then
    return new;
  end if;
  -- As the calling user: RLS says whether they may see it.
  select n.id, n.organization_id, n.pagerduty_incident_id, n.pagerduty_url, n.pagerduty_status, n.occurred_at, n.created_at
  into origin.id, origin.organization_id, origin.pagerduty_incident_id, origin.pagerduty_url, origin.pagerduty_status,
    origin.occurred_at, origin.created_at
  from pagerduty.notifications n
  where n.id = new.notification_id and n.organization_id = new.organization_id;
  if origin.id is null then
    raise exception 'There is no such notification in this organization.' using errcode = 'PT404';
  end if;
  new.pagerduty_incident_id := origin.pagerduty_incident_id;
  new.pagerduty_url := origin.pagerduty_url;
  if new.pagerduty_incident_id is null then
    return new;
  end if;
  perform pagerduty_private.lock_pagerduty_incident(new.organization_id, new.pagerduty_incident_id);
  select n.id, n.pagerduty_status, coalesce(n.occurred_at, n.created_at) as at
  into latest
  from pagerduty.notifications n
  where n.organization_id = new.organization_id
    and n.pagerduty_incident_id = new.pagerduty_incident_id
    and n.pagerduty_status is not null
  order by coalesce(n.occurred_at, n.created_at) desc, n.created_at desc
  limit 1;
  new.pagerduty_status_at := latest.at;
  -- The form was filled from one event; PagerDuty may have moved on since. A status that the user chose stays.
  if latest.id <> origin.id
    and new.status = coalesce(pagerduty_private.status_from_pagerduty(origin.pagerduty_status), 'open')
  then
    new.status := pagerduty_private.status_from_pagerduty(latest.pagerduty_status);
  end if;
  return new;
end
$$;
comment on function pagerduty_private.link_incident() is 'Trigger: says who made an incident, and links one made from a notification to PagerDuty''s, at the state that PagerDuty told last.';
revoke all on function pagerduty_private.link_incident() from public, anon, authenticated, service_role;

create trigger link_incident before insert on pagerduty.incidents
  for each row execute function pagerduty_private.link_incident();

create function pagerduty_private.record_incident_change() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into pagerduty.incident_updates (incident_id, organization_id, kind, status_to, author_id)
    values (new.id, new.organization_id, 'created', new.status, new.created_by);
  elsif new.pagerduty_event_id is not distinct from old.pagerduty_event_id then
    -- A change that PagerDuty told is recorded by the ingest function, with the event.
    if new.status <> old.status then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, status_from, status_to, author_id)
      values (new.id, new.organization_id, 'status', old.status, new.status, auth.uid());
    end if;
    if (new.title, new.description, new.criticality, new.urgency, new.customer, new.tags)
      is distinct from (old.title, old.description, old.criticality, old.urgency, old.customer, old.tags)
    then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, author_id)
      values (new.id, new.organization_id, 'edited', auth.uid());
    end if;
  end if;
  perform realtime.send(to_jsonb(new), 'incident', 'pagerduty:org:' || new.organization_id, true);
  return null;
end
$$;
comment on function pagerduty_private.record_incident_change() is 'Trigger: writes the timeline of a member''s change, and tells the organization of any.';
revoke all on function pagerduty_private.record_incident_change() from public, anon, authenticated, service_role;

create trigger record_incident_change after insert or update on pagerduty.incidents
  for each row execute function pagerduty_private.record_incident_change();

create function pagerduty_private.broadcast_incident_update() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform realtime.send(to_jsonb(new), 'incident_update', 'pagerduty:org:' || new.organization_id, true);
  return null;
end
$$;
comment on function pagerduty_private.broadcast_incident_update() is 'Trigger: a timeline entry appears for everybody who has the incident open.';
revoke all on function pagerduty_private.broadcast_incident_update() from public, anon, authenticated, service_role;

create trigger broadcast_incident_update after insert on pagerduty.incident_updates
  for each row execute function pagerduty_private.broadcast_incident_update();
