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

create function pagerduty_private.is_news(told text, told_at timestamptz, known text, known_at timestamptz) returns boolean
language sql
immutable
set search_path = ''
as $$
  -- Of two that PagerDuty told for the same time, the further status counts.
  select told is not null and (
    known_at is null
    or (told_at, pagerduty_private.status_from_pagerduty(told)) > (known_at, pagerduty_private.status_from_pagerduty(known))
  )
$$;
comment on function pagerduty_private.is_news(text, timestamptz, text, timestamptz) is 'Whether the status that an event told for a time counts more than the one that was told last; known_at is null where none was told.';
revoke all on function pagerduty_private.is_news(text, timestamptz, text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.is_news(text, timestamptz, text, timestamptz) to service_role;
