-- Runs as the calling member: RLS decides what there is to read.
create function pagerduty.read_all_notifications(organization_id uuid, until timestamptz default null) returns integer
language plpgsql
set search_path = ''
as $$
declare
  read_now integer;
begin
  insert into pagerduty.receipts (notification_id)
  select f.id
  from pagerduty.notification_feed f
  where f.organization_id = read_all_notifications.organization_id
    and f.read_at is null
    and (until is null or f.created_at <= until)
  on conflict do nothing;
  get diagnostics read_now = row_count;
  return read_now;
end
$$;
comment on function pagerduty.read_all_notifications(uuid, timestamptz) is 'Marks the calling user''s notifications of an organization as read, up to a moment; answers how many.';
revoke all on function pagerduty.read_all_notifications(uuid, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty.read_all_notifications(uuid, timestamptz) to authenticated;
