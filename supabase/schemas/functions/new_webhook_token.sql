-- Needed by a default of integrations, hence made before the tables.
create function pagerduty_private.new_webhook_token() returns text
language sql
volatile
set search_path = ''
as $$ select replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') $$;
comment on function pagerduty_private.new_webhook_token() is 'An unguessable token: 244 random bits from the server''s strong generator, as 64 hex digits.';
revoke all on function pagerduty_private.new_webhook_token() from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.new_webhook_token() to authenticated, service_role;
