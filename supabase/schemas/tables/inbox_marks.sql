create table pagerduty.inbox_marks (
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  read_seq bigint not null default 0,
  done_seq bigint not null default 0,
  primary key (user_id, organization_id)
);
create index inbox_marks_organization_id_idx on pagerduty.inbox_marks (organization_id);
comment on table pagerduty.inbox_marks is 'Up to where a user is through with an organization''s notifications: what holds where there is no receipt.';
comment on column pagerduty.inbox_marks.user_id is 'Whose.';
comment on column pagerduty.inbox_marks.organization_id is 'The organization.';
comment on column pagerduty.inbox_marks.read_seq is 'All whose loud_seq is not greater are read, but for those whose receipt says otherwise. Who joins starts at the present.';
comment on column pagerduty.inbox_marks.done_seq is 'All whose loud_seq is not greater are done, but for those whose receipt says otherwise.';
