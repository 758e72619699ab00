create table pagerduty.receipts (
  notification_id uuid not null references pagerduty.notifications on delete cascade,
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  read_at timestamptz not null default now(),
  primary key (notification_id, user_id)
);
create index receipts_user_id_idx on pagerduty.receipts (user_id);
comment on table pagerduty.receipts is 'A user has read a notification.';
comment on column pagerduty.receipts.notification_id is 'The notification.';
comment on column pagerduty.receipts.user_id is 'Who has read it.';
comment on column pagerduty.receipts.read_at is 'When.';
