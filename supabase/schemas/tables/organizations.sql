create table pagerduty.organizations (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  topic text not null unique default 'pagerduty:org:' || gen_random_uuid() check (topic like 'pagerduty:org:%'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table pagerduty.organizations is 'An organization: the unit that never sees another one''s anything.';
comment on column pagerduty.organizations.id is 'Identifier.';
comment on column pagerduty.organizations.name is 'Name as people write it.';
comment on column pagerduty.organizations.topic is 'The realtime topic that its members listen to; another one as soon as somebody is no member any more (renew_topic).';
comment on column pagerduty.organizations.created_at is 'When it was made.';
comment on column pagerduty.organizations.updated_at is 'When it was last changed.';
