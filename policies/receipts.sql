-- A user's own receipts, for notifications that they may see.
alter table pagerduty.receipts enable row level security;

revoke all on pagerduty.receipts from public, anon, authenticated, service_role;
grant select on pagerduty.receipts to authenticated;
grant insert (notification_id, organization_id, seq, read, done, snoozed_until) on pagerduty.receipts to authenticated;
grant update (seq, read, done, snoozed_until) on pagerduty.receipts to authenticated;
grant select on pagerduty.receipts to service_role;

create policy "users read their own" on pagerduty.receipts
  for select to authenticated
  using (user_id = (select auth.uid()));

create policy "users write of what they may see" on pagerduty.receipts
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and exists (
      select from pagerduty.notifications n
      where n.id = notification_id
        and n.organization_id = receipts.organization_id
    )
  );

create policy "users change their own" on pagerduty.receipts
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));
