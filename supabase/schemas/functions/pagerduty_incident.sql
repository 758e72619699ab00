-- What the triggers and the ingest functions both need to know of PagerDuty's incidents.
create function pagerduty_private.status_from_pagerduty(pagerduty_status text) returns pagerduty.incident_status
language sql
immutable
set search_path = ''
as $$
  select case pagerduty_status
    when 'triggered' then 'open'
    when 'acknowledged' then 'investigating'
    when 'resolved' then 'resolved'
  end::pagerduty.incident_status
$$;
comment on function pagerduty_private.status_from_pagerduty(text) is 'PagerDuty''s status as ours; null for none.';
revoke all on function pagerduty_private.status_from_pagerduty(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.status_from_pagerduty(text) to authenticated, service_role;

create function pagerduty_private.status_to_pagerduty(status pagerduty.incident_status) returns text
language sql
immutable
set search_path = ''
as $$
  select told
  from unnest(array['triggered', 'acknowledged', 'resolved']) as told
  where pagerduty_private.status_from_pagerduty(told) = status
$$;
comment on function pagerduty_private.status_to_pagerduty(pagerduty.incident_status) is 'Our status as PagerDuty''s.';
revoke all on function pagerduty_private.status_to_pagerduty(pagerduty.incident_status) from public, anon, authenticated, service_role;

create function pagerduty_private.is_whole_second(told_at timestamptz) returns boolean
language sql
immutable
set search_path = ''
as $$
  -- PagerDuty's log and V2; entries of the log keep their order by some microseconds.
  select extract(microseconds from told_at at time zone 'utc')::bigint % 1000000 < 1000
$$;
comment on function pagerduty_private.is_whole_second(timestamptz) is 'Whether a time was told without its fraction of a second.';
revoke all on function pagerduty_private.is_whole_second(timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.is_whole_second(timestamptz) to service_role;

create function pagerduty_private.is_news(told text, told_at timestamptz, known text, known_at timestamptz) returns boolean
language sql
immutable
set search_path = ''
as $$
  -- Of two that PagerDuty told for the same time, the further status counts; and of two within a second, where only one
  -- of them says when in it.
  select told is not null and case
    when known_at is null then true
    when date_trunc('second', told_at) = date_trunc('second', known_at)
      and pagerduty_private.is_whole_second(told_at) <> pagerduty_private.is_whole_second(known_at)
      then pagerduty_private.status_from_pagerduty(told) > pagerduty_private.status_from_pagerduty(known)
    else (told_at, pagerduty_private.status_from_pagerduty(told)) > (known_at, pagerduty_private.status_from_pagerduty(known))
  end
$$;
comment on function pagerduty_private.is_news(text, timestamptz, text, timestamptz) is 'Whether the status that an event told for a time counts more than the one that was told last; known_at is null where none was told.';
revoke all on function pagerduty_private.is_news(text, timestamptz, text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.is_news(text, timestamptz, text, timestamptz) to service_role;
