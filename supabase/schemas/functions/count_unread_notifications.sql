-- Runs as the calling member: RLS decides what there is to read.
create function pagerduty.count_unread_notifications(organization_id uuid, at_most integer default 1000) returns integer
language sql
stable
set search_path = ''
as $$
  select count(*)::integer
  from (
    select
    from pagerduty.notification_feed f
    where f.organization_id = count_unread_notifications.organization_id
      and f.read_at is null
    limit at_most
  ) unread
$$;
comment on function pagerduty.count_unread_notifications(uuid, integer) is 'How many notifications the calling user has not read; stops counting at at_most, for a badge needs no more.';
revoke all on function pagerduty.count_unread_notifications(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.count_unread_notifications(uuid, integer) to authenticated;
