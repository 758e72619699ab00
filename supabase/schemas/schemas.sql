-- One schema that the API exposes, and one for what policies and triggers need but the API must not expose.
-- Revoked by name, too: a project's default privileges may have granted schemas to them.
create schema pagerduty;
comment on schema pagerduty is 'PagerDuty in this project: organizations, integrations, notifications, incidents. Exposed by the API.';
revoke all on schema pagerduty from public, anon, authenticated, service_role;
grant usage on schema pagerduty to authenticated, service_role;

create schema pagerduty_private;
comment on schema pagerduty_private is 'Helpers of policies and triggers. Not exposed by the API.';
revoke all on schema pagerduty_private from public, anon, authenticated, service_role;
grant usage on schema pagerduty_private to authenticated, service_role;
