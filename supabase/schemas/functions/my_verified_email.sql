-- From auth.users, not from the token: its address is of the time when it was made, and says nothing of confirmation.
create function pagerduty_private.my_verified_email() returns text
language sql
stable
security definer
set search_path = ''
as $$
  select pagerduty_private.canonical_email(u.email)
  from auth.users u
  where u.id = (select auth.uid())
    and u.email_confirmed_at is not null
$$;
comment on function pagerduty_private.my_verified_email() is 'The calling user''s address as invitations are compared with it; null if they have not confirmed it.';
revoke all on function pagerduty_private.my_verified_email() from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.my_verified_email() to authenticated;
