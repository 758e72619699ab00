-- Organizations, their members, and the look-ups that policies use.

-- What policies and triggers need but the API must not expose.
create schema pagerduty;
comment on schema pagerduty is 'PagerDuty in this project: organizations, integrations, notifications, incidents. Exposed by the API.';
revoke all on schema pagerduty from public;
grant usage on schema pagerduty to authenticated, service_role;

create schema pagerduty_private;
comment on schema pagerduty_private is 'Helpers of policies and triggers. Not exposed by the API.';
revoke all on schema pagerduty_private from public;
grant usage on schema pagerduty_private to authenticated, service_role;

-- Ordered from the least to the most that a member may do, so that "at least admin" is a comparison.
create type pagerduty.membership_role as enum ('viewer', 'responder', 'admin', 'owner');
comment on type pagerduty.membership_role is 'What a member may do: viewers read, responders work on incidents, admins configure, owners decide who owns.';

create function pagerduty_private.set_updated_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
comment on function pagerduty_private.set_updated_at() is 'Trigger: keeps updated_at.';
revoke all on function pagerduty_private.set_updated_at() from public, anon, authenticated, service_role;

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

create trigger set_updated_at before update on pagerduty.organizations
  for each row execute function pagerduty_private.set_updated_at();

create table pagerduty.memberships (
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  role pagerduty.membership_role not null default 'viewer',
  display_name text not null default '' check (length(display_name) <= 200),
  email text check (length(email) <= 320),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
create index memberships_user_id_idx on pagerduty.memberships (user_id);
comment on table pagerduty.memberships is 'A user in an organization, with the role they have there.';
comment on column pagerduty.memberships.organization_id is 'The organization.';
comment on column pagerduty.memberships.user_id is 'The user (auth.users).';
comment on column pagerduty.memberships.role is 'What they may do there.';
comment on column pagerduty.memberships.display_name is 'Name that other members see; taken from the user''s metadata or address when they join.';
comment on column pagerduty.memberships.email is 'Address that other members see; taken from auth.users when they join.';
comment on column pagerduty.memberships.created_at is 'When they joined.';
comment on column pagerduty.memberships.updated_at is 'When the membership was last changed.';

create trigger set_updated_at before update on pagerduty.memberships
  for each row execute function pagerduty_private.set_updated_at();

-- auth.users is not readable by members, so a membership carries what the others may see of its user.
create function pagerduty_private.introduce_member() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  joined auth.users;
begin
  select * into joined from auth.users u where u.id = new.user_id;
  new.email := left(joined.email, 320);
  if new.display_name = '' then
    new.display_name := left(coalesce(
      nullif(joined.raw_user_meta_data ->> 'name', ''),
      nullif(joined.raw_user_meta_data ->> 'full_name', ''),
      split_part(joined.email, '@', 1),
      ''
    ), 200);
  end if;
  return new;
end
$$;
comment on function pagerduty_private.introduce_member() is 'Trigger: fills a new membership''s name and address from auth.users.';
revoke all on function pagerduty_private.introduce_member() from public, anon, authenticated, service_role;

create trigger introduce_member before insert on pagerduty.memberships
  for each row execute function pagerduty_private.introduce_member();

create function pagerduty_private.keep_an_owner() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and new.role = 'owner' and new.organization_id = old.organization_id then
    return new;
  end if;
  -- Two owners who leave at once wait for each other here. No row: the organization itself is being deleted.
  perform from pagerduty.organizations o where o.id = old.organization_id for update;
  if found and not exists (
    select from pagerduty.memberships m
    where m.organization_id = old.organization_id
      and m.user_id <> old.user_id
      and m.role = 'owner'
  ) then
    raise exception 'The last owner of an organization cannot leave it or give up the role: make somebody else an owner first.'
      using errcode = 'PT409';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end
$$;
comment on function pagerduty_private.keep_an_owner() is 'Trigger: an organization keeps at least one owner.';
revoke all on function pagerduty_private.keep_an_owner() from public, anon, authenticated, service_role;

create trigger keep_an_owner before update or delete on pagerduty.memberships
  for each row when (old.role = 'owner') execute function pagerduty_private.keep_an_owner();

create function pagerduty_private.my_organizations(minimum pagerduty.membership_role default 'viewer') returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select m.organization_id
  from pagerduty.memberships m
  where m.user_id = (select auth.uid())
    and m.role >= minimum
$$;
comment on function pagerduty_private.my_organizations(pagerduty.membership_role) is
  'The organizations in which the calling user has at least this role. Policies use it as "in (select …)", which runs once a statement.';
revoke all on function pagerduty_private.my_organizations(pagerduty.membership_role) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.my_organizations(pagerduty.membership_role) to authenticated;

create function pagerduty_private.may_listen(topic text) returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select topic = 'pagerduty:user:' || (select auth.uid())
    or exists (
      select from pagerduty.memberships m
      where m.user_id = (select auth.uid())
        and 'pagerduty:org:' || m.organization_id = topic
    )
$$;
comment on function pagerduty_private.may_listen(text) is 'May the calling user listen to this private topic: their own, or one of an organization they are in.';
revoke all on function pagerduty_private.may_listen(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.may_listen(text) to authenticated;
