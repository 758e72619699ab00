-- Nobody but the service: no grant and no policy for any role that a user can hold.
alter table pagerduty.credentials enable row level security;

revoke all on pagerduty.credentials from public, anon, authenticated, service_role;
grant select on pagerduty.credentials to service_role;
grant update (api_key, signing_secret, previous_signing_secret) on pagerduty.credentials to service_role;
