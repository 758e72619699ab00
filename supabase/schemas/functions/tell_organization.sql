-- The only way to an organization's topic. What a transaction tells is one message, sent when it ends; and messages keep
-- an interval, so that the storm of one organization does not silence the others: Realtime drops what a project sends
-- beyond its deliveries a second, whoever's it is.
create function pagerduty_private.tell_organization(organization uuid, event text, payload jsonb) returns void
language sql
security definer
set search_path = ''
as $$
  -- Locked, so that what is told to a topic is committed before the topic is renewed: who leaves hears nothing after
  -- that, and who stays has missed nothing. It costs nothing where a row of the organization was written: its foreign
  -- key holds the same lock.
  insert into pagerduty_private.tellings (organization_id, event, payload)
  select o.id, tell_organization.event, tell_organization.payload
  from (
    select locked.id
    from pagerduty.organizations locked
    where locked.id = organization
    for key share
  ) o
$$;
comment on function pagerduty_private.tell_organization(uuid, text, jsonb) is 'Broadcasts to the members of an organization, on its present topic, when the transaction ends.';
revoke all on function pagerduty_private.tell_organization(uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.tell_organization(uuid, text, jsonb) to service_role;

create function pagerduty_private.interval_of_topic(members integer) returns numeric
language sql
stable
set search_path = ''
as $$
  select round(greatest(coalesce(max(s.shortest_interval), 1), members::numeric / coalesce(max(s.deliveries_per_second), 50)), 3)
  from pagerduty_private.settings s
$$;
comment on function pagerduty_private.interval_of_topic(integer) is 'Seconds that lie between two messages on the topic of an organization with so many members.';
revoke all on function pagerduty_private.interval_of_topic(integer) from public, anon, authenticated, service_role;

create function pagerduty_private.send_more(told pagerduty_private.topics) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform realtime.send(
    jsonb_build_object('since', told.told_seq, 'within', pagerduty_private.interval_of_topic(told.members)),
    'more', o.topic, true
  )
  from pagerduty.organizations o
  where o.id = told.organization_id;
  update pagerduty_private.topics t
  set told_at = clock_timestamp(), told_seq = t.kept_seq, due_at = null
  where t.organization_id = told.organization_id;
end
$$;
comment on function pagerduty_private.send_more(pagerduty_private.topics) is 'Tells an organization that there is more than was told: all after the seq `since`, to be read within so many seconds.';
revoke all on function pagerduty_private.send_more(pagerduty_private.topics) from public, anon, authenticated, service_role;

-- One thing keeps its name. Several are rows by kind; null where they are too many to be sent.
create function pagerduty_private.message_of(organization uuid, out event text, out payload jsonb)
language sql
stable
set search_path = ''
set enable_seqscan = off -- a plan that was made while the table was small would read all that came and went since
as $$
  select
    case when count(*) = 1 then max(t.event) else 'changes' end,
    case
      when count(*) = 1 then jsonb_agg(t.payload) -> 0
      when count(*) <= 20 and sum(length(t.payload::text)) <= 50000 and bool_and(t.event in ('notification', 'incident', 'incident_update'))
      then jsonb_build_object(
        'notifications', coalesce(jsonb_agg(t.payload order by t.id) filter (where t.event = 'notification'), '[]'),
        'incidents', coalesce(jsonb_agg(t.payload order by t.id) filter (where t.event = 'incident'), '[]'),
        'incident_updates', coalesce(jsonb_agg(t.payload order by t.id) filter (where t.event = 'incident_update'), '[]')
      )
    end
  from pagerduty_private.tellings t
  where t.transaction = pg_current_xact_id()
    and t.organization_id = organization
    and t.event is not null
$$;
comment on function pagerduty_private.message_of(uuid) is 'What the running transaction has to tell an organization, as one message; its payload is null where that would be too large.';
revoke all on function pagerduty_private.message_of(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.tell_at_end(organization uuid, member_change bigint, newest_seq bigint, tells boolean) returns void
language plpgsql
set search_path = ''
as $$
declare
  topic pagerduty_private.topics;
  message record;
  next_at timestamptz;
begin
  update pagerduty_private.topics t
  set members = t.members + member_change, kept_seq = greatest(t.kept_seq, newest_seq)
  where t.organization_id = organization
  returning * into topic;
  if not found or not tells then
    return; -- it is being deleted, or only members came or went
  end if;
  next_at := topic.told_at + make_interval(secs => pagerduty_private.interval_of_topic(topic.members)::double precision);
  if clock_timestamp() < next_at then
    update pagerduty_private.topics t
    set due_at = next_at
    where t.organization_id = organization;
    return;
  end if;
  message := pagerduty_private.message_of(organization);
  if topic.due_at is not null or message.payload is null then
    perform pagerduty_private.send_more(topic);
    return;
  end if;
  perform realtime.send(message.payload, message.event, o.topic, true)
  from pagerduty.organizations o
  where o.id = organization;
  update pagerduty_private.topics t
  set told_at = clock_timestamp(), told_seq = t.kept_seq
  where t.organization_id = organization;
end
$$;
comment on function pagerduty_private.tell_at_end(uuid, bigint, bigint, boolean) is 'Tells an organization what the transaction has to tell, or keeps it back until the interval is over.';
revoke all on function pagerduty_private.tell_at_end(uuid, bigint, bigint, boolean) from public, anon, authenticated, service_role;

create function pagerduty_private.tell_all() returns trigger
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off -- as above
as $$
begin
  -- Here and not before: the lock of a topic is the last that a transaction takes, and those of several are taken in
  -- one order. So two that end at once wait for each other, but never in a circle.
  perform pagerduty_private.tell_at_end(t.organization_id, t.members, t.seq, t.tells)
  from (
    select
      t.organization_id, sum(t.members) as members, max((t.payload ->> 'seq')::bigint) as seq,
      bool_or(t.event is not null) as tells
    from pagerduty_private.tellings t
    where t.transaction = pg_current_xact_id()
    group by t.organization_id
    order by t.organization_id
  ) t;
  delete from pagerduty_private.tellings t
  where t.transaction = pg_current_xact_id();
  return null;
end
$$;
comment on function pagerduty_private.tell_all() is 'Trigger, when a transaction ends: tells organizations what it has to tell them.';
revoke all on function pagerduty_private.tell_all() from public, anon, authenticated, service_role;

create constraint trigger tell_all after insert on pagerduty_private.tellings
  deferrable initially deferred
  for each row execute function pagerduty_private.tell_all();

create function pagerduty_private.send_due(at_most integer) returns numeric
language plpgsql
security definer
set search_path = ''
as $$
declare
  due uuid;
  topic pagerduty_private.topics;
begin
  for due in
    select t.organization_id
    from pagerduty_private.topics t
    where t.due_at <= clock_timestamp()
    order by t.due_at
    limit at_most
  loop
    -- Whoever holds one of these is about to tell, or to renew the topic: waiting here might be in a circle.
    perform from pagerduty.organizations o where o.id = due for key share skip locked;
    continue when not found;
    select * into topic
    from pagerduty_private.topics t
    where t.organization_id = due
      and t.due_at <= clock_timestamp()
    for update skip locked;
    continue when not found;
    perform pagerduty_private.send_more(topic);
  end loop;
  return (
    select round(greatest(0, extract(epoch from min(t.due_at) - clock_timestamp())), 3)
    from pagerduty_private.topics t
    where t.due_at is not null
    having count(*) > 0 -- greatest() takes no notice of a null
  );
end
$$;
comment on function pagerduty_private.send_due(integer) is 'Sends what was kept back and is due, of every organization; answers in how many seconds the next is due, null if none is.';
revoke all on function pagerduty_private.send_due(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.send_due(integer) to service_role;

create function pagerduty.tell_due(at_most integer default 100) returns numeric
language sql
volatile
set search_path = ''
as $$ select pagerduty_private.send_due(at_most) $$;
comment on function pagerduty.tell_due(integer) is 'Sends what was kept back and is due, of every organization; answers in how many seconds the next is due, null if none is.';
revoke all on function pagerduty.tell_due(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.tell_due(integer) to service_role;
