-- What orders the changes of an organization's notifications, and what of them a new member has missed: nothing.
create function pagerduty_private.next_seq(organization uuid) returns bigint
language sql
volatile
security definer
set search_path = ''
as $$
  insert into pagerduty_private.inboxes (organization_id, last_seq)
  values (organization, 1)
  on conflict (organization_id) do update set last_seq = inboxes.last_seq + 1
  returning last_seq
$$;
comment on function pagerduty_private.next_seq(uuid) is 'The sequence number of a change. Until the transaction ends nobody else makes one in that organization, links an incident or moves one: what is read in order of sequence numbers misses nothing, and an event that arrives while somebody saves the form is not missed.';
revoke all on function pagerduty_private.next_seq(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.next_seq(uuid) to authenticated, service_role;

create function pagerduty_private.start_inbox() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pagerduty.inbox_marks (user_id, organization_id, read_seq)
  select new.user_id, i.organization_id, i.last_seq
  from pagerduty_private.inboxes i
  where i.organization_id = new.organization_id
  on conflict (user_id, organization_id) do update set read_seq = excluded.read_seq;
  return null;
end
$$;
comment on function pagerduty_private.start_inbox() is 'Trigger: who joins an organization is not told that all of its past is unread.';
revoke all on function pagerduty_private.start_inbox() from public, anon, authenticated, service_role;

create trigger start_inbox after insert on pagerduty.memberships
  for each row execute function pagerduty_private.start_inbox();
