-- An organization without an owner could never be configured again.
create function pagerduty_private.keep_an_owner() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and new.role = 'owner' and new.organization_id = old.organization_id then
    return new;
  end if;
  -- Two owners who leave at once wait for each other here. No row: the organization itself is being deleted.
  perform from pagerduty.organizations o where o.id = old.organization_id for update;
  if found and not exists (
    select from pagerduty.memberships m
    where m.organization_id = old.organization_id
      and m.user_id <> old.user_id
      and m.role = 'owner'
  ) then
    raise exception 'The last owner of an organization cannot leave it or give up the role: make somebody else an owner first.'
      using errcode = 'PT409';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end
$$;
comment on function pagerduty_private.keep_an_owner() is 'Trigger: an organization keeps at least one owner.';
revoke all on function pagerduty_private.keep_an_owner() from public, anon, authenticated, service_role;

create trigger keep_an_owner before update or delete on pagerduty.memberships
  for each row when (old.role = 'owner') execute function pagerduty_private.keep_an_owner();
