-- What a user does with notifications. All but the word to their other tabs runs as that user: RLS decides.
create function pagerduty_private.tell_receipts(organization uuid, ids uuid[]) returns void
language sql
volatile
security definer
set search_path = ''
as $$
  select realtime.send(
    jsonb_build_object('organization_id', organization, 'notifications', case when cardinality(ids) <= 100 then (
      select jsonb_agg(jsonb_build_object(
        'id', r.notification_id, 'seq', r.seq, 'unread', not r.read, 'done', r.done, 'snoozed_until', r.snoozed_until
      ))
      from pagerduty.receipts r
      where r.user_id = auth.uid()
        and r.organization_id = organization
        and r.notification_id = any(ids)
    ) end),
    'receipt', 'pagerduty:user:' || auth.uid(), true
  )
$$;
comment on function pagerduty_private.tell_receipts(uuid, uuid[]) is 'Tells the calling user''s other tabs what they did with these notifications; with more than a hundred, or null for ids, only that they did something.';
revoke all on function pagerduty_private.tell_receipts(uuid, uuid[]) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.tell_receipts(uuid, uuid[]) to authenticated;

create function pagerduty_private.my_mark(organization uuid) returns pagerduty.inbox_marks
language plpgsql
set search_path = ''
as $$
declare
  mark pagerduty.inbox_marks;
begin
  insert into pagerduty.inbox_marks (organization_id)
  select organization
  where organization in (select pagerduty_private.my_organizations())
  on conflict do nothing;
  select * into mark
  from pagerduty.inbox_marks m
  where m.user_id = (select auth.uid())
    and m.organization_id = organization
  for update;
  return mark;
end
$$;
comment on function pagerduty_private.my_mark(uuid) is 'The calling user''s mark in an organization, made if there was none, and held until the transaction ends; null for who is not a member.';
revoke all on function pagerduty_private.my_mark(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.my_mark(uuid) to authenticated;

create function pagerduty_private.settle_inbox(organization uuid, for_done boolean, stretch integer default 1000) returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  mark constant pagerduty.inbox_marks := pagerduty_private.my_mark(organization);
  reached bigint;
begin
  select n.loud_seq into reached
  from pagerduty.notifications n
  where n.organization_id = organization
    and n.loud_seq > case when for_done then mark.done_seq else mark.read_seq end
  order by n.loud_seq
  offset stretch - 1
  limit 1;
  if reached is null then
    return; -- so few rows are sooner looked through than written
  end if;
  insert into pagerduty.receipts as r (notification_id, organization_id, seq, read)
  select n.id, organization, n.loud_seq, n.is_quiet or n.loud_seq <= mark.read_seq
  from pagerduty.notifications n
  where n.organization_id = organization
    and n.loud_seq > case when for_done then mark.done_seq else mark.read_seq end
    and n.loud_seq <= reached
    and (for_done or not n.is_quiet)
  on conflict (notification_id, user_id) do update
  set seq = excluded.seq, read = excluded.read, done = false, snoozed_until = null
  where r.seq < excluded.seq;
  update pagerduty.inbox_marks m
  set
    read_seq = case when for_done then m.read_seq else reached end,
    done_seq = case when for_done then reached else m.done_seq end
  where m.user_id = mark.user_id
    and m.organization_id = organization;
end
$$;
comment on function pagerduty_private.settle_inbox(uuid, boolean, integer) is 'Moves the calling user''s mark (of what is done, else of what is read) over the next stretch of notifications, and writes receipts for those of them that are not: what is read or done one by one costs the next count and list no more than what is read at once. It changes nothing that anybody sees.';
revoke all on function pagerduty_private.settle_inbox(uuid, boolean, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.settle_inbox(uuid, boolean, integer) to authenticated;

create function pagerduty.mark_notifications(
  organization_id uuid, ids uuid[], action text, until timestamptz default null, up_to bigint default null
) returns setof pagerduty.notification_feed
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  marked uuid[];
begin
  if action is null or action not in ('read', 'unread', 'done', 'undo', 'snooze') or (action = 'snooze' and until is null) then
    raise exception 'There is no such action.' using errcode = '22023';
  end if;
  with written as (
    insert into pagerduty.receipts as r (notification_id, organization_id, seq, read, done, snoozed_until)
    select
      f.id, f.organization_id, f.loud_seq,
      case when action in ('unread', 'snooze') then false when action = 'undo' then not f.unread else true end,
      case action when 'done' then true when 'read' then f.done else false end,
      case action when 'snooze' then until when 'read' then f.snoozed_until end
    from pagerduty.notification_feed f
    where f.organization_id = mark_notifications.organization_id
      and f.id = any(ids)
      and (up_to is null or f.loud_seq <= up_to)
    order by f.id -- one order, in which two tabs do not wait for one another
    on conflict (notification_id, user_id) do update
    set seq = excluded.seq, read = excluded.read, done = excluded.done, snoozed_until = excluded.snoozed_until
    returning r.notification_id
  )
  select array_agg(notification_id) into marked
  from written;
  if marked is not null then
    perform pagerduty_private.settle_inbox(mark_notifications.organization_id, action = 'done');
    perform pagerduty_private.tell_receipts(mark_notifications.organization_id, marked);
  end if;
  return query
  select f.*
  from pagerduty.notification_feed f
  where f.organization_id = mark_notifications.organization_id
    and f.id = any(ids)
  order by f.loud_seq desc;
end
$$;
comment on function pagerduty.mark_notifications(uuid, uuid[], text, timestamptz, bigint) is 'What the calling user does with some notifications: "read" or "unread" them; be "done" with them or "snooze" them until a time, which takes them out of the inbox; "undo" either. With up_to, only those whose loud_seq is not greater: what became loud after the user looked stays unread. Answers all of the ids that they may see, as they are now.';
revoke all on function pagerduty.mark_notifications(uuid, uuid[], text, timestamptz, bigint) from public, anon, authenticated, service_role;
grant execute on function pagerduty.mark_notifications(uuid, uuid[], text, timestamptz, bigint) to authenticated;

create function pagerduty.read_all_notifications(organization_id uuid, up_to bigint default null) returns integer
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  mark constant pagerduty.inbox_marks := pagerduty_private.my_mark(read_all_notifications.organization_id);
  newest constant bigint := least(up_to, (
    select n.loud_seq
    from pagerduty.notifications n
    where n.organization_id = read_all_notifications.organization_id
    order by n.loud_seq desc
    limit 1
  ));
  unread constant integer := pagerduty.count_unread_notifications(read_all_notifications.organization_id);
begin
  update pagerduty.receipts r
  set read = true
  where r.user_id = mark.user_id
    and r.organization_id = mark.organization_id
    and not r.read
    and r.seq <= newest
    and coalesce(r.snoozed_until <= now(), true);
  update pagerduty.inbox_marks m
  set read_seq = greatest(m.read_seq, newest)
  where m.user_id = mark.user_id
    and m.organization_id = mark.organization_id;
  perform pagerduty_private.tell_receipts(read_all_notifications.organization_id, null);
  return unread - pagerduty.count_unread_notifications(read_all_notifications.organization_id);
end
$$;
comment on function pagerduty.read_all_notifications(uuid, bigint) is 'Marks what is in the calling user''s inbox as read, up to a sequence number; answers how many, as far as they are counted. Costs the same however many they are.';
revoke all on function pagerduty.read_all_notifications(uuid, bigint) from public, anon, authenticated, service_role;
grant execute on function pagerduty.read_all_notifications(uuid, bigint) to authenticated;
