-- The service calls this with its secret key; nobody else may.
create function pagerduty.report_problem(token text, problem text) returns void
language sql
volatile
set search_path = ''
as $$
  update pagerduty.integrations i
  set last_error = left(problem, 500), last_error_at = now()
  where i.id = (select pagerduty_private.integration_of_token(token))
$$;
comment on function pagerduty.report_problem(text, text) is 'Remembers why a webhook was refused, so that an admin can see it in the settings.';
revoke all on function pagerduty.report_problem(text, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.report_problem(text, text) to service_role;
