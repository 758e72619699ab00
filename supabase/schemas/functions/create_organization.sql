create function pagerduty_private.found_organization(name text) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  me constant uuid := auth.uid();
  most constant integer := 20;
  made pagerduty.organizations;
begin
  if not exists (
    select from auth.users u
    where u.id = me
      and u.confirmed_at is not null
  ) then
    raise exception 'Confirm your address before you make an organization.' using errcode = '42501';
  end if;
  -- One after the other, or calls at the same moment would each count what was there before.
  perform pg_advisory_xact_lock(hashtextextended('pagerduty create_organization ' || me, 0));
  if most <= (
    select count(*)
    from pagerduty.memberships m
    where m.user_id = me
      and m.role = 'owner'
  ) then
    raise exception 'You own % organizations: give one away before you make another.', most using errcode = 'PT409';
  end if;
  insert into pagerduty.organizations (name)
  values (btrim(found_organization.name))
  returning * into made;
  insert into pagerduty.memberships (organization_id, user_id, role)
  values (made.id, me, 'owner');
  return jsonb_build_object('id', made.id, 'name', made.name, 'role', 'owner', 'topic', made.topic);
end
$$;
comment on function pagerduty_private.found_organization(text) is 'Makes an organization with the calling user as owner.';
revoke all on function pagerduty_private.found_organization(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.found_organization(text) to authenticated;

-- A host that makes organizations itself revokes the grant on this one (docs/adopt.md).
create function pagerduty.create_organization(name text) returns jsonb
language sql
set search_path = ''
as $$ select pagerduty_private.found_organization(create_organization.name) $$;
comment on function pagerduty.create_organization(text) is 'Makes an organization with the calling user as owner, and answers it: {id, name, role, topic}. For users with a confirmed address or number who own fewer than 20.';
revoke all on function pagerduty.create_organization(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.create_organization(text) to authenticated;
