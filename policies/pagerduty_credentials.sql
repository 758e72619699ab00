-- Nobody but the service: no grant and no policy for any role that a user can hold.
alter table public.pagerduty_credentials enable row level security;

revoke all on public.pagerduty_credentials from public, anon, authenticated, service_role;
grant select on public.pagerduty_credentials to service_role;
grant update (api_key, signing_secret, previous_signing_secret) on public.pagerduty_credentials to service_role;
