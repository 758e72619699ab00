-- Runs as who invites, before the policies are asked: it must not see more than they may.
create function pagerduty_private.prepare_invitation() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.email := pagerduty_private.canonical_email(new.email);
  if exists (
    select from pagerduty.memberships m
    where m.organization_id = new.organization_id
      and pagerduty_private.canonical_email(m.email) = new.email
  ) then
    raise exception 'Somebody with this address is a member already: change their role instead.'
      using errcode = 'PT409';
  end if;
  new.invited_by := auth.uid();
  new.invited_by_name := coalesce((
    select m.display_name
    from pagerduty.memberships m
    where m.organization_id = new.organization_id
      and m.user_id = new.invited_by
  ), '');
  new.organization_name := coalesce((
    select o.name
    from pagerduty.organizations o
    where o.id = new.organization_id
  ), '');
  return new;
end
$$;
comment on function pagerduty_private.prepare_invitation() is 'Trigger: an invitation''s address is compared in lower case, is no member''s, and comes with the names that its reader may not look up.';
revoke all on function pagerduty_private.prepare_invitation() from public, anon, authenticated, service_role;

create trigger prepare_invitation before insert or update of role, expires_at on pagerduty.invitations
  for each row execute function pagerduty_private.prepare_invitation();
