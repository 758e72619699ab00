-- A user's own marks, in the organizations that they are in.
alter table pagerduty.inbox_marks enable row level security;

revoke all on pagerduty.inbox_marks from public, anon, authenticated, service_role;
grant select on pagerduty.inbox_marks to authenticated;
grant insert (organization_id, read_seq, done_seq) on pagerduty.inbox_marks to authenticated;
grant update (read_seq, done_seq) on pagerduty.inbox_marks to authenticated;
grant select on pagerduty.inbox_marks to service_role;

create policy "users read their own" on pagerduty.inbox_marks
  for select to authenticated
  using (user_id = (select auth.uid()));

create policy "members make their own" on pagerduty.inbox_marks
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and organization_id in (select pagerduty_private.my_organizations())
  );

create policy "members move their own" on pagerduty.inbox_marks
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (
    user_id = (select auth.uid())
    and organization_id in (select pagerduty_private.my_organizations())
  );
