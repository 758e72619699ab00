-- A user's own receipts, for notifications that they may see.
alter table pagerduty.receipts enable row level security;

revoke all on pagerduty.receipts from public, anon, authenticated, service_role;
grant select on pagerduty.receipts to authenticated;
grant insert (notification_id) on pagerduty.receipts to authenticated;
grant select on pagerduty.receipts to service_role;

create policy "users read their own" on pagerduty.receipts
  for select to authenticated
  using (user_id = (select auth.uid()));

create policy "users read what they may see" on pagerduty.receipts
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and exists (select from pagerduty.notifications n where n.id = notification_id)
  );
