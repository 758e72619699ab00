create table pagerduty.organizations (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table pagerduty.organizations is 'An organization: the unit that never sees another one''s anything.';
comment on column pagerduty.organizations.id is 'Identifier; the realtime topic of the organization is pagerduty:org:<id>.';
comment on column pagerduty.organizations.name is 'Name as people write it.';
comment on column pagerduty.organizations.created_at is 'When it was made.';
comment on column pagerduty.organizations.updated_at is 'When it was last changed.';
