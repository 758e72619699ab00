-- "C" lowers ASCII alone: elsewhere a Kelvin sign becomes a k, and two addresses would be one.
create function pagerduty_private.canonical_email(email text) returns text
language sql
immutable
set search_path = ''
as $$ select lower(btrim(email) collate "C") $$;
comment on function pagerduty_private.canonical_email(text) is 'An address as it is compared: in lower case, without blanks around it.';
revoke all on function pagerduty_private.canonical_email(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.canonical_email(text) to authenticated;
