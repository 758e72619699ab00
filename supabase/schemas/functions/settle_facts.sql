-- Part of keep_notification(): the lines of a description that an event tells alone.
create function pagerduty_private.facts_in_time(told jsonb, settled_at jsonb, told_at timestamptz) returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when settled_at = '{}' then coalesce(told, '[]')
    else coalesce((
      select jsonb_agg(fact order by ordinal)
      from jsonb_array_elements(told) with ordinality as t (fact, ordinal)
      where coalesce((settled_at ->> (fact ->> 0))::timestamptz <= told_at, true)
    ), '[]')
  end
$$;
comment on function pagerduty_private.facts_in_time(jsonb, jsonb, timestamptz) is 'Of the facts, [[label, value], …], that an event told for a time, those that no later event settled: "settled_at" has a time for each label.';
revoke all on function pagerduty_private.facts_in_time(jsonb, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.facts_in_time(jsonb, jsonb, timestamptz) to service_role;

create function pagerduty_private.settle_facts(facts jsonb, settles jsonb) returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(jsonb_agg(fact order by ordinal), '[]')
  from (
    select coalesce(s.settled, f.fact) as fact, f.ordinal
    from jsonb_array_elements(facts) with ordinality as f (fact, ordinal)
    left join jsonb_array_elements(settles) as s (settled) on s.settled -> 0 = f.fact -> 0
    union all
    select s.settled, 1000 + s.ordinal
    from jsonb_array_elements(settles) with ordinality as s (settled, ordinal)
    where not exists (
      select from jsonb_array_elements(facts) as f (fact)
      where f.fact -> 0 = s.settled -> 0
    )
  ) merged
  where fact -> 1 <> 'null'
$$;
comment on function pagerduty_private.settle_facts(jsonb, jsonb) is 'The facts, [[label, value], …], with those that are settled in their place, new ones last; a null value says that there is none.';
revoke all on function pagerduty_private.settle_facts(jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.settle_facts(jsonb, jsonb) to service_role;

create function pagerduty_private.settle(described pagerduty.notifications, settles jsonb, told_at timestamptz) returns pagerduty.notifications
language plpgsql
stable
set search_path = ''
as $$
declare
  bridge constant jsonb := (
    select fact -> 1
    from jsonb_array_elements(settles) as s (fact)
    where fact ->> 0 = 'Conference link'
  );
begin
  described.facts := pagerduty_private.settle_facts(described.facts, settles);
  described.settled_at := described.settled_at || coalesce((
    select jsonb_object_agg(fact ->> 0, told_at)
    from jsonb_array_elements(settles) as s (fact)
  ), '{}');
  if bridge is not null then
    described.conference_url := bridge #>> '{}';
  end if;
  return described;
end
$$;
comment on function pagerduty_private.settle(pagerduty.notifications, jsonb, timestamptz) is 'The notification with facts, [[label, value], …], as an event settled them for a time: these lines of its description, and what of them has a column.';
revoke all on function pagerduty_private.settle(pagerduty.notifications, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.settle(pagerduty.notifications, jsonb, timestamptz) to service_role;
