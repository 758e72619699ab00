-- The one way in without the service role: for the address's owner alone, and once.
create function pagerduty_private.join_as_invited(invitation_id uuid) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  me constant uuid := auth.uid();
  found_one pagerduty.invitations;
  my_role pagerduty.membership_role;
begin
  -- In the order in which a removal takes these locks: the membership, then its invitations.
  perform
  from pagerduty.memberships m
  join pagerduty.invitations i on i.organization_id = m.organization_id
  where i.id = invitation_id
    and m.user_id = me
  for update of m;
  select * into found_one
  from pagerduty.invitations i
  where i.id = invitation_id
    and i.email = pagerduty_private.my_verified_email()
  for update;
  if not found then
    raise exception 'There is no such invitation for your verified address.' using errcode = 'PT404';
  elsif found_one.revoked_at is not null then
    raise exception 'The invitation was withdrawn.' using errcode = 'PT410';
  elsif found_one.is_open and found_one.expires_at <= now() then
    raise exception 'The invitation has expired.' using errcode = 'PT410';
  elsif found_one.is_open then
    insert into pagerduty.memberships (organization_id, user_id, role)
    values (found_one.organization_id, me, found_one.role)
    on conflict do nothing;
    update pagerduty.invitations i
    set accepted_at = now(), accepted_by = me
    where i.id = found_one.id;
  end if;
  select m.role into my_role
  from pagerduty.memberships m
  where m.organization_id = found_one.organization_id
    and m.user_id = me;
  if not found then
    raise exception 'The invitation was used already.' using errcode = 'PT410';
  end if;
  return (
    select jsonb_build_object('id', o.id, 'name', o.name, 'role', my_role, 'topic', o.topic)
    from pagerduty.organizations o
    where o.id = found_one.organization_id
  );
end
$$;
comment on function pagerduty_private.join_as_invited(uuid) is 'Makes the calling user a member as the invitation of their verified address says.';
revoke all on function pagerduty_private.join_as_invited(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.join_as_invited(uuid) to authenticated;

create function pagerduty.accept_invitation(invitation_id uuid) returns jsonb
language sql
set search_path = ''
as $$ select pagerduty_private.join_as_invited(invitation_id) $$;
comment on function pagerduty.accept_invitation(uuid) is 'Makes the calling user a member as the invitation of their verified address says, and answers the organization: {id, name, role, topic}. Again, it answers the same; who is a member keeps the role that they have. PT404: none for this address; PT410: withdrawn, expired, or used and left since.';
revoke all on function pagerduty.accept_invitation(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.accept_invitation(uuid) to authenticated;
