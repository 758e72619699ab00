-- Runs as the calling user.
create function pagerduty.my_invitations() returns setof pagerduty.invitations
language sql
stable
set search_path = ''
as $$
  select i.*
  from pagerduty.invitations i
  where i.email = (select pagerduty_private.my_verified_email())
    and i.is_open
    and i.expires_at > now()
  order by i.created_at desc, i.id
  limit 100
$$;
comment on function pagerduty.my_invitations() is 'The invitations that the calling user can accept, newest first.';
revoke all on function pagerduty.my_invitations() from public, anon, authenticated, service_role;
grant execute on function pagerduty.my_invitations() to authenticated;
