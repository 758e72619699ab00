create table pagerduty.receipts (
  notification_id uuid not null references pagerduty.notifications on delete cascade,
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  seq bigint not null,
  read boolean not null,
  done boolean not null default false,
  snoozed_until timestamptz,
  primary key (notification_id, user_id),
  check (not done or read)
);
create index receipts_unread_idx on pagerduty.receipts (user_id, organization_id, seq desc) where not read;
create index receipts_snoozed_idx on pagerduty.receipts (user_id, organization_id, seq desc) where snoozed_until is not null;
create index receipts_user_idx on pagerduty.receipts (user_id, organization_id, done, seq desc);
create index receipts_organization_id_idx on pagerduty.receipts (organization_id);
comment on table pagerduty.receipts is 'What a user did with a notification. It counts until the notification''s next loud change: then the row is unread and in the inbox again.';
comment on column pagerduty.receipts.notification_id is 'The notification.';
comment on column pagerduty.receipts.user_id is 'Whose.';
comment on column pagerduty.receipts.organization_id is 'The notification''s organization.';
comment on column pagerduty.receipts.seq is 'The loud change that it is about: it counts while that is the notification''s loud_seq.';
comment on column pagerduty.receipts.read is 'They have read it.';
comment on column pagerduty.receipts.done is 'They are done with it: it has left their inbox.';
comment on column pagerduty.receipts.snoozed_until is 'They will see to it then; until then it has left their inbox.';
