-- What a member changes of a linked incident is told to PagerDuty: by triggers, so that the dashboard counts, too.
create function pagerduty_private.wake_outbox(organization uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  found_at pagerduty_private.outboxes;
begin
  insert into pagerduty_private.outboxes (organization_id)
  values (organization)
  on conflict do nothing;
  -- In turn with the worker: what it does not see yet, it is woken for.
  select * into found_at
  from pagerduty_private.outboxes o
  where o.organization_id = organization
  for update;
  if found_at.message_id is null then
    update pagerduty_private.outboxes o
    set message_id = (select pgmq.send('pagerduty', jsonb_build_object('organization_id', organization), 0))
    where o.organization_id = organization;
  elsif coalesce(greatest(found_at.leased_until, found_at.paused_until), '-infinity') <= clock_timestamp() then
    -- It waits for something else of this organization. Who has it on lease, or is paused, looks again by itself.
    -- A worker that is just taking the message waits for us, and sees then what there is: nobody waits for it.
    perform
    from pgmq.q_pagerduty q
    where q.msg_id = found_at.message_id
    for update skip locked;
    if found then
      perform pgmq.set_vt('pagerduty', found_at.message_id, 0);
    end if;
  end if;
end
$$;
comment on function pagerduty_private.wake_outbox(uuid) is 'Puts an organization into the queue, if it is not there, or has what waits there looked at now.';
revoke all on function pagerduty_private.wake_outbox(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.tells_pagerduty(organization uuid, thing text) returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from pagerduty.integrations i
    where i.organization_id = organization
      and i.enabled
      and i.api_key_set
      and case thing when 'status' then i.sync_status when 'note' then i.sync_notes else 'both' end in ('both', 'to_pagerduty')
  )
$$;
comment on function pagerduty_private.tells_pagerduty(uuid, text) is 'Whether PagerDuty is told of such changes: there is a key, and the direction is so.';
revoke all on function pagerduty_private.tells_pagerduty(uuid, text) from public, anon, authenticated, service_role;

create function pagerduty_private.tell_status() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not pagerduty_private.tells_pagerduty(new.organization_id, 'status') then
    return null;
  end if;
  perform pagerduty_private.put_outbox(
    new.organization_id, new.id, 'status', pagerduty_private.status_to_pagerduty(new.status), auth.uid()
  );
  return null;
end
$$;
comment on function pagerduty_private.tell_status() is 'Trigger: PagerDuty must be told of the status that a member chose.';
revoke all on function pagerduty_private.tell_status() from public, anon, authenticated, service_role;

-- A change that PagerDuty told leaves the member's time as it is, and is not told back.
-- Triggers fire in the order of their names: these come before those that tell the organization, as the worker and the
-- ingest function have it, too. Whoever locks in another order may wait in a circle.
create trigger outbox_status after update of status on pagerduty.incidents
  for each row
  when (new.pagerduty_incident_id is not null and new.member_status_at is distinct from old.member_status_at)
  execute function pagerduty_private.tell_status();

-- One that was made of an alert with another status than the alert's.
create trigger outbox_first_status after insert on pagerduty.incidents
  for each row
  when (new.pagerduty_incident_id is not null and new.member_status_at is not null)
  execute function pagerduty_private.tell_status();

create function pagerduty_private.tell_note() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not pagerduty_private.tells_pagerduty(new.organization_id, 'note') then
    return null;
  end if;
  perform pagerduty_private.put_outbox(new.organization_id, i.id, 'note', new.body, new.author_id, new.id)
  from pagerduty.incidents i
  where i.id = new.incident_id
    and i.organization_id = new.organization_id
    and i.pagerduty_incident_id is not null;
  return null;
end
$$;
comment on function pagerduty_private.tell_note() is 'Trigger: PagerDuty must be told of a comment, as a note.';
revoke all on function pagerduty_private.tell_note() from public, anon, authenticated, service_role;

create trigger a_note_for_the_outbox after insert on pagerduty.incident_updates
  for each row
  when (new.kind = 'comment')
  execute function pagerduty_private.tell_note();

create function pagerduty_private.resume_outbox(organization uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.outboxes o
  set paused_until = null, paused_because = null
  where o.organization_id = organization;
  if found then
    perform pagerduty_private.wake_outbox(organization);
  end if;
  update pagerduty_private.reconciliations r
  set due_at = least(r.due_at, clock_timestamp())
  where r.organization_id = organization
    and r.last_error is not null;
end
$$;
comment on function pagerduty_private.resume_outbox(uuid) is 'Has what waits tried now, a failed comparison with the log, too: there is another key, or somebody asks for it.';
revoke all on function pagerduty_private.resume_outbox(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.try_again(outbox_id uuid) returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  organization uuid;
begin
  update pagerduty.outbox o
  set state = 'waiting', attempts = 0, last_error = null, due_at = clock_timestamp()
  where o.id = outbox_id
    and o.state <> 'sent'
    and o.organization_id in (select pagerduty_private.my_organizations('responder'))
  returning o.organization_id into organization;
  if organization is null then
    return false;
  end if;
  perform pagerduty_private.resume_outbox(organization);
  return true;
end
$$;
comment on function pagerduty_private.try_again(uuid) is 'Has something that was not sent tried again, for responders and up; false if there is no such thing.';
revoke all on function pagerduty_private.try_again(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.try_again(uuid) to authenticated;

create function pagerduty.retry_outbox(outbox_id uuid) returns boolean
language sql
set search_path = ''
as $$ select pagerduty_private.try_again(outbox_id) $$;
comment on function pagerduty.retry_outbox(uuid) is 'Has something that PagerDuty has not been told tried again now; false if there is no such thing, or it was sent. For responders and up.';
revoke all on function pagerduty.retry_outbox(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.retry_outbox(uuid) to authenticated;
