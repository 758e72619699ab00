-- Of the functions that tell alone. No policy: nobody reads or writes them through the API.
alter table pagerduty_private.topics enable row level security;
alter table pagerduty_private.tellings enable row level security;
alter table pagerduty_private.settings enable row level security;

revoke all on pagerduty_private.topics from public, anon, authenticated, service_role;
revoke all on pagerduty_private.tellings from public, anon, authenticated, service_role;
revoke all on sequence pagerduty_private.tellings_id_seq from public, anon, authenticated, service_role;
revoke all on pagerduty_private.settings from public, anon, authenticated, service_role;
