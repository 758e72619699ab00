-- Runs as the calling member: the policies decide who may invite whom.
create function pagerduty.invite_member(
  organization_id uuid,
  email text,
  role pagerduty.membership_role,
  expires_at timestamptz default null
) returns pagerduty.invitations
language sql
set search_path = ''
as $$
  insert into pagerduty.invitations as i (organization_id, email, role, expires_at)
  values (
    invite_member.organization_id,
    invite_member.email,
    invite_member.role,
    coalesce(invite_member.expires_at, now() + interval '7 days')
  )
  on conflict (organization_id, email) where is_open
  do update set role = excluded.role, expires_at = excluded.expires_at
  returning i.*
$$;
comment on function pagerduty.invite_member(uuid, text, pagerduty.membership_role, timestamptz) is 'Invites an address into an organization, by default for 7 days, at most for 30; an open invitation of the address gets the new role and time. Answers the invitation.';
revoke all on function pagerduty.invite_member(uuid, text, pagerduty.membership_role, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty.invite_member(uuid, text, pagerduty.membership_role, timestamptz) to authenticated;
