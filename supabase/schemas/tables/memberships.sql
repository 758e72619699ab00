create table pagerduty.memberships (
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  role pagerduty.membership_role not null default 'viewer',
  display_name text not null default '' check (length(display_name) <= 200),
  email text check (length(email) <= 320),
  pagerduty_user_id text check (length(pagerduty_user_id) between 1 and 255),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, user_id),
  unique (organization_id, pagerduty_user_id)
);
create index memberships_user_id_idx on pagerduty.memberships (user_id);
comment on table pagerduty.memberships is 'A user in an organization, with the role they have there. The service role adds one, or an invitation that is accepted, or an organization that is made.';
comment on column pagerduty.memberships.organization_id is 'The organization.';
comment on column pagerduty.memberships.user_id is 'The user (auth.users).';
comment on column pagerduty.memberships.role is 'What they may do there.';
comment on column pagerduty.memberships.display_name is 'Name that other members see; taken from the user''s metadata or address when they join.';
comment on column pagerduty.memberships.email is 'Address that other members see; taken from auth.users when they join.';
comment on column pagerduty.memberships.pagerduty_user_id is 'Who they are in PagerDuty, by its id, where an admin has said so. Null: the user with their address, if there is one.';
comment on column pagerduty.memberships.created_at is 'When they joined.';
comment on column pagerduty.memberships.updated_at is 'When the membership was last changed.';
