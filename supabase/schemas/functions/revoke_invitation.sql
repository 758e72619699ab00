-- Runs as the calling member: the policies decide who may withdraw which.
create function pagerduty.revoke_invitation(invitation_id uuid) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  seen pagerduty.invitations;
begin
  update pagerduty.invitations i
  set revoked_at = now()
  where i.id = invitation_id
    and i.is_open;
  if found then
    return true;
  end if;
  select * into seen
  from pagerduty.invitations i
  where i.id = invitation_id;
  if not found then
    raise exception 'There is no such invitation, or you may not see it.' using errcode = 'PT404';
  elsif seen.accepted_at is not null then
    raise exception 'The invitation was accepted already: remove the member instead.' using errcode = 'PT409';
  elsif seen.is_open then
    raise exception 'Your role does not allow to withdraw this invitation.' using errcode = '42501';
  end if;
  return false;
end
$$;
comment on function pagerduty.revoke_invitation(uuid) is 'Withdraws an open invitation; false for one that was withdrawn already.';
revoke all on function pagerduty.revoke_invitation(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.revoke_invitation(uuid) to authenticated;
