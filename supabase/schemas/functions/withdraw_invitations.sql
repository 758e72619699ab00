-- Who is removed must not come back through an invitation of before, their own or one that they made for a friend.
create function pagerduty_private.withdraw_invitations() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty.invitations i
  set revoked_at = now()
  where i.organization_id = old.organization_id
    and i.is_open
    and (
      i.invited_by = old.user_id
      or (
        tg_op = 'DELETE'
        and i.email in (
          pagerduty_private.canonical_email(old.email),
          (select pagerduty_private.canonical_email(u.email) from auth.users u where u.id = old.user_id)
        )
      )
    );
  return null;
end
$$;
comment on function pagerduty_private.withdraw_invitations() is 'Trigger: who goes, or has a lesser role, leaves no open invitation that they made; who goes leaves none for their address.';
revoke all on function pagerduty_private.withdraw_invitations() from public, anon, authenticated, service_role;

create trigger withdraw_invitations after delete on pagerduty.memberships
  for each row execute function pagerduty_private.withdraw_invitations();

create trigger withdraw_invitations_of_lesser_role after update of role on pagerduty.memberships
  for each row when (new.role < old.role) execute function pagerduty_private.withdraw_invitations();
