-- The worker's side of the outbox, which it calls with the secret key: claim, then finish or defer.
create function pagerduty_private.requeue_outbox(organization uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  place pagerduty_private.outboxes;
  next_due timestamptz;
begin
  select * into place
  from pagerduty_private.outboxes o
  where o.organization_id = organization
  for update;
  select greatest(min(o.due_at), place.paused_until) into next_due
  from pagerduty.outbox o
  where o.organization_id = organization
    and o.state = 'waiting';
  if place.message_id is not null then
    perform pgmq.delete('pagerduty', place.message_id);
  end if;
  -- To the end of the queue: the others have their turn before the next thing of this one.
  update pagerduty_private.outboxes o
  set
    leased_until = null,
    message_id = case
      when min_due is not null then (
        select pgmq.send(
          'pagerduty', jsonb_build_object('organization_id', organization),
          greatest(0, ceil(extract(epoch from min_due - clock_timestamp())))::integer
        )
      )
    end
  from (select next_due as min_due) due
  where o.organization_id = organization;
end
$$;
comment on function pagerduty_private.requeue_outbox(uuid) is 'Ends a turn: an organization with more to tell goes to the end of the queue, to be looked at when that is due; one without leaves it.';
revoke all on function pagerduty_private.requeue_outbox(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.is_telling_another(incident pagerduty.incidents, told text) returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from pagerduty.outbox o
    where o.incident_id = incident.id
      and o.organization_id = incident.organization_id
      and o.thing = 'status'
      and o.state = 'waiting'
      and o.wanted <> told
  )
$$;
comment on function pagerduty_private.is_telling_another(pagerduty.incidents, text) is 'Whether PagerDuty is still to be told of another status of an incident than this one.';
revoke all on function pagerduty_private.is_telling_another(pagerduty.incidents, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.is_telling_another(pagerduty.incidents, text) to service_role;

create function pagerduty_private.overtake_outbox(incident pagerduty.incidents, told text) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty.outbox o
  set state = 'dead', last_error = 'PagerDuty changed it later, to ' || told || ': that stands.'
  where o.incident_id = incident.id
    and o.organization_id = incident.organization_id
    and o.thing = 'status'
    and o.state = 'waiting'
    -- One that is on its way is told, and what PagerDuty says to it stands then.
    and o.attempted_at is null;
end
$$;
comment on function pagerduty_private.overtake_outbox(pagerduty.incidents, text) is 'PagerDuty has changed the status of an incident after the member whose change is still to be told: it is not told any more.';
revoke all on function pagerduty_private.overtake_outbox(pagerduty.incidents, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.overtake_outbox(pagerduty.incidents, text) to service_role;

create function pagerduty_private.next_outbox(organization uuid) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  chosen pagerduty.outbox;
begin
  select o.* into chosen
  from pagerduty.outbox o
  where o.organization_id = organization
    and o.state = 'waiting'
    and o.due_at <= clock_timestamp()
  order by o.due_at, o.id
  limit 1
  -- One that is being changed has its turn when it is.
  for update skip locked;
  if chosen.id is null then
    return null;
  end if;
  update pagerduty.outbox o
  set attempts = o.attempts + 1, attempted_at = coalesce(o.attempted_at, clock_timestamp())
  where o.id = chosen.id
    and o.organization_id = organization;
  return (
    select jsonb_build_object(
      'id', chosen.id,
      'organization_id', organization,
      'version', chosen.version,
      'thing', chosen.thing,
      'wanted', chosen.wanted,
      'attempts', chosen.attempts + 1,
      'last_error', chosen.last_error,
      'incident_id', i.id,
      'pagerduty_incident_id', i.pagerduty_incident_id,
      -- What an incident that is made of it says.
      'title', case when chosen.thing = 'incident' then i.title end,
      'description', case when chosen.thing = 'incident' then i.description end,
      'urgency', case when chosen.thing = 'incident' then i.urgency end,
      'changed_at', case chosen.thing when 'status' then i.member_status_at else chosen.changed_at end,
      -- Only an address that is proved makes somebody in PagerDuty act.
      'actor_email', (
        select u.email
        from auth.users u
        where u.id = chosen.actor_id
          and u.email_confirmed_at is not null
      ),
      -- Whom an admin has said them to be.
      'actor_pagerduty_id', (
        select m.pagerduty_user_id
        from pagerduty.memberships m
        where m.organization_id = organization
          and m.user_id = chosen.actor_id
      ),
      'default_email', s.acting_email,
      'region', coalesce(s.region, 'us'),
      'api_key', c.api_key,
      'is_on', coalesce(s.enabled and s.api_key_set, false)
    )
    from pagerduty.incidents i
    left join pagerduty.integrations s on s.organization_id = i.organization_id
    left join pagerduty.credentials c on c.organization_id = i.organization_id
    where i.id = chosen.incident_id
      and i.organization_id = organization
  );
end
$$;
comment on function pagerduty_private.next_outbox(uuid) is 'What an organization has to tell next, with all that the worker needs for it, the sealed key, too; null if nothing is due.';
revoke all on function pagerduty_private.next_outbox(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.take_turn(lease integer) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  message record;
  organization uuid;
  job jsonb;
begin
  for message in select m.msg_id, m.message from pgmq.read('pagerduty', lease, 1) m loop
    organization := message.message ->> 'organization_id';
    update pagerduty_private.outboxes o
    set leased_until = clock_timestamp() + make_interval(secs => lease)
    where o.organization_id = organization
      and o.message_id = message.msg_id
      and coalesce(o.paused_until, '-infinity') <= clock_timestamp();
    if found then
      job := pagerduty_private.next_outbox(organization);
      if job is not null then
        return job;
      end if;
    end if;
    if exists (
      select from pagerduty_private.outboxes o
      where o.organization_id = organization
        and o.message_id = message.msg_id
    ) then
      perform pagerduty_private.requeue_outbox(organization);
    else
      -- Of an organization that is gone, or a second one: it says nothing that another does not say.
      perform pgmq.delete('pagerduty', message.msg_id);
    end if;
    return '{}';
  end loop;
  return null;
end
$$;
comment on function pagerduty_private.take_turn(integer) is 'Takes the first message of the queue on lease, for so many seconds; answers what is to be told, {} if that one has nothing to tell now, null if nobody waits.';
revoke all on function pagerduty_private.take_turn(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.take_turn(integer) to service_role;

create function pagerduty.claim_outbox(lease_seconds integer) returns jsonb
language sql
set search_path = ''
as $$ select pagerduty_private.take_turn(greatest(1, least(lease_seconds, 600))) $$;
comment on function pagerduty.claim_outbox(integer) is 'For the worker: the next thing that PagerDuty must be told, taken on lease for so many seconds; {} to be asked again at once, null if nobody waits. finish_outbox() or defer_outbox() gives it back.';
revoke all on function pagerduty.claim_outbox(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.claim_outbox(integer) to service_role;

create function pagerduty_private.end_turn(
  outbox_id uuid, version integer, outcome text, acted_as text, error text, seconds double precision
) returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  told pagerduty.outbox;
begin
  -- In the order of the triggers: the thing first, then the organization's place.
  update pagerduty.outbox o
  set
    state = case outcome when 'sent' then 'sent' when 'dead' then 'dead' else 'waiting' end,
    sent_at = case when outcome = 'sent' then clock_timestamp() end,
    acted_as = coalesce(left(end_turn.acted_as, 320), o.acted_as),
    last_error = left(error, 500),
    due_at = case when outcome = 'later' then clock_timestamp() + make_interval(secs => seconds) else o.due_at end
  where o.id = outbox_id
    and o.version = end_turn.version;
  select * into told
  from pagerduty.outbox o
  where o.id = outbox_id;
  if told.id is null then
    return;
  end if;
  if outcome = 'pause' then
    update pagerduty_private.outboxes o
    set paused_until = clock_timestamp() + make_interval(secs => seconds), paused_because = left(error, 500)
    where o.organization_id = told.organization_id;
  elsif outcome = 'sent' then
    update pagerduty_private.outboxes o
    set paused_until = null, paused_because = null
    where o.organization_id = told.organization_id
      and o.paused_because is not null;
  end if;
  perform pagerduty_private.requeue_outbox(told.organization_id);
  perform pagerduty_private.tell_organization(i.organization_id, 'incident', to_jsonb(i))
  from pagerduty.incidents i
  where i.id = told.incident_id
    and i.organization_id = told.organization_id;
end
$$;
comment on function pagerduty_private.end_turn(uuid, integer, text, text, text, double precision) is 'Writes what became of a thing, unless it was changed meanwhile, ends the turn, and tells the organization.';
revoke all on function pagerduty_private.end_turn(uuid, integer, text, text, text, double precision) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.end_turn(uuid, integer, text, text, text, double precision) to service_role;

create function pagerduty.finish_outbox(outbox_id uuid, version integer, acted_as text) returns void
language sql
set search_path = ''
as $$ select pagerduty_private.end_turn(outbox_id, version, 'sent', acted_as, null, 0) $$;
comment on function pagerduty.finish_outbox(uuid, integer, text) is 'For the worker: PagerDuty has confirmed this version of a thing, told as the user with that address.';
revoke all on function pagerduty.finish_outbox(uuid, integer, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.finish_outbox(uuid, integer, text) to service_role;

create function pagerduty.defer_outbox(
  outbox_id uuid, version integer, outcome text, error text, seconds double precision default 0
) returns void
language plpgsql
set search_path = ''
as $$
begin
  if outcome not in ('later', 'pause', 'dead') then
    raise exception 'An outcome is later, pause or dead.' using errcode = '22023';
  end if;
  perform pagerduty_private.end_turn(outbox_id, version, outcome, null, error, greatest(0, least(seconds, 86400)));
end
$$;
comment on function pagerduty.defer_outbox(uuid, integer, text, text, double precision) is 'For the worker: a thing was not told, and why. later: it is tried again in so many seconds; pause: all of its organization is; dead: it is given up.';
revoke all on function pagerduty.defer_outbox(uuid, integer, text, text, double precision) from public, anon, authenticated, service_role;
grant execute on function pagerduty.defer_outbox(uuid, integer, text, text, double precision) to service_role;
