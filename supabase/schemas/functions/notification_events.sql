-- A notification's history, for those who may see it: the events themselves, with what they brought, are for admins.
create function pagerduty_private.events_of(notification uuid, before timestamptz, before_id uuid, at_most integer)
returns table (
  id uuid, event_type text, headline text, agent_name text, pagerduty_status text, is_loud boolean,
  occurred_at timestamptz, received_at timestamptz
)
language sql
stable
security definer
set search_path = ''
as $$
  select e.id, e.event_type, e.headline, e.agent_name, e.pagerduty_status, e.is_loud, e.occurred_at, e.received_at
  from pagerduty.events e
  join pagerduty.notifications n on n.id = e.notification_id and n.organization_id = e.organization_id
  where e.notification_id = notification
    and n.organization_id in (select pagerduty_private.my_organizations())
    and (n.recipients is null or (select auth.uid()) = any(n.recipients))
    and not e.is_repeat
    and (before is null or (e.received_at, e.id) < (before, before_id))
  order by e.received_at desc, e.id desc
  limit at_most
$$;
comment on function pagerduty_private.events_of(uuid, timestamptz, uuid, integer) is 'The events of a notification that the calling user may see, newest first, without their payloads; a happening that was told twice stands once.';
revoke all on function pagerduty_private.events_of(uuid, timestamptz, uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.events_of(uuid, timestamptz, uuid, integer) to authenticated;

create function pagerduty.notification_events(
  notification_id uuid, before timestamptz default null, before_id uuid default null, at_most integer default 100
)
returns table (
  id uuid, event_type text, headline text, agent_name text, pagerduty_status text, is_loud boolean,
  occurred_at timestamptz, received_at timestamptz
)
language sql
stable
set search_path = ''
as $$ select * from pagerduty_private.events_of(notification_id, before, before_id, at_most) $$;
comment on function pagerduty.notification_events(uuid, timestamptz, uuid, integer) is 'The history of a notification that the calling user may see, newest first: what happened and by whom, with every text, what it told of the status, and whether it rang. With "before" and its id, what is older.';
revoke all on function pagerduty.notification_events(uuid, timestamptz, uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.notification_events(uuid, timestamptz, uuid, integer) to authenticated;
