-- How many may listen to an organization's topic, counted as they come and go: no event costs more for more members.
create function pagerduty_private.open_topic() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pagerduty_private.topics (organization_id) values (new.id);
  return null;
end
$$;
comment on function pagerduty_private.open_topic() is 'Trigger: a new organization''s topic has carried nothing.';
revoke all on function pagerduty_private.open_topic() from public, anon, authenticated, service_role;

create trigger open_topic after insert on pagerduty.organizations
  for each row execute function pagerduty_private.open_topic();

create function pagerduty_private.count_arrivals() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pagerduty_private.tellings (organization_id, members)
  select m.organization_id, count(*)
  from arrived m
  group by m.organization_id;
  return null;
end
$$;
comment on function pagerduty_private.count_arrivals() is 'Trigger: members came.';
revoke all on function pagerduty_private.count_arrivals() from public, anon, authenticated, service_role;

create function pagerduty_private.count_departures() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pagerduty_private.tellings (organization_id, members)
  select m.organization_id, -count(*)
  from departed m
  group by m.organization_id;
  return null;
end
$$;
comment on function pagerduty_private.count_departures() is 'Trigger: members went.';
revoke all on function pagerduty_private.count_departures() from public, anon, authenticated, service_role;

create trigger count_arrivals after insert on pagerduty.memberships
  referencing new table as arrived
  for each statement execute function pagerduty_private.count_arrivals();

create trigger count_departures after delete on pagerduty.memberships
  referencing old table as departed
  for each statement execute function pagerduty_private.count_departures();

-- A row may also be given to another organization.
create trigger count_moved_arrivals after update on pagerduty.memberships
  referencing new table as arrived
  for each statement execute function pagerduty_private.count_arrivals();

create trigger count_moved_departures after update on pagerduty.memberships
  referencing old table as departed
  for each statement execute function pagerduty_private.count_departures();
