-- A user's other tabs learn what they have read.
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
