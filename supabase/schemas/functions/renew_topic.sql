-- An open channel is not asked again before its token ends, up to an hour later. So who is no member any more is left
-- behind on a topic where nothing is told.
create function pagerduty_private.renew_topic(organization uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  former text;
begin
  select o.topic into former
  from pagerduty.organizations o
  where o.id = organization
  for update;
  if not found then
    return; -- it is being deleted
  end if;
  update pagerduty.organizations set topic = default where id = organization;
  -- Realtime takes 100 joins a second of a small project: half of them for one organization. Beyond half a minute there
  -- is nothing to spread: by then everybody has looked again.
  perform realtime.send(jsonb_build_object('within', least(30, count(*) / 50)), 'moved', former, true)
  from pagerduty.memberships m
  where m.organization_id = organization;
end
$$;
comment on function pagerduty_private.renew_topic(uuid) is 'Gives an organization another topic. The last word on the former one says nothing but that, and within how many seconds to move.';
revoke all on function pagerduty_private.renew_topic(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.part_from_members() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  parted record;
begin
  -- In one order: two users who are deleted at once may have been in the same organizations.
  for parted in
    select g.organization_id, array_agg(g.user_id) as users
    from gone g
    where not exists (
      select from pagerduty.memberships m
      where m.organization_id = g.organization_id
        and m.user_id = g.user_id
    )
    group by g.organization_id
    order by g.organization_id
  loop
    perform pagerduty_private.renew_topic(parted.organization_id);
    perform realtime.send(
      jsonb_build_object('organization_id', parted.organization_id), 'removed', 'pagerduty:user:' || u.id, true
    )
    from unnest(parted.users) u (id);
  end loop;
  return null;
end
$$;
comment on function pagerduty_private.part_from_members() is 'Trigger: an organization goes on with another topic as soon as somebody is no member any more, and they are told.';
revoke all on function pagerduty_private.part_from_members() from public, anon, authenticated, service_role;

create trigger part_from_deleted after delete on pagerduty.memberships
  referencing old table as gone
  for each statement execute function pagerduty_private.part_from_members();

-- A row may also be given to another user, or to another organization.
create trigger part_from_moved after update on pagerduty.memberships
  referencing old table as gone
  for each statement execute function pagerduty_private.part_from_members();
