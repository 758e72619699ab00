create table pagerduty.invitations (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  organization_name text not null default '',
  email text not null check (length(email) <= 320 and email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'),
  role pagerduty.membership_role not null,
  invited_by uuid default auth.uid(),
  invited_by_name text not null default '',
  expires_at timestamptz not null default now() + interval '7 days',
  accepted_at timestamptz,
  accepted_by uuid references auth.users on delete set null,
  revoked_at timestamptz,
  is_open boolean not null generated always as (accepted_at is null and revoked_at is null) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint invitations_expires_at_check check (expires_at <= updated_at + interval '30 days')
);
create unique index invitations_open_key on pagerduty.invitations (organization_id, email)
  where is_open;
create index invitations_organization_id_idx on pagerduty.invitations (organization_id, created_at desc, id desc);
create index invitations_email_idx on pagerduty.invitations (email);
create index invitations_accepted_by_idx on pagerduty.invitations (accepted_by);
comment on table pagerduty.invitations is 'An address that may join an organization with a role, until a time. At most one open one for each address in an organization.';
comment on column pagerduty.invitations.id is 'Identifier.';
comment on column pagerduty.invitations.organization_id is 'The organization.';
comment on column pagerduty.invitations.organization_name is 'Its name when the invitation was made: who is invited may not read organizations.';
comment on column pagerduty.invitations.email is 'Who is invited: whoever has this as verified address. ASCII letters are lower case.';
comment on column pagerduty.invitations.role is 'What they may do there once they have joined.';
comment on column pagerduty.invitations.invited_by is 'Who made it, or refreshed it last (auth.users). Outlives the account, so that what its user left open is found.';
comment on column pagerduty.invitations.invited_by_name is 'Their name there at that time.';
comment on column pagerduty.invitations.expires_at is 'Until when it can be accepted: 7 days unless said otherwise, at most 30.';
comment on column pagerduty.invitations.accepted_at is 'When it was accepted.';
comment on column pagerduty.invitations.accepted_by is 'Who accepted it.';
comment on column pagerduty.invitations.revoked_at is 'When it was withdrawn.';
comment on column pagerduty.invitations.is_open is 'Neither accepted nor withdrawn; it may have expired.';
comment on column pagerduty.invitations.created_at is 'When it was made.';
comment on column pagerduty.invitations.updated_at is 'When it was last changed.';
