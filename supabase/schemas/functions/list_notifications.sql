-- The bell's lists. They run as the calling member: RLS decides what there is to read.
create function pagerduty_private.is_listed(
  f pagerduty.notification_feed, view text, unread boolean, status text[], urgency text, service text,
  without_incident boolean, words text
) returns boolean
language sql
stable
set search_path = ''
as $$
  select case view
      when 'all' then true
      when 'inbox' then not f.done and f.snoozed_until is null
      when 'snoozed' then f.snoozed_until is not null
      when 'done' then f.done
    end
    and (f.unread or not unread)
    and (status is null or f.pagerduty_status = any(status))
    and (urgency is null or f.urgency = urgency)
    and (service is null or lower(service) in (lower(f.service_id), lower(f.service_name)))
    and (not without_incident or f.incident_id is null)
    and (words is null or strpos(lower(concat_ws(' ', '#' || f.number, f.title, f.service_name)), lower(words)) > 0)
$$;
comment on function pagerduty_private.is_listed(pagerduty.notification_feed, text, boolean, text[], text, text, boolean, text) is 'Whether a row of the feed is in a view and fits the filters, of which null ones filter nothing.';
revoke all on function pagerduty_private.is_listed(pagerduty.notification_feed, text, boolean, text[], text, text, boolean, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.is_listed(pagerduty.notification_feed, text, boolean, text[], text, text, boolean, text) to authenticated;

create function pagerduty.list_notifications(
  organization_id uuid, view text default 'inbox', before bigint default null, at_most integer default 20,
  unread boolean default false, status text[] default null, urgency text default null, service text default null,
  without_incident boolean default false, words text default null
) returns setof pagerduty.notification_feed
language plpgsql
stable
set search_path = ''
-- Planned for the user and the organization at hand: one may have a million times the rows of another.
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  me constant uuid := auth.uid();
  -- Up to here, only what a receipt says otherwise of is in the inbox, or unread: who is through with a million rows
  -- does not pay for them.
  through constant bigint := coalesce((
    select case when list_notifications.unread then m.read_seq when list_notifications.view = 'inbox' then m.done_seq end
    from pagerduty.inbox_marks m
    where m.organization_id = list_notifications.organization_id
      and m.user_id = me
  ), 0);
  -- What is snoozed has a receipt in any case.
  beyond constant bigint := case when list_notifications.view = 'snoozed' then 9223372036854775807 else through end;
begin
  return query
  select listed.*
  from (
    (
      select f.*
      from pagerduty.notification_feed f
      where f.organization_id = list_notifications.organization_id
        and f.loud_seq > beyond
        and (before is null or f.loud_seq < before)
        and pagerduty_private.is_listed(
          f, view, list_notifications.unread, status, list_notifications.urgency, service, without_incident, words
        )
      order by f.loud_seq desc
      limit at_most
    )
    union all
    (
      select f.*
      from pagerduty.receipts r
      join pagerduty.notification_feed f on f.id = r.notification_id and f.loud_seq = r.seq
      where r.user_id = me
        and r.organization_id = list_notifications.organization_id
        and r.seq <= beyond
        and (list_notifications.view <> 'snoozed' or r.snoozed_until is not null)
        and (before is null or r.seq < before)
        and (list_notifications.unread or not r.done)
        and (not list_notifications.unread or not r.read)
        and pagerduty_private.is_listed(
          f, view, list_notifications.unread, status, list_notifications.urgency, service, without_incident, words
        )
      order by r.seq desc
      limit at_most
    )
  ) listed
  order by listed.loud_seq desc
  limit at_most;
end
$$;
comment on function pagerduty.list_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text) is 'An organization''s notifications in the order of their last loud change, newest first: those of a view (inbox, snoozed, done, all) whose loud_seq is less than "before", with these statuses, this urgency, this service (id or name, in any case), these words in title, service or number.';
revoke all on function pagerduty.list_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.list_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text) to authenticated;

create function pagerduty.changed_notifications(organization_id uuid, since bigint, at_most integer default 100)
returns setof pagerduty.notification_feed
language sql
stable
set search_path = ''
as $$
  select f.*
  from pagerduty.notification_feed f
  where f.organization_id = changed_notifications.organization_id
    and f.seq > since
  order by f.seq
  limit at_most
$$;
comment on function pagerduty.changed_notifications(uuid, bigint, integer) is 'What changed since a sequence number, in the order of the changes, whatever the calling user did with it: how to catch up.';
revoke all on function pagerduty.changed_notifications(uuid, bigint, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.changed_notifications(uuid, bigint, integer) to authenticated;

create function pagerduty.get_notifications(
  organization_id uuid, view text default 'inbox', before bigint default null, at_most integer default 20,
  unread boolean default false, status text[] default null, urgency text default null, service text default null,
  without_incident boolean default false, words text default null, changed_since bigint default null
) returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'newest_seq', coalesce((
      select n.seq
      from pagerduty.notifications n
      where n.organization_id = get_notifications.organization_id
      order by n.seq desc
      limit 1
    ), 0),
    'items', coalesce(case
      when changed_since is not null then (
        select jsonb_agg(to_jsonb(f) order by f.seq)
        from pagerduty.changed_notifications(organization_id, changed_since, at_most) f
      )
      else (
        select jsonb_agg(to_jsonb(f) order by f.loud_seq desc)
        from pagerduty.list_notifications(
          organization_id, view, before, at_most, unread, status, urgency, service, without_incident, words
        ) f
      )
    end, '[]')
  )
$$;
comment on function pagerduty.get_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text, bigint) is 'A page of list_notifications(), or with changed_since of changed_notifications(): {"items", "newest_seq"}, of one moment, so that catching up from newest_seq misses nothing.';
revoke all on function pagerduty.get_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text, bigint) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text, bigint) to authenticated;
