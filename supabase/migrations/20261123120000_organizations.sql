-- Organizations, their members, and the look-ups that policies use.

-- What policies and triggers need but the API must not expose.
create schema private;
comment on schema private is 'Helpers of policies and triggers. Not exposed by the API.';
revoke all on schema private from public;
grant usage on schema private to authenticated, service_role;

-- Ordered from the least to the most that a member may do, so that "at least admin" is a comparison.
create type public.membership_role as enum ('viewer', 'responder', 'admin', 'owner');
comment on type public.membership_role is 'What a member may do: viewers read, responders work on incidents, admins configure, owners decide who owns.';

create function private.set_updated_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
comment on function private.set_updated_at() is 'Trigger: keeps updated_at.';
revoke all on function private.set_updated_at() from public, anon, authenticated, service_role;

create table public.organizations (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.organizations is 'An organization: the unit that never sees another one''s anything.';
comment on column public.organizations.id is 'Identifier; the realtime topic of the organization is org:<id>.';
comment on column public.organizations.name is 'Name as people write it.';
comment on column public.organizations.created_at is 'When it was made.';
comment on column public.organizations.updated_at is 'When it was last changed.';

create trigger set_updated_at before update on public.organizations
  for each row execute function private.set_updated_at();

create table public.memberships (
  organization_id uuid not null references public.organizations on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  role public.membership_role not null default 'viewer',
  display_name text not null default '' check (length(display_name) <= 200),
  email text check (length(email) <= 320),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
create index memberships_user_id_idx on public.memberships (user_id);
comment on table public.memberships is 'A user in an organization, with the role they have there.';
comment on column public.memberships.organization_id is 'The organization.';
comment on column public.memberships.user_id is 'The user (auth.users).';
comment on column public.memberships.role is 'What they may do there.';
comment on column public.memberships.display_name is 'Name that other members see; taken from the user''s metadata or address when they join.';
comment on column public.memberships.email is 'Address that other members see; taken from auth.users when they join.';
comment on column public.memberships.created_at is 'When they joined.';
comment on column public.memberships.updated_at is 'When the membership was last changed.';

create trigger set_updated_at before update on public.memberships
  for each row execute function private.set_updated_at();

-- auth.users is not readable by members, so a membership carries what the others may see of its user.
create function private.introduce_member() returns trigger
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
comment on function private.introduce_member() is 'Trigger: fills a new membership''s name and address from auth.users.';
revoke all on function private.introduce_member() from public, anon, authenticated, service_role;

create trigger introduce_member before insert on public.memberships
  for each row execute function private.introduce_member();

create function private.keep_an_owner() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and new.role = 'owner' and new.organization_id = old.organization_id then
    return new;
  end if;
  -- Two owners who leave at once wait for each other here. No row: the organization itself is being deleted.
  perform from public.organizations o where o.id = old.organization_id for update;
  if found and not exists (
    select from public.memberships m
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
comment on function private.keep_an_owner() is 'Trigger: an organization keeps at least one owner.';
revoke all on function private.keep_an_owner() from public, anon, authenticated, service_role;

create trigger keep_an_owner before update or delete on public.memberships
  for each row when (old.role = 'owner') execute function private.keep_an_owner();

create function private.my_organizations(minimum public.membership_role default 'viewer') returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select m.organization_id
  from public.memberships m
  where m.user_id = (select auth.uid())
    and m.role >= minimum
$$;
comment on function private.my_organizations(public.membership_role) is
  'The organizations in which the calling user has at least this role. Policies use it as "in (select …)", which runs once a statement.';
revoke all on function private.my_organizations(public.membership_role) from public, anon, authenticated, service_role;
grant execute on function private.my_organizations(public.membership_role) to authenticated;

create function private.may_listen(topic text) returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select topic = 'user:' || (select auth.uid())
    or exists (
      select from public.memberships m
      where m.user_id = (select auth.uid())
        and 'org:' || m.organization_id = topic
    )
$$;
comment on function private.may_listen(text) is 'May the calling user listen to this private topic: their own, or one of an organization they are in.';
revoke all on function private.may_listen(text) from public, anon, authenticated, service_role;
grant execute on function private.may_listen(text) to authenticated;
