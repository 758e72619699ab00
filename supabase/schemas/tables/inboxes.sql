create table pagerduty_private.inboxes (
  organization_id uuid primary key references pagerduty.organizations on delete cascade,
  last_seq bigint not null default 0
);
comment on table pagerduty_private.inboxes is 'What orders the changes of an organization''s notifications: whoever makes one holds this row until it is committed. Made with the first change.';
comment on column pagerduty_private.inboxes.organization_id is 'The organization.';
comment on column pagerduty_private.inboxes.last_seq is 'The sequence number of the latest change; there may be gaps.';
revoke all on pagerduty_private.inboxes from public, anon, authenticated, service_role;
grant select, insert, update on pagerduty_private.inboxes to service_role;
