-- Runs as the calling member: RLS decides what there is to read.
create function pagerduty.count_unread_notifications(organization_id uuid, at_most integer default 1000) returns integer
language plpgsql
stable
set search_path = ''
-- Planned for the organization at hand: one may have a million times the rows of another.
set plan_cache_mode = force_custom_plan
as $$
declare
  me constant uuid := auth.uid();
  through constant bigint := coalesce((
    select m.read_seq
    from pagerduty.inbox_marks m
    where m.organization_id = count_unread_notifications.organization_id
      and m.user_id = me
  ), 0);
begin
  return (
    select count(*)
    from (
      (
        select
        from pagerduty.notifications n
        left join pagerduty.receipts r on r.notification_id = n.id and r.user_id = me and r.seq = n.loud_seq
        where n.organization_id = count_unread_notifications.organization_id
          and n.loud_seq > through
          and case when r.seq is null then not n.is_quiet else not r.read and coalesce(r.snoozed_until <= now(), true) end
        order by n.loud_seq
        limit at_most
      )
      union all
      (
        select
        from pagerduty.receipts r
        join pagerduty.notifications n on n.id = r.notification_id and n.loud_seq = r.seq
        where r.user_id = me
          and r.organization_id = count_unread_notifications.organization_id
          and not r.read
          and r.seq <= through
          and coalesce(r.snoozed_until <= now(), true)
        limit at_most
      )
      limit at_most
    ) unread
  );
end
$$;
comment on function pagerduty.count_unread_notifications(uuid, integer) is 'How many notifications in the calling user''s inbox they have not read; stops counting at at_most, for a badge needs no more.';
revoke all on function pagerduty.count_unread_notifications(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.count_unread_notifications(uuid, integer) to authenticated;

create function pagerduty.unread_counts(organization_id uuid, at_most integer default 1000, elsewhere_at_most integer default 100)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'count', pagerduty.count_unread_notifications(organization_id, at_most),
    'others', coalesce((
      select jsonb_agg(jsonb_build_object('organization_id', o.id, 'name', o.name, 'count', counted.unread) order by o.name, o.id)
      from (
        select mine.id
        from pagerduty_private.my_organizations() as mine (id)
        where mine.id <> unread_counts.organization_id
        order by mine.id
        limit 100
      ) elsewhere
      join pagerduty.organizations o on o.id = elsewhere.id
      cross join lateral (
        select pagerduty.count_unread_notifications(o.id, elsewhere_at_most) as unread
      ) counted
      where counted.unread > 0
    ), '[]')
  )
$$;
comment on function pagerduty.unread_counts(uuid, integer, integer) is 'How many notifications the calling user has not read, in an organization ("count") and in their other ones, a hundred at most ("others", where there are any); counting stops at at_most, and elsewhere_at_most.';
revoke all on function pagerduty.unread_counts(uuid, integer, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.unread_counts(uuid, integer, integer) to authenticated;
