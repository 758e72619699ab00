-- Part of get_integration(): is what arrives taken?
create function pagerduty_private.recent_events(organization_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
-- Planned for the organization at hand: one may have a million times the events of another.
set plan_cache_mode = force_custom_plan
as $$
declare
  first_counted constant timestamptz := (
    select greatest(i.filters_changed_at, now() - interval '7 days')
    from pagerduty.integrations i
    where i.organization_id = recent_events.organization_id
  );
begin
  return (
    select jsonb_build_object(
      'received', coalesce(sum(kind.events), 0),
      'ignored', coalesce(sum(kind.events) filter (where kind.outcome = 'ignored'), 0),
      'invalid', coalesce(sum(kind.events) filter (where kind.outcome = 'invalid'), 0),
      'repeated', coalesce(sum(kind.repeated), 0),
      'since', min(kind.since),
      'reasons', coalesce(jsonb_object_agg(kind.reason, kind.events) filter (where kind.outcome = 'ignored'), '{}')
    )
    from (
      select
        recent.outcome, recent.reason, count(*) as events, min(recent.received_at) as since,
        count(*) filter (where recent.is_repeat and not recent.was_healed) as repeated
      from (
        select e.outcome, case when e.outcome = 'ignored' then e.reason end as reason, e.received_at, e.is_repeat,
          e.reason is not distinct from 'healed_before' as was_healed
        from pagerduty.events e
        where e.organization_id = recent_events.organization_id
          and recent_events.organization_id in (select pagerduty_private.my_organizations())
          and e.received_at > first_counted
          and e.family not in ('test', 'log')
        order by e.received_at desc
        limit 1000
      ) recent
      where recent.reason is distinct from 'ping'
      group by recent.outcome, recent.reason
    ) kind
  );
end
$$;
comment on function pagerduty_private.recent_events(uuid) is 'What became of the events of a week, the last thousand at most, that came since the filters were last changed: "received", "ignored" and "invalid" ones, "since" when, how many were ignored for which of the "reasons", how many another one had told before ("repeated"). A ping counts as none. For members, who may not read the events themselves.';
revoke all on function pagerduty_private.recent_events(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.recent_events(uuid) to authenticated;
