-- Written by `make migration` from the declared files, in their order.

-- supabase/schemas/precheck.sql ----------------------------------------------------------------------
-- Declares nothing: says in one sentence why this database cannot take ours, before anything is made in it.
do $$
declare
  schemas constant text := (
    select string_agg(n.nspname, ' and ' order by n.nspname)
    from pg_catalog.pg_namespace n
    where n.nspname in ('pagerduty', 'pagerduty_private')
  );
  roles constant text := (
    select string_agg(name, ', ')
    from unnest(array['anon', 'authenticated', 'service_role']) as name
    where pg_catalog.to_regrole(name) is null
  );
  objects constant text := (
    select string_agg(name, ', ')
    from unnest(array['auth.users', 'realtime.messages']) as name
    where pg_catalog.to_regclass(name) is null
  );
  functions constant text := (
    select string_agg(name, ', ')
    from unnest(array['auth.uid()', 'realtime.topic()', 'realtime.send(jsonb, text, text, boolean)']) as name
    where pg_catalog.to_regprocedure(name) is null
  );
  queues constant text := (
    select 'Supabase Queues (the extension pgmq)'
    where pg_catalog.to_regprocedure('pgmq.send(text, jsonb, integer)') is null
      and not exists (
        select from pg_catalog.pg_available_extensions e
        where e.name = 'pgmq'
      )
  );
  missing constant text := concat_ws(', ', roles, objects, functions, queues);
begin
  if missing <> '' then
    raise exception 'supabase-pagerduty needs a Supabase project, and this database lacks %: nothing was changed.', missing
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  if schemas is not null then
    raise exception 'supabase-pagerduty cannot move in, since this database has % already (another''s, or left over from an earlier installation): rename or drop it first. Nothing was changed.', 'schema ' || schemas
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  if exists (
    select from pg_catalog.pg_policies p
    where p.schemaname = 'realtime'
      and p.tablename = 'messages'
      and p.policyname = 'pagerduty: members listen'
  ) then
    raise exception 'supabase-pagerduty cannot move in, since realtime.messages has a policy "pagerduty: members listen" already: rename or drop it first. Nothing was changed.'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
end
$$;

-- supabase/schemas/schemas.sql -----------------------------------------------------------------------
-- One schema that the API exposes, and one for what policies and triggers need but the API must not expose.
-- Revoked by name, too: a project's default privileges may have granted schemas to them.
create schema pagerduty;
comment on schema pagerduty is 'PagerDuty in this project: organizations, integrations, notifications, incidents. Exposed by the API.';
revoke all on schema pagerduty from public, anon, authenticated, service_role;
grant usage on schema pagerduty to authenticated, service_role;

create schema pagerduty_private;
comment on schema pagerduty_private is 'Helpers of policies and triggers. Not exposed by the API.';
revoke all on schema pagerduty_private from public, anon, authenticated, service_role;
grant usage on schema pagerduty_private to authenticated, service_role;

-- supabase/schemas/queue.sql -------------------------------------------------------------------------
-- Supabase Queues (the extension pgmq) carries what PagerDuty must still be told. The queue is not ours to declare: it
-- is made here, where there is none yet.
do $$
begin
  if pg_catalog.to_regprocedure('pgmq.send(text, jsonb, integer)') is null then
    create extension pgmq;
  end if;
  if pg_catalog.to_regclass('pgmq.q_pagerduty') is null then
    perform pgmq.create('pagerduty');
  end if;
end
$$;

-- A project's default privileges may have granted it to everybody.
revoke all on pgmq.q_pagerduty, pgmq.a_pagerduty from public, anon, authenticated, service_role;

-- supabase/schemas/types.sql -------------------------------------------------------------------------
-- Ordered from the least to the most that a member may do, so that "at least admin" is a comparison.
create type pagerduty.membership_role as enum ('viewer', 'responder', 'admin', 'owner');
comment on type pagerduty.membership_role is 'What a member may do: viewers read, responders work on incidents, admins configure, owners decide who owns.';

create type pagerduty.incident_status as enum ('open', 'investigating', 'resolved');
comment on type pagerduty.incident_status is 'Where an incident stands. PagerDuty''s triggered, acknowledged and resolved, in this order.';

create type pagerduty.incident_level as enum ('low', 'medium', 'high', 'critical');
comment on type pagerduty.incident_level is 'How much an incident matters (criticality) or how soon it must be worked on (urgency).';

-- supabase/schemas/functions/new_webhook_token.sql ---------------------------------------------------
-- Needed by a default of integrations, hence made before the tables.
create function pagerduty_private.new_webhook_token() returns text
language sql
volatile
set search_path = ''
as $$ select replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') $$;
comment on function pagerduty_private.new_webhook_token() is 'An unguessable token: 244 random bits from the server''s strong generator, as 64 hex digits.';
revoke all on function pagerduty_private.new_webhook_token() from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.new_webhook_token() to authenticated, service_role;

-- supabase/schemas/functions/are_texts.sql -----------------------------------------------------------
-- Needed by checks of tables, hence made before them. A check calls it as whoever writes the row.
create function pagerduty_private.are_texts(texts text[], longest integer) returns boolean
language sql
immutable
set search_path = ''
as $$
  select coalesce(array_ndims(texts), 1) = 1
    and not exists (
      select from unnest(texts) as one
      where one is null or length(one) not between 1 and longest
    )
$$;
comment on function pagerduty_private.are_texts(text[], integer) is 'Is this a flat list of texts, none of them null, empty or longer than so many characters?';
revoke all on function pagerduty_private.are_texts(text[], integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.are_texts(text[], integer) to authenticated, service_role;

-- supabase/schemas/tables/organizations.sql ----------------------------------------------------------
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

-- supabase/schemas/tables/topics.sql -----------------------------------------------------------------
create table pagerduty_private.topics (
  organization_id uuid primary key references pagerduty.organizations on delete cascade,
  members integer not null default 0,
  told_at timestamptz not null default '-infinity',
  told_seq bigint not null default 0,
  kept_seq bigint not null default 0,
  due_at timestamptz
);
create index topics_due_at_idx on pagerduty_private.topics (due_at) where due_at is not null;
comment on table pagerduty_private.topics is 'What an organization''s topic has carried: a storm must not use up what Realtime delivers for the whole project.';
comment on column pagerduty_private.topics.organization_id is 'The organization.';
comment on column pagerduty_private.topics.members is 'How many members it has, so at most so many listen.';
comment on column pagerduty_private.topics.told_at is 'When its topic carried the last message.';
comment on column pagerduty_private.topics.told_seq is 'The greatest seq that was told.';
comment on column pagerduty_private.topics.kept_seq is 'The greatest seq that was told or kept back.';
comment on column pagerduty_private.topics.due_at is 'When the word of what was kept back is due. Null: nothing was.';

-- Rows come and go with each transaction, and their remains stay until a vacuum: only by its key does a transaction find
-- its own among them at once. Nothing of it outlives a transaction, so nothing of it needs to outlive a crash.
create unlogged table pagerduty_private.tellings (
  transaction xid8 not null default pg_current_xact_id(),
  id bigint generated always as identity,
  organization_id uuid not null,
  event text,
  payload jsonb,
  members integer not null default 0,
  primary key (transaction, id)
);
comment on table pagerduty_private.tellings is 'What the running transaction has to tell organizations when it ends. Empty for everybody else: the rows go before it commits.';
comment on column pagerduty_private.tellings.transaction is 'The transaction that has it to tell.';
comment on column pagerduty_private.tellings.id is 'In the order in which it happened.';
comment on column pagerduty_private.tellings.organization_id is 'The organization. No reference: it may be gone when the transaction ends.';
comment on column pagerduty_private.tellings.event is 'Name of the broadcast. Null: nothing is told, members came or went.';
comment on column pagerduty_private.tellings.payload is 'What is told.';
comment on column pagerduty_private.tellings.members is 'How many members more there are.';

create table pagerduty_private.settings (
  is_only boolean primary key default true check (is_only),
  deliveries_per_second integer not null default 50 check (deliveries_per_second > 0),
  shortest_interval numeric not null default 1 check (shortest_interval between 0 and 30)
);
comment on table pagerduty_private.settings is 'Settings of the project, in one row. Without a row, the defaults hold.';
comment on column pagerduty_private.settings.is_only is 'There is one row.';
comment on column pagerduty_private.settings.deliveries_per_second is 'How many of the deliveries that Realtime makes in a second for the whole project one organization may use.';
comment on column pagerduty_private.settings.shortest_interval is 'Seconds between two messages of one organization, however few its members are.';

-- supabase/schemas/tables/audit.sql ------------------------------------------------------------------
-- Of users it keeps ids and names, not references: what somebody did stays true when they are gone. Nor does it refer
-- to the organization, whose row each line would lock: two changes that then lock it for themselves would deadlock.
create table pagerduty.audit (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  actor_id uuid,
  actor_name text,
  subject text not null check (subject in ('organizations', 'memberships', 'integrations', 'credentials')),
  member_id uuid,
  member_name text,
  setting text not null,
  change text not null check (change in ('set', 'changed', 'removed')),
  old_value jsonb,
  new_value jsonb,
  created_at timestamptz not null default clock_timestamp()
);
create index audit_organization_idx on pagerduty.audit (organization_id, created_at, id);
comment on table pagerduty.audit is 'Who changed which setting of an organization from what to what. Written by triggers alone; never holds a secret.';
comment on column pagerduty.audit.id is 'Identifier.';
comment on column pagerduty.audit.organization_id is 'The organization; its audit goes with it.';
comment on column pagerduty.audit.actor_id is 'The user who changed it. Null: nobody who was signed in, so the service, the host application or whoever runs it.';
comment on column pagerduty.audit.actor_name is 'What they were called in the organization.';
comment on column pagerduty.audit.subject is 'The table whose setting it is.';
comment on column pagerduty.audit.member_id is 'For a membership: whose it is.';
comment on column pagerduty.audit.member_name is 'For a membership: what that user was called.';
comment on column pagerduty.audit.setting is 'The column that changed. A membership''s role is set when somebody joins, and removed when they are.';
comment on column pagerduty.audit.change is 'set (there was none), changed, removed (there is none): all that is told of a secret.';
comment on column pagerduty.audit.old_value is 'What it was. Null: nothing, or a secret.';
comment on column pagerduty.audit.new_value is 'What it became. Null: nothing, or a secret.';
comment on column pagerduty.audit.created_at is 'When it was changed.';

-- supabase/schemas/tables/memberships.sql ------------------------------------------------------------
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

-- supabase/schemas/tables/invitations.sql ------------------------------------------------------------
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

-- supabase/schemas/tables/integrations.sql -----------------------------------------------------------
create table pagerduty.integrations (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null unique references pagerduty.organizations on delete cascade,
  enabled boolean not null default false,
  webhook_token text not null unique default pagerduty_private.new_webhook_token() check (length(webhook_token) between 32 and 128),
  previous_webhook_token text unique check (length(previous_webhook_token) between 32 and 128),
  previous_webhook_token_expires_at timestamptz,
  accept_bare_url boolean not null default false,
  integration_key text check (length(integration_key) between 1 and 255),
  region text not null default 'us' check (region in ('us', 'eu')),
  event_types text[] check (
    cardinality(event_types) between 1 and 100
    and pagerduty_private.are_texts(event_types, 255)
    and length(array_to_string(event_types, '')) <= 5000
  ),
  services text[] check (
    cardinality(services) between 1 and 100
    and pagerduty_private.are_texts(services, 255)
    and length(array_to_string(services, '')) <= 5000
  ),
  api_key_last4 text check (length(api_key_last4) <= 4),
  signing_secret_last4 text check (length(signing_secret_last4) <= 4),
  api_key_set boolean not null generated always as (api_key_last4 is not null) stored,
  signing_secret_set boolean not null generated always as (signing_secret_last4 is not null) stored,
  acting_email text check (length(acting_email) between 3 and 320),
  sync_status text not null default 'both' check (sync_status in ('both', 'to_pagerduty', 'from_pagerduty', 'off')),
  sync_notes text not null default 'both' check (sync_notes in ('both', 'to_pagerduty', 'from_pagerduty', 'off')),
  paging_service_id text check (length(paging_service_id) between 1 and 255),
  paging_criticality pagerduty.incident_level not null default 'critical',
  subscription_id text check (length(subscription_id) between 1 and 255),
  subscription_scope jsonb check (
    jsonb_typeof(subscription_scope) = 'object'
    and length(subscription_scope::text) <= 1000
  ),
  subscription_token text check (length(subscription_token) between 32 and 128),
  subscription_made_at timestamptz,
  subscription_proven_at timestamptz,
  settings_version bigint not null default 1,
  filters_changed_at timestamptz not null default now(),
  last_event_at timestamptz,
  last_error text check (length(last_error) <= 500),
  last_error_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- The bare webhook URL carries no token, so at most one integration of a deployment can own it.
create unique index integrations_bare_url_key on pagerduty.integrations (accept_bare_url)
  where accept_bare_url;
comment on table pagerduty.integrations is 'An organization''s PagerDuty settings and the health of its integration.';
comment on column pagerduty.integrations.id is 'Identifier.';
comment on column pagerduty.integrations.organization_id is 'The organization; one integration each.';
comment on column pagerduty.integrations.enabled is 'Off: webhooks are answered and recorded as ignored, so that PagerDuty does not switch its subscription off.';
comment on column pagerduty.integrations.webhook_token is 'Last part of the webhook URL. Owners and admins get it from get_integration().';
comment on column pagerduty.integrations.previous_webhook_token is 'The one before it: taken until it expires, so that a new URL loses no webhook.';
comment on column pagerduty.integrations.previous_webhook_token_expires_at is 'When the previous one stops being taken: 48 hours after rotate_webhook_url(), as long as PagerDuty retries.';
comment on column pagerduty.integrations.accept_bare_url is 'Serves POST /api/webhooks/pagerduty without a token. At most one in a deployment; set by who runs it, not by members.';
comment on column pagerduty.integrations.integration_key is 'Notify only of events that carry this integration key (or come from the service with this id). Null: of all. Linked incidents follow PagerDuty all the same.';
comment on column pagerduty.integrations.region is 'PagerDuty''s service region of the account: us or eu.';
comment on column pagerduty.integrations.event_types is 'Notify only of these event types, named as in V3 webhooks (incident.triggered, …). Null: of all that are known. Linked incidents follow PagerDuty all the same.';
comment on column pagerduty.integrations.services is 'Notify only of events of these PagerDuty services, each by its id or name, in small or capital letters. Null: of all. Linked incidents follow PagerDuty all the same.';
comment on column pagerduty.integrations.api_key_last4 is 'Last four characters of the saved API key: a hint. Null: none saved.';
comment on column pagerduty.integrations.signing_secret_last4 is 'Last four characters of the saved signing secret: a hint. Null: none saved, webhooks are not signed.';
comment on column pagerduty.integrations.api_key_set is 'Is an API key saved.';
comment on column pagerduty.integrations.signing_secret_set is 'Is a signing secret saved; then nothing unsigned is accepted.';
comment on column pagerduty.integrations.acting_email is 'The PagerDuty user as whom PagerDuty is told what a member did whom it does not know. Null: nobody; that is not told.';
comment on column pagerduty.integrations.sync_status is 'Which way the status of a linked incident goes: both, to_pagerduty, from_pagerduty, off.';
comment on column pagerduty.integrations.sync_notes is 'Which way notes and comments go: both, to_pagerduty, from_pagerduty, off.';
comment on column pagerduty.integrations.paging_service_id is 'The PagerDuty service that is paged of an incident that is made here and critical enough. Null: none is; a member may page one by hand.';
comment on column pagerduty.integrations.paging_criticality is 'How critical it must be for that.';
comment on column pagerduty.integrations.subscription_id is 'PagerDuty''s id of the webhook subscription that was made from here. Null: none; what arrives was set up by hand.';
comment on column pagerduty.integrations.subscription_scope is 'What the subscription covers: {"type": account, service or team, "id", "name"}.';
comment on column pagerduty.integrations.subscription_token is 'The webhook token that the subscription sends to: another than the present one, once that was replaced.';
comment on column pagerduty.integrations.subscription_made_at is 'When the subscription was made.';
comment on column pagerduty.integrations.subscription_proven_at is 'When a webhook of the subscription, perhaps its ping, arrived last. Null: none has yet.';
comment on column pagerduty.integrations.settings_version is 'Grows with every change that a cache of these settings must notice; health does not count.';
comment on column pagerduty.integrations.filters_changed_at is 'Since when it takes what it takes now: when enabled or a filter was last changed.';
comment on column pagerduty.integrations.last_event_at is 'When the last webhook was accepted.';
comment on column pagerduty.integrations.last_error is 'What went wrong last, in words for an admin; cleared by the next good webhook.';
comment on column pagerduty.integrations.last_error_at is 'When that went wrong.';
comment on column pagerduty.integrations.created_at is 'When it was first saved.';
comment on column pagerduty.integrations.updated_at is 'When its settings were last changed.';

-- supabase/schemas/tables/credentials.sql ------------------------------------------------------------
create table pagerduty.credentials (
  organization_id uuid primary key references pagerduty.integrations (organization_id) on delete cascade,
  api_key text check (length(api_key) <= 4096),
  signing_secret text check (length(signing_secret) <= 4096),
  previous_signing_secret text check (length(previous_signing_secret) <= 4096),
  previous_signing_secret_expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table pagerduty.credentials is 'An organization''s secrets, sealed by the service before they come here and bound to the organization. No user''s role can read it.';
comment on column pagerduty.credentials.organization_id is 'The organization that the sealed values are bound to.';
comment on column pagerduty.credentials.api_key is 'Sealed REST API key.';
comment on column pagerduty.credentials.signing_secret is 'Sealed webhook signing secret.';
comment on column pagerduty.credentials.previous_signing_secret is 'The sealed one before it: accepted until it expires, so that a rotation drops no webhook.';
comment on column pagerduty.credentials.previous_signing_secret_expires_at is 'When the previous one stops being accepted: 48 hours after the rotation, as long as PagerDuty retries.';
comment on column pagerduty.credentials.created_at is 'When the first secret was saved.';
comment on column pagerduty.credentials.updated_at is 'When a secret was last changed.';

-- supabase/schemas/tables/inboxes.sql ----------------------------------------------------------------
create table pagerduty_private.inboxes (
  organization_id uuid primary key references pagerduty.organizations on delete cascade,
  last_seq bigint not null default 0
);
comment on table pagerduty_private.inboxes is 'What orders the changes of an organization''s notifications: whoever makes one holds this row until it is committed. Made with the first change.';
comment on column pagerduty_private.inboxes.organization_id is 'The organization.';
comment on column pagerduty_private.inboxes.last_seq is 'The sequence number of the latest change; there may be gaps.';
revoke all on pagerduty_private.inboxes from public, anon, authenticated, service_role;
grant select, insert, update on pagerduty_private.inboxes to service_role;

-- supabase/schemas/tables/notifications.sql ----------------------------------------------------------
create table pagerduty.notifications (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  subject text not null check (length(subject) between 1 and 320),
  title text not null check (length(title) between 1 and 1100),
  number integer,
  pagerduty_incident_id text check (length(pagerduty_incident_id) <= 255),
  pagerduty_status text check (pagerduty_status in ('triggered', 'acknowledged', 'resolved')),
  pagerduty_status_at timestamptz,
  acknowledged_by text check (length(acknowledged_by) <= 255),
  urgency text check (urgency in ('high', 'low')),
  priority text check (length(priority) <= 255),
  service_id text check (length(service_id) <= 255),
  service_name text check (length(service_name) <= 255),
  assignees text[] not null default '{}' check (cardinality(assignees) <= 100 and pagerduty_private.are_texts(assignees, 255)),
  conference_url text check (conference_url ~* '^https?://' and length(conference_url) <= 2048),
  pagerduty_url text check (pagerduty_url ~* '^https?://' and length(pagerduty_url) <= 2048),
  prefill jsonb check (jsonb_typeof(prefill) = 'object'),
  written text check (length(written) <= 20000),
  facts jsonb not null default '[]' check (jsonb_typeof(facts) = 'array'),
  described_at timestamptz,
  settled_at jsonb not null default '{}' check (jsonb_typeof(settled_at) = 'object'),
  recipients uuid[],
  event_type text not null check (length(event_type) <= 255),
  body text not null default '' check (length(body) <= 2000),
  occurred_at timestamptz,
  events integer not null default 1,
  seq bigint not null,
  loud_seq bigint not null,
  is_quiet boolean not null default false,
  loud_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  unique (organization_id, subject)
);
create unique index notifications_seq_key on pagerduty.notifications (organization_id, seq);
create unique index notifications_loud_seq_key on pagerduty.notifications (organization_id, loud_seq);
-- Those that follow the name of their service: found at once, however many are over.
create index notifications_service_idx on pagerduty.notifications (organization_id, service_id, loud_seq)
  where pagerduty_incident_id is not null and pagerduty_status is distinct from 'resolved';
comment on table pagerduty.notifications is 'One subject (a PagerDuty incident, or a service) as it stands now: what the bell shows. One row whatever the number of events and of people: its events are its history, and what a user did with it is a receipt.';
comment on column pagerduty.notifications.id is 'Identifier.';
comment on column pagerduty.notifications.organization_id is 'The organization.';
comment on column pagerduty.notifications.subject is 'What it is about: "incident:" or "service:" and PagerDuty''s id; "event:" and the event''s, where it names neither.';
comment on column pagerduty.notifications.title is 'Title of PagerDuty''s incident, as it is, or the service''s name.';
comment on column pagerduty.notifications.number is 'PagerDuty''s number of the incident.';
comment on column pagerduty.notifications.pagerduty_incident_id is 'PagerDuty''s id of the incident; null for a service.';
comment on column pagerduty.notifications.pagerduty_status is 'The incident''s status: what PagerDuty told last. Before it told one, what a snapshot said.';
comment on column pagerduty.notifications.pagerduty_status_at is 'Since when, by PagerDuty''s clock but never later than the event''s arrival. Null: no event told it.';
comment on column pagerduty.notifications.acknowledged_by is 'Who acknowledged it, until it is triggered again.';
comment on column pagerduty.notifications.urgency is 'PagerDuty''s urgency: high or low; null where no event says one.';
comment on column pagerduty.notifications.priority is 'Name of PagerDuty''s priority.';
comment on column pagerduty.notifications.service_id is 'PagerDuty''s id of the service.';
comment on column pagerduty.notifications.service_name is 'Name of that service.';
comment on column pagerduty.notifications.assignees is 'Names of those it is assigned to.';
comment on column pagerduty.notifications.conference_url is 'Link of the conference bridge.';
comment on column pagerduty.notifications.pagerduty_url is 'The incident (or service) in PagerDuty''s web app.';
comment on column pagerduty.notifications.prefill is 'The fields of a new incident, already filled in. Null: it is not about an incident.';
comment on column pagerduty.notifications.written is 'Every text about the incident but its title: the first part of the prefilled description.';
comment on column pagerduty.notifications.facts is 'The second part: [[label, value], …], as the lines of that description.';
comment on column pagerduty.notifications.described_at is 'When the incident was as it is described here, by PagerDuty''s clock; null: only references to it have come.';
comment on column pagerduty.notifications.settled_at is 'For each line of the description that an event told alone (the conference bridge, a custom field, a role): when it was as it stands here, by PagerDuty''s clock.';
comment on column pagerduty.notifications.recipients is 'The users it is addressed to; null: every member of the organization.';
comment on column pagerduty.notifications.event_type is 'Type of the event that was loud last, named as in V3 webhooks: what it rang for.';
comment on column pagerduty.notifications.body is 'What happened then, in one line.';
comment on column pagerduty.notifications.occurred_at is 'When it happened, by PagerDuty''s clock.';
comment on column pagerduty.notifications.events is 'How many events were about it.';
comment on column pagerduty.notifications.seq is 'Sequence number of its latest change: within an organization it grows in the order of commits, so "what changed since the last one I have" misses nothing.';
comment on column pagerduty.notifications.loud_seq is 'Sequence number of its latest loud change (if there was none, of its making): the order of lists, and what receipts and marks are about.';
comment on column pagerduty.notifications.is_quiet is 'Nothing loud has happened to it yet: it is shown, but not as unread.';
comment on column pagerduty.notifications.loud_at is 'When that loud change arrived.';
comment on column pagerduty.notifications.created_at is 'When it was first heard of.';
comment on column pagerduty.notifications.changed_at is 'When its latest change arrived.';

-- supabase/schemas/tables/events.sql -----------------------------------------------------------------
create table pagerduty.events (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  integration_id uuid not null references pagerduty.integrations on delete cascade,
  event_id text not null check (length(event_id) between 1 and 300),
  notification_id uuid references pagerduty.notifications on delete set null,
  delivery_id text check (length(delivery_id) <= 300),
  family text not null check (family in ('v3', 'v2', 'v1', 'documented', 'test', 'log', 'unknown')),
  event_type text not null check (length(event_type) <= 255),
  pagerduty_incident_id text check (length(pagerduty_incident_id) <= 255),
  pagerduty_status text check (pagerduty_status in ('triggered', 'acknowledged', 'resolved')),
  service_id text check (length(service_id) <= 255),
  service_name text check (length(service_name) <= 255),
  summary text check (length(summary) <= 1024),
  headline text check (length(headline) <= 10000),
  agent_name text check (length(agent_name) <= 255),
  is_loud boolean not null default false,
  is_repeat boolean not null default false,
  occurred_at timestamptz,
  received_at timestamptz not null default clock_timestamp(),
  deliveries integer not null default 1,
  outcome text not null check (outcome in ('created', 'updated', 'ignored', 'invalid')),
  reason text check (length(reason) <= 500),
  log_entry_id text check (length(log_entry_id) <= 255),
  payload jsonb,
  unique (integration_id, event_id)
);
create index events_organization_received_idx
  on pagerduty.events (organization_id, received_at desc, id desc);
-- By what happened and when, too: whether another feed told of it is asked for each event.
create index events_incident_idx on pagerduty.events (organization_id, pagerduty_incident_id, event_type, occurred_at);
create index events_notification_idx on pagerduty.events (notification_id, received_at desc, id desc);
-- The service that is remembered of an incident is found at once, however many events it has.
create index events_incident_service_idx
  on pagerduty.events (organization_id, pagerduty_incident_id, (least(occurred_at, received_at)) desc, received_at desc)
  where service_id is not null or service_name is not null;
-- Each entry of PagerDuty's log is told by one event.
create unique index events_log_entry_key on pagerduty.events (integration_id, log_entry_id)
  where log_entry_id is not null;
comment on table pagerduty.events is 'A received webhook event: what stops duplicates, and the audit trail that answers "is it arriving?".';
comment on column pagerduty.events.id is 'Identifier.';
comment on column pagerduty.events.organization_id is 'The organization.';
comment on column pagerduty.events.integration_id is 'The integration that received it.';
comment on column pagerduty.events.event_id is 'PagerDuty''s id of the event; where it sends none, a digest of the message. Unique per integration.';
comment on column pagerduty.events.notification_id is 'The notification whose history it is part of.';
comment on column pagerduty.events.delivery_id is 'X-Webhook-Id of the first delivery: the same on each of its attempts.';
comment on column pagerduty.events.family is 'Payload family: v3, v2, v1, the documented form, test (send_test_alert()), log (no webhook told it: taken from PagerDuty''s log), or unknown.';
comment on column pagerduty.events.event_type is 'Event type, named as in V3 webhooks.';
comment on column pagerduty.events.pagerduty_incident_id is 'PagerDuty''s id of the incident it is about.';
comment on column pagerduty.events.pagerduty_status is 'The status that it told the incident to have. Null: it told none, whatever a snapshot of the incident in it says, or it was not taken at all.';
comment on column pagerduty.events.service_id is 'PagerDuty''s id of the service that it belongs to; that of its incident''s last known service, if it names none.';
comment on column pagerduty.events.service_name is 'Name of that service.';
comment on column pagerduty.events.summary is 'One line about it, for lists.';
comment on column pagerduty.events.headline is 'What happened and by whom, with every text that it brought, in one line.';
comment on column pagerduty.events.agent_name is 'Who or what did it, in PagerDuty.';
comment on column pagerduty.events.is_loud is 'It rang: the notification was unread after it.';
comment on column pagerduty.events.is_repeat is 'Another event had told of the same happening before: two feeds of one service are on.';
comment on column pagerduty.events.occurred_at is 'When it happened, by PagerDuty''s clock.';
comment on column pagerduty.events.received_at is 'When it was first received, its turn among the organization''s webhooks having come.';
comment on column pagerduty.events.deliveries is 'How often it was delivered: PagerDuty delivers at least once.';
comment on column pagerduty.events.outcome is 'What became of it: created (a notification), updated (one), ignored, invalid.';
comment on column pagerduty.events.reason is 'Why it was ignored or invalid; of one that updated a notification, why nobody was told.';
comment on column pagerduty.events.log_entry_id is 'PagerDuty''s id of the entry of its log that says the same. Null: not compared yet, or its log has none of it.';
comment on column pagerduty.events.payload is 'The event as received; a clean-up may drop it, the ids stay.';

-- supabase/schemas/tables/receipts.sql ---------------------------------------------------------------
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

-- supabase/schemas/tables/inbox_marks.sql ------------------------------------------------------------
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

-- supabase/schemas/tables/incidents.sql --------------------------------------------------------------
create table pagerduty.incidents (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  title text not null check (length(title) between 1 and 1100),
  description text not null default '' check (length(description) <= 20000),
  criticality pagerduty.incident_level not null default 'medium',
  urgency pagerduty.incident_level not null default 'medium',
  status pagerduty.incident_status not null default 'open',
  customer text not null default '' check (length(customer) <= 255),
  tags text[] not null default '{}' check (
    cardinality(tags) <= 50
    and pagerduty_private.are_texts(tags, 300)
    and length(array_to_string(tags, '')) <= 5000
  ),
  notification_id uuid references pagerduty.notifications on delete set null,
  pagerduty_incident_id text check (length(pagerduty_incident_id) <= 255),
  pagerduty_url text check (pagerduty_url ~* '^https?://' and length(pagerduty_url) <= 2048),
  pagerduty_status text check (pagerduty_status in ('triggered', 'acknowledged', 'resolved')),
  pagerduty_status_at timestamptz,
  pagerduty_event_id uuid references pagerduty.events on delete set null,
  member_status_at timestamptz,
  assignee_id uuid,
  created_by uuid references auth.users on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, pagerduty_incident_id),
  -- Whoever is no member any more has nothing to work on here.
  foreign key (organization_id, assignee_id) references pagerduty.memberships (organization_id, user_id)
    on delete set null (assignee_id)
);
create index incidents_organization_created_idx on pagerduty.incidents (organization_id, created_at desc, id desc);
create index incidents_notification_id_idx on pagerduty.incidents (notification_id);
create index incidents_pagerduty_event_id_idx on pagerduty.incidents (pagerduty_event_id);
create index incidents_assignee_idx on pagerduty.incidents (organization_id, assignee_id, created_at desc, id desc);
create index incidents_created_by_idx on pagerduty.incidents (created_by);
comment on table pagerduty.incidents is 'An incident that the organization works on, perhaps linked to one in PagerDuty.';
comment on column pagerduty.incidents.id is 'Identifier.';
comment on column pagerduty.incidents.organization_id is 'The organization.';
comment on column pagerduty.incidents.title is 'What it is about.';
comment on column pagerduty.incidents.description is 'What is known.';
comment on column pagerduty.incidents.criticality is 'How much it matters.';
comment on column pagerduty.incidents.urgency is 'How soon it must be worked on.';
comment on column pagerduty.incidents.status is 'Where it stands.';
comment on column pagerduty.incidents.customer is 'Who is affected; from PagerDuty, the service''s name.';
comment on column pagerduty.incidents.tags is 'Labels.';
comment on column pagerduty.incidents.notification_id is 'The notification that it was made from.';
comment on column pagerduty.incidents.pagerduty_incident_id is 'PagerDuty''s id of the linked incident; linked once per organization.';
comment on column pagerduty.incidents.pagerduty_url is 'The linked incident in PagerDuty''s web app.';
comment on column pagerduty.incidents.pagerduty_status is 'The status that PagerDuty told last of the linked incident, whether or not a member''s later change stands against it. On insert: the one with which the form was filled in.';
comment on column pagerduty.incidents.pagerduty_status_at is 'Since when, by PagerDuty''s clock but never later than the event''s arrival: an older event is no news.';
comment on column pagerduty.incidents.pagerduty_event_id is 'The received event that moved the status last: how triggers tell PagerDuty''s changes from a member''s.';
comment on column pagerduty.incidents.member_status_at is 'When a member last chose the status: only what PagerDuty changed later moves it. Null: no member has chosen one.';
comment on column pagerduty.incidents.assignee_id is 'The member who works on it; null: nobody yet.';
comment on column pagerduty.incidents.created_by is 'Who made it.';
comment on column pagerduty.incidents.created_at is 'When it was made.';
comment on column pagerduty.incidents.updated_at is 'When it was last changed.';

-- supabase/schemas/tables/incident_updates.sql -------------------------------------------------------
create table pagerduty.incident_updates (
  id uuid primary key default gen_random_uuid(),
  incident_id uuid not null references pagerduty.incidents on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  kind text not null default 'comment' check (kind in ('created', 'status', 'assigned', 'edited', 'comment', 'pagerduty')),
  body text not null default '' check (length(body) <= 10000),
  status_from pagerduty.incident_status,
  status_to pagerduty.incident_status,
  assignee_from uuid,
  assignee_to uuid,
  author_id uuid default auth.uid() references auth.users on delete set null,
  event_id uuid references pagerduty.events on delete set null,
  created_at timestamptz not null default clock_timestamp(),
  check (kind <> 'comment' or length(body) >= 1)
);
create index incident_updates_incident_idx on pagerduty.incident_updates (incident_id, created_at, id);
create index incident_updates_organization_id_idx on pagerduty.incident_updates (organization_id);
create index incident_updates_author_id_idx on pagerduty.incident_updates (author_id);
create index incident_updates_event_id_idx on pagerduty.incident_updates (event_id);
comment on table pagerduty.incident_updates is 'An entry of an incident''s timeline, ours or PagerDuty''s.';
comment on column pagerduty.incident_updates.id is 'Identifier.';
comment on column pagerduty.incident_updates.incident_id is 'The incident.';
comment on column pagerduty.incident_updates.organization_id is 'Its organization.';
comment on column pagerduty.incident_updates.kind is 'created, status (changed by a member), assigned, edited, comment (written by a member), pagerduty (told by PagerDuty).';
comment on column pagerduty.incident_updates.body is 'What was written or told.';
comment on column pagerduty.incident_updates.status_from is 'Status before, if it changed.';
comment on column pagerduty.incident_updates.status_to is 'Status after, if it changed.';
comment on column pagerduty.incident_updates.assignee_from is 'Who worked on it before, if that changed; perhaps somebody who is gone.';
comment on column pagerduty.incident_updates.assignee_to is 'Who works on it from then on, if that changed; perhaps somebody who is gone.';
comment on column pagerduty.incident_updates.author_id is 'The member; null: PagerDuty.';
comment on column pagerduty.incident_updates.event_id is 'The received event, for PagerDuty''s entries.';
comment on column pagerduty.incident_updates.created_at is 'When it was written.';

-- supabase/schemas/tables/outbox.sql -----------------------------------------------------------------
create table pagerduty.outbox (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  incident_id uuid not null references pagerduty.incidents on delete cascade,
  thing text not null check (thing in (
    'status', 'note', 'incident', 'priority', 'urgency', 'escalation', 'assignment', 'snooze', 'responders', 'status_update'
  )),
  update_id uuid references pagerduty.incident_updates on delete cascade,
  wanted text not null check (length(wanted) between 1 and 10000),
  actor_id uuid references auth.users on delete set null,
  version integer not null default 1,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'dead')),
  attempts integer not null default 0,
  last_error text check (length(last_error) <= 500),
  due_at timestamptz not null default clock_timestamp(),
  attempted_at timestamptz,
  sent_at timestamptz,
  acted_as text check (length(acted_as) <= 320),
  echoed_at timestamptz,
  expected jsonb not null default '[]',
  changed_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  slot text not null generated always as (
    case when thing in ('note', 'responders', 'status_update') then id::text else thing end
  ) stored,
  unique (incident_id, slot),
  check ((thing = 'note') = (update_id is not null))
);
create index outbox_due_idx on pagerduty.outbox (organization_id, state, due_at, id);
create index outbox_update_id_idx on pagerduty.outbox (update_id);
create index outbox_actor_id_idx on pagerduty.outbox (actor_id);
comment on table pagerduty.outbox is 'One thing of one incident that PagerDuty must be told: changed again before it is sent, it is the same row. The queue says that there is something, the row says what.';
comment on column pagerduty.outbox.id is 'Identifier.';
comment on column pagerduty.outbox.organization_id is 'The organization.';
comment on column pagerduty.outbox.incident_id is 'The incident, which is linked to one in PagerDuty.';
comment on column pagerduty.outbox.thing is 'status: what stands in "wanted", in PagerDuty''s word; note: a comment, whose text stands there; the others are what ask_pagerduty() takes, as JSON.';
comment on column pagerduty.outbox.expected is 'What PagerDuty may still say to what it was told before this was changed, the last ten: [{"wanted", "attempted_at"}, …].';
comment on column pagerduty.outbox.changed_at is 'When a member last wanted it so.';
comment on column pagerduty.outbox.slot is 'Of what an incident has one of, the thing; else the id of the row.';
comment on column pagerduty.outbox.update_id is 'The comment, of a note.';
comment on column pagerduty.outbox.wanted is 'What should stand in PagerDuty.';
comment on column pagerduty.outbox.actor_id is 'The member who changed it, as whom it is told; null: it was changed in the dashboard.';
comment on column pagerduty.outbox.version is 'Grows when it is changed again: what was sent of an older one is not all.';
comment on column pagerduty.outbox.state is 'waiting; sent; dead: given up, with the reason in last_error, until somebody has it tried again.';
comment on column pagerduty.outbox.attempts is 'How often it was tried.';
comment on column pagerduty.outbox.last_error is 'Why it has not been sent, in words for members.';
comment on column pagerduty.outbox.due_at is 'When it is to be tried, or tried again.';
comment on column pagerduty.outbox.attempted_at is 'When it was tried first: what PagerDuty tells of it since may be its echo.';
comment on column pagerduty.outbox.sent_at is 'When PagerDuty confirmed it.';
comment on column pagerduty.outbox.acted_as is 'The address of the PagerDuty user as whom it was told.';
comment on column pagerduty.outbox.echoed_at is 'When PagerDuty''s own event of it arrived: it is known here, and told once.';
comment on column pagerduty.outbox.created_at is 'When it was first wanted.';

-- supabase/schemas/tables/outboxes.sql ---------------------------------------------------------------
create table pagerduty_private.outboxes (
  organization_id uuid primary key references pagerduty.organizations on delete cascade,
  message_id bigint,
  leased_until timestamptz,
  paused_until timestamptz,
  paused_because text check (length(paused_because) <= 500)
);
comment on table pagerduty_private.outboxes is 'An organization''s place in the queue: one message at most, so that PagerDuty gets one request at a time, and everybody has their turn.';
comment on column pagerduty_private.outboxes.organization_id is 'The organization.';
comment on column pagerduty_private.outboxes.message_id is 'Its message in the queue; null: there is nothing to tell.';
comment on column pagerduty_private.outboxes.leased_until is 'Until when a worker has it; past: that worker is gone.';
comment on column pagerduty_private.outboxes.paused_until is 'Until when nothing of it is tried: the key was refused, or PagerDuty asked to wait.';
comment on column pagerduty_private.outboxes.paused_because is 'Why, in words for members.';
revoke all on pagerduty_private.outboxes from public, anon, authenticated, service_role;
alter table pagerduty_private.outboxes enable row level security;

-- supabase/schemas/tables/reconciliations.sql --------------------------------------------------------
create table pagerduty_private.reconciliations (
  integration_id uuid primary key references pagerduty.integrations on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  begun_at timestamptz not null default clock_timestamp(),
  read_until timestamptz not null default clock_timestamp(),
  due_at timestamptz not null default clock_timestamp(),
  subscription_state text check (subscription_state in ('on', 'off', 'gone', 'changed')),
  checked_at timestamptz,
  mended_at timestamptz,
  pinged_at timestamptz,
  directory_read_at timestamptz,
  counted_since timestamptz not null default clock_timestamp(),
  changes bigint not null default 0,
  healed bigint not null default 0,
  healed_at timestamptz,
  last_error text check (length(last_error) <= 500)
);
create index reconciliations_due_idx on pagerduty_private.reconciliations (due_at);
create index reconciliations_organization_idx on pagerduty_private.reconciliations (organization_id);
comment on table pagerduty_private.reconciliations is 'How far an integration was compared with PagerDuty''s log, what came of it, and how its webhook subscription was found there. One row while there is a subscription that was made from here.';
comment on column pagerduty_private.reconciliations.integration_id is 'The integration.';
comment on column pagerduty_private.reconciliations.organization_id is 'Its organization.';
comment on column pagerduty_private.reconciliations.begun_at is 'Since when the subscription covers what it covers: nothing before that was missed.';
comment on column pagerduty_private.reconciliations.read_until is 'Everything that PagerDuty''s log has before this time was compared.';
comment on column pagerduty_private.reconciliations.due_at is 'When it is to be compared next; a worker that begins moves it on, by its lease.';
comment on column pagerduty_private.reconciliations.subscription_state is 'How PagerDuty said that the subscription is: on, off, gone, or changed. Null: not asked yet.';
comment on column pagerduty_private.reconciliations.checked_at is 'When PagerDuty said so.';
comment on column pagerduty_private.reconciliations.mended_at is 'When a subscription that PagerDuty had switched off for a day was last switched on again from here.';
comment on column pagerduty_private.reconciliations.pinged_at is 'When PagerDuty was last asked for its test event; later than integrations.subscription_proven_at: nothing has arrived since.';
comment on column pagerduty_private.reconciliations.directory_read_at is 'When the directory was last read.';
comment on column pagerduty_private.reconciliations.counted_since is 'Since when is counted: a Monday, or when it was connected.';
comment on column pagerduty_private.reconciliations.changes is 'Changes that the log had since then.';
comment on column pagerduty_private.reconciliations.healed is 'Those of them that no webhook had told, and that were taken from the log.';
comment on column pagerduty_private.reconciliations.healed_at is 'When the last one of them was taken.';
comment on column pagerduty_private.reconciliations.last_error is 'Why it could not be compared the last time, in words for members. Null: it could.';
revoke all on pagerduty_private.reconciliations from public, anon, authenticated, service_role;
alter table pagerduty_private.reconciliations enable row level security;

-- supabase/schemas/tables/directory.sql --------------------------------------------------------------
create table pagerduty.directory (
  integration_id uuid not null references pagerduty.integrations on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  kind text not null check (kind in ('service', 'escalation_policy', 'priority', 'user')),
  pagerduty_id text not null check (length(pagerduty_id) between 1 and 255),
  name text not null check (length(name) between 1 and 255),
  place integer not null,
  primary key (integration_id, kind, pagerduty_id)
);
create index directory_organization_idx on pagerduty.directory (organization_id, kind, place);
comment on table pagerduty.directory is 'What a PagerDuty account has to choose from, as the worker read it last: once a day, and after connecting.';
comment on column pagerduty.directory.integration_id is 'The integration with whose key it was read.';
comment on column pagerduty.directory.organization_id is 'Its organization.';
comment on column pagerduty.directory.kind is 'service, escalation_policy, priority or user.';
comment on column pagerduty.directory.pagerduty_id is 'PagerDuty''s id.';
comment on column pagerduty.directory.name is 'What PagerDuty calls it.';
comment on column pagerduty.directory.place is 'Its place in PagerDuty''s list: priorities come most severe first.';

-- supabase/schemas/tables/note_looks.sql -------------------------------------------------------------
create table pagerduty_private.note_looks (
  incident_id uuid primary key references pagerduty.incidents on delete cascade,
  organization_id uuid not null references pagerduty.organizations on delete cascade,
  looked_at timestamptz not null
);
create index note_looks_organization_idx on pagerduty_private.note_looks (organization_id);
comment on table pagerduty_private.note_looks is 'When the notes of a linked incident were last compared with PagerDuty''s.';
comment on column pagerduty_private.note_looks.incident_id is 'The incident.';
comment on column pagerduty_private.note_looks.organization_id is 'Its organization.';
comment on column pagerduty_private.note_looks.looked_at is 'When.';
revoke all on pagerduty_private.note_looks from public, anon, authenticated, service_role;
alter table pagerduty_private.note_looks enable row level security;

-- supabase/schemas/views/notification_feed.sql -------------------------------------------------------
create view pagerduty.notification_feed with (security_invoker = true) as
select
  n.id, n.organization_id, n.title, n.number,
  n.pagerduty_incident_id, n.pagerduty_status, n.pagerduty_status_at, n.acknowledged_by,
  n.urgency, n.priority, n.service_id, n.service_name, n.assignees, n.conference_url, n.pagerduty_url,
  n.prefill || jsonb_build_object('notification_id', n.id, 'pagerduty_status', n.pagerduty_status) as prefill,
  n.event_type, n.body, n.occurred_at, n.events,
  n.seq, n.loud_seq, n.is_quiet, n.loud_at, n.created_at, n.changed_at,
  case when r.seq = n.loud_seq then not r.read else n.loud_seq > coalesce(m.read_seq, 0) and not n.is_quiet end as unread,
  case when r.seq = n.loud_seq then r.done else n.loud_seq <= coalesce(m.done_seq, 0) end as done,
  case when r.seq = n.loud_seq and r.snoozed_until > now() then r.snoozed_until end as snoozed_until,
  i.id as incident_id
from pagerduty.notifications n
left join pagerduty.receipts r on r.notification_id = n.id and r.user_id = (select auth.uid())
left join pagerduty.inbox_marks m on m.organization_id = n.organization_id and m.user_id = (select auth.uid())
left join pagerduty.incidents i
  on i.organization_id = n.organization_id
  and i.pagerduty_incident_id = n.pagerduty_incident_id;
comment on view pagerduty.notification_feed is 'The notifications that the calling user may see, with what they did with them and the incident that was made of them. What the bell reads, and the shape that is broadcast.';
comment on column pagerduty.notification_feed.id is 'Identifier of the notification.';
comment on column pagerduty.notification_feed.organization_id is 'The organization.';
comment on column pagerduty.notification_feed.title is 'Title of PagerDuty''s incident, as it is, or the service''s name.';
comment on column pagerduty.notification_feed.number is 'PagerDuty''s number of the incident.';
comment on column pagerduty.notification_feed.pagerduty_incident_id is 'PagerDuty''s id of the incident.';
comment on column pagerduty.notification_feed.pagerduty_status is 'The incident''s status in PagerDuty.';
comment on column pagerduty.notification_feed.pagerduty_status_at is 'Since when.';
comment on column pagerduty.notification_feed.acknowledged_by is 'Who acknowledged it.';
comment on column pagerduty.notification_feed.urgency is 'PagerDuty''s urgency.';
comment on column pagerduty.notification_feed.priority is 'Name of PagerDuty''s priority.';
comment on column pagerduty.notification_feed.service_id is 'PagerDuty''s id of the service.';
comment on column pagerduty.notification_feed.service_name is 'Name of that service.';
comment on column pagerduty.notification_feed.assignees is 'Names of those it is assigned to.';
comment on column pagerduty.notification_feed.conference_url is 'Link of the conference bridge.';
comment on column pagerduty.notification_feed.pagerduty_url is 'Where it is in PagerDuty''s web app.';
comment on column pagerduty.notification_feed.prefill is 'The fields of a new incident, already filled in, notification_id among them, and the status that they are filled in with.';
comment on column pagerduty.notification_feed.event_type is 'Type of the event that was loud last.';
comment on column pagerduty.notification_feed.body is 'What happened then, in one line.';
comment on column pagerduty.notification_feed.occurred_at is 'When it happened, by PagerDuty''s clock.';
comment on column pagerduty.notification_feed.events is 'How many events were about it.';
comment on column pagerduty.notification_feed.seq is 'Sequence number of its latest change: the order in which to catch up.';
comment on column pagerduty.notification_feed.loud_seq is 'Sequence number of its latest loud change: the order of lists.';
comment on column pagerduty.notification_feed.is_quiet is 'Nothing loud has happened to it yet.';
comment on column pagerduty.notification_feed.loud_at is 'When the latest loud change arrived.';
comment on column pagerduty.notification_feed.created_at is 'When it was first heard of.';
comment on column pagerduty.notification_feed.changed_at is 'When its latest change arrived.';
comment on column pagerduty.notification_feed.unread is 'The calling user has not read it.';
comment on column pagerduty.notification_feed.done is 'The calling user is done with it.';
comment on column pagerduty.notification_feed.snoozed_until is 'The calling user will see to it then; null: it is not snoozed, or no longer.';
comment on column pagerduty.notification_feed.incident_id is 'The incident that was made of it, if one was.';

-- supabase/schemas/functions/set_updated_at.sql ------------------------------------------------------
-- One trigger function for every table that says when a row was last changed.
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

create trigger set_updated_at before update on pagerduty.organizations
  for each row execute function pagerduty_private.set_updated_at();

create trigger set_updated_at before update on pagerduty.memberships
  for each row execute function pagerduty_private.set_updated_at();

create trigger set_updated_at before update on pagerduty.invitations
  for each row execute function pagerduty_private.set_updated_at();

create trigger set_updated_at before update on pagerduty.credentials
  for each row execute function pagerduty_private.set_updated_at();

create trigger set_updated_at before update on pagerduty.incidents
  for each row execute function pagerduty_private.set_updated_at();

-- supabase/schemas/functions/introduce_member.sql ----------------------------------------------------
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

-- supabase/schemas/functions/keep_an_owner.sql -------------------------------------------------------
-- An organization without an owner could never be configured again.
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

-- supabase/schemas/functions/my_organizations.sql ----------------------------------------------------
-- What every policy asks: all that they know about tenancy.
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

-- supabase/schemas/functions/canonical_email.sql -----------------------------------------------------
-- "C" lowers ASCII alone: elsewhere a Kelvin sign becomes a k, and two addresses would be one.
create function pagerduty_private.canonical_email(email text) returns text
language sql
immutable
set search_path = ''
as $$ select lower(btrim(email) collate "C") $$;
comment on function pagerduty_private.canonical_email(text) is 'An address as it is compared: in lower case, without blanks around it.';
revoke all on function pagerduty_private.canonical_email(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.canonical_email(text) to authenticated;

-- supabase/schemas/functions/my_verified_email.sql ---------------------------------------------------
-- From auth.users, not from the token: its address is of the time when it was made, and says nothing of confirmation.
create function pagerduty_private.my_verified_email() returns text
language sql
stable
security definer
set search_path = ''
as $$
  select pagerduty_private.canonical_email(u.email)
  from auth.users u
  where u.id = (select auth.uid())
    and u.email_confirmed_at is not null
$$;
comment on function pagerduty_private.my_verified_email() is 'The calling user''s address as invitations are compared with it; null if they have not confirmed it.';
revoke all on function pagerduty_private.my_verified_email() from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.my_verified_email() to authenticated;

-- supabase/schemas/functions/prepare_invitation.sql --------------------------------------------------
-- Runs as who invites, before the policies are asked: it must not see more than they may.
create function pagerduty_private.prepare_invitation() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.email := pagerduty_private.canonical_email(new.email);
  if exists (
    select from pagerduty.memberships m
    where m.organization_id = new.organization_id
      and pagerduty_private.canonical_email(m.email) = new.email
  ) then
    raise exception 'Somebody with this address is a member already: change their role instead.'
      using errcode = 'PT409';
  end if;
  new.invited_by := auth.uid();
  new.invited_by_name := coalesce((
    select m.display_name
    from pagerduty.memberships m
    where m.organization_id = new.organization_id
      and m.user_id = new.invited_by
  ), '');
  new.organization_name := coalesce((
    select o.name
    from pagerduty.organizations o
    where o.id = new.organization_id
  ), '');
  return new;
end
$$;
comment on function pagerduty_private.prepare_invitation() is 'Trigger: an invitation''s address is compared in lower case, is no member''s, and comes with the names that its reader may not look up.';
revoke all on function pagerduty_private.prepare_invitation() from public, anon, authenticated, service_role;

create trigger prepare_invitation before insert or update of role, expires_at on pagerduty.invitations
  for each row execute function pagerduty_private.prepare_invitation();

-- supabase/schemas/functions/withdraw_invitations.sql ------------------------------------------------
-- Who is removed must not come back through an invitation of before, their own or one that they made for a friend.
create function pagerduty_private.withdraw_invitations() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty.invitations i
  set revoked_at = now()
  where i.organization_id = old.organization_id
    and i.is_open
    and (
      i.invited_by = old.user_id
      or (
        tg_op = 'DELETE'
        and i.email in (
          pagerduty_private.canonical_email(old.email),
          (select pagerduty_private.canonical_email(u.email) from auth.users u where u.id = old.user_id)
        )
      )
    );
  return null;
end
$$;
comment on function pagerduty_private.withdraw_invitations() is 'Trigger: who goes, or has a lesser role, leaves no open invitation that they made; who goes leaves none for their address.';
revoke all on function pagerduty_private.withdraw_invitations() from public, anon, authenticated, service_role;

create trigger withdraw_invitations after delete on pagerduty.memberships
  for each row execute function pagerduty_private.withdraw_invitations();

create trigger withdraw_invitations_of_lesser_role after update of role on pagerduty.memberships
  for each row when (new.role < old.role) execute function pagerduty_private.withdraw_invitations();

-- supabase/schemas/functions/invite_member.sql -------------------------------------------------------
-- Runs as the calling member: the policies decide who may invite whom.
create function pagerduty.invite_member(
  organization_id uuid,
  email text,
  role pagerduty.membership_role,
  expires_at timestamptz default null
) returns pagerduty.invitations
language sql
set search_path = ''
as $$
  insert into pagerduty.invitations as i (organization_id, email, role, expires_at)
  values (
    invite_member.organization_id,
    invite_member.email,
    invite_member.role,
    coalesce(invite_member.expires_at, now() + interval '7 days')
  )
  on conflict (organization_id, email) where is_open
  do update set role = excluded.role, expires_at = excluded.expires_at
  returning i.*
$$;
comment on function pagerduty.invite_member(uuid, text, pagerduty.membership_role, timestamptz) is 'Invites an address into an organization, by default for 7 days, at most for 30; an open invitation of the address gets the new role and time. Answers the invitation.';
revoke all on function pagerduty.invite_member(uuid, text, pagerduty.membership_role, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty.invite_member(uuid, text, pagerduty.membership_role, timestamptz) to authenticated;

-- supabase/schemas/functions/my_invitations.sql ------------------------------------------------------
-- Runs as the calling user.
create function pagerduty.my_invitations() returns setof pagerduty.invitations
language sql
stable
set search_path = ''
as $$
  select i.*
  from pagerduty.invitations i
  where i.email = (select pagerduty_private.my_verified_email())
    and i.is_open
    and i.expires_at > now()
  order by i.created_at desc, i.id
  limit 100
$$;
comment on function pagerduty.my_invitations() is 'The invitations that the calling user can accept, newest first.';
revoke all on function pagerduty.my_invitations() from public, anon, authenticated, service_role;
grant execute on function pagerduty.my_invitations() to authenticated;

-- supabase/schemas/functions/revoke_invitation.sql ---------------------------------------------------
-- Runs as the calling member: the policies decide who may withdraw which.
create function pagerduty.revoke_invitation(invitation_id uuid) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  seen pagerduty.invitations;
begin
  update pagerduty.invitations i
  set revoked_at = now()
  where i.id = invitation_id
    and i.is_open;
  if found then
    return true;
  end if;
  select * into seen
  from pagerduty.invitations i
  where i.id = invitation_id;
  if not found then
    raise exception 'There is no such invitation, or you may not see it.' using errcode = 'PT404';
  elsif seen.accepted_at is not null then
    raise exception 'The invitation was accepted already: remove the member instead.' using errcode = 'PT409';
  elsif seen.is_open then
    raise exception 'Your role does not allow to withdraw this invitation.' using errcode = '42501';
  end if;
  return false;
end
$$;
comment on function pagerduty.revoke_invitation(uuid) is 'Withdraws an open invitation; false for one that was withdrawn already.';
revoke all on function pagerduty.revoke_invitation(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.revoke_invitation(uuid) to authenticated;

-- supabase/schemas/functions/accept_invitation.sql ---------------------------------------------------
-- The one way in without the service role: for the address's owner alone, and once.
create function pagerduty_private.join_as_invited(invitation_id uuid) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  me constant uuid := auth.uid();
  found_one pagerduty.invitations;
  my_role pagerduty.membership_role;
begin
  -- In the order in which a removal takes these locks: the membership, then its invitations.
  perform
  from pagerduty.memberships m
  join pagerduty.invitations i on i.organization_id = m.organization_id
  where i.id = invitation_id
    and m.user_id = me
  for update of m;
  select * into found_one
  from pagerduty.invitations i
  where i.id = invitation_id
    and i.email = pagerduty_private.my_verified_email()
  for update;
  if not found then
    raise exception 'There is no such invitation for your verified address.' using errcode = 'PT404';
  elsif found_one.revoked_at is not null then
    raise exception 'The invitation was withdrawn.' using errcode = 'PT410';
  elsif found_one.is_open and found_one.expires_at <= now() then
    raise exception 'The invitation has expired.' using errcode = 'PT410';
  elsif found_one.is_open then
    insert into pagerduty.memberships (organization_id, user_id, role)
    values (found_one.organization_id, me, found_one.role)
    on conflict do nothing;
    update pagerduty.invitations i
    set accepted_at = now(), accepted_by = me
    where i.id = found_one.id;
  end if;
  select m.role into my_role
  from pagerduty.memberships m
  where m.organization_id = found_one.organization_id
    and m.user_id = me;
  if not found then
    raise exception 'The invitation was used already.' using errcode = 'PT410';
  end if;
  return (
    select jsonb_build_object('id', o.id, 'name', o.name, 'role', my_role, 'topic', o.topic)
    from pagerduty.organizations o
    where o.id = found_one.organization_id
  );
end
$$;
comment on function pagerduty_private.join_as_invited(uuid) is 'Makes the calling user a member as the invitation of their verified address says.';
revoke all on function pagerduty_private.join_as_invited(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.join_as_invited(uuid) to authenticated;

create function pagerduty.accept_invitation(invitation_id uuid) returns jsonb
language sql
set search_path = ''
as $$ select pagerduty_private.join_as_invited(invitation_id) $$;
comment on function pagerduty.accept_invitation(uuid) is 'Makes the calling user a member as the invitation of their verified address says, and answers the organization: {id, name, role, topic}. Again, it answers the same; who is a member keeps the role that they have. PT404: none for this address; PT410: withdrawn, expired, or used and left since.';
revoke all on function pagerduty.accept_invitation(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.accept_invitation(uuid) to authenticated;

-- supabase/schemas/functions/create_organization.sql -------------------------------------------------
create function pagerduty_private.found_organization(name text) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  me constant uuid := auth.uid();
  most constant integer := 20;
  made pagerduty.organizations;
begin
  if not exists (
    select from auth.users u
    where u.id = me
      and u.confirmed_at is not null
  ) then
    raise exception 'Confirm your address before you make an organization.' using errcode = '42501';
  end if;
  -- One after the other, or calls at the same moment would each count what was there before.
  perform pg_advisory_xact_lock(hashtextextended('pagerduty create_organization ' || me, 0));
  if most <= (
    select count(*)
    from pagerduty.memberships m
    where m.user_id = me
      and m.role = 'owner'
  ) then
    raise exception 'You own % organizations: give one away before you make another.', most using errcode = 'PT409';
  end if;
  insert into pagerduty.organizations (name)
  values (btrim(found_organization.name))
  returning * into made;
  insert into pagerduty.memberships (organization_id, user_id, role)
  values (made.id, me, 'owner');
  return jsonb_build_object('id', made.id, 'name', made.name, 'role', 'owner', 'topic', made.topic);
end
$$;
comment on function pagerduty_private.found_organization(text) is 'Makes an organization with the calling user as owner.';
revoke all on function pagerduty_private.found_organization(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.found_organization(text) to authenticated;

-- A host that makes organizations itself revokes the grant on this one (docs/adopt.md).
create function pagerduty.create_organization(name text) returns jsonb
language sql
set search_path = ''
as $$ select pagerduty_private.found_organization(create_organization.name) $$;
comment on function pagerduty.create_organization(text) is 'Makes an organization with the calling user as owner, and answers it: {id, name, role, topic}. For users with a confirmed address or number who own fewer than 20.';
revoke all on function pagerduty.create_organization(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.create_organization(text) to authenticated;

-- supabase/schemas/functions/may_listen.sql ----------------------------------------------------------
-- What the policy of realtime.messages asks, when a channel is joined and with each new access token.
create function pagerduty_private.may_listen(topic text) returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select topic = 'pagerduty:user:' || (select auth.uid())
    or exists (
      select from pagerduty.organizations o
      join pagerduty.memberships m on m.organization_id = o.id
      where o.topic = may_listen.topic
        and m.user_id = (select auth.uid())
    )
$$;
comment on function pagerduty_private.may_listen(text) is 'May the calling user listen to this private topic: their own, or the present one of an organization they are in.';
revoke all on function pagerduty_private.may_listen(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.may_listen(text) to authenticated;

-- supabase/schemas/functions/tell_organization.sql ---------------------------------------------------
-- The only way to an organization's topic. What a transaction tells is one message, sent when it ends; and messages keep
-- an interval, so that the storm of one organization does not silence the others: Realtime drops what a project sends
-- beyond its deliveries a second, whoever's it is.
create function pagerduty_private.tell_organization(organization uuid, event text, payload jsonb) returns void
language sql
security definer
set search_path = ''
as $$
  -- Locked, so that what is told to a topic is committed before the topic is renewed: who leaves hears nothing after
  -- that, and who stays has missed nothing. It costs nothing where a row of the organization was written: its foreign
  -- key holds the same lock.
  insert into pagerduty_private.tellings (organization_id, event, payload)
  select o.id, tell_organization.event, tell_organization.payload
  from (
    select locked.id
    from pagerduty.organizations locked
    where locked.id = organization
    for key share
  ) o
$$;
comment on function pagerduty_private.tell_organization(uuid, text, jsonb) is 'Broadcasts to the members of an organization, on its present topic, when the transaction ends.';
revoke all on function pagerduty_private.tell_organization(uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.tell_organization(uuid, text, jsonb) to service_role;

create function pagerduty_private.interval_of_topic(members integer) returns numeric
language sql
stable
set search_path = ''
as $$
  select round(greatest(coalesce(max(s.shortest_interval), 1), members::numeric / coalesce(max(s.deliveries_per_second), 50)), 3)
  from pagerduty_private.settings s
$$;
comment on function pagerduty_private.interval_of_topic(integer) is 'Seconds that lie between two messages on the topic of an organization with so many members.';
revoke all on function pagerduty_private.interval_of_topic(integer) from public, anon, authenticated, service_role;

create function pagerduty_private.send_more(told pagerduty_private.topics) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform realtime.send(
    jsonb_build_object('since', told.told_seq, 'within', pagerduty_private.interval_of_topic(told.members)),
    'more', o.topic, true
  )
  from pagerduty.organizations o
  where o.id = told.organization_id;
  update pagerduty_private.topics t
  set told_at = clock_timestamp(), told_seq = t.kept_seq, due_at = null
  where t.organization_id = told.organization_id;
end
$$;
comment on function pagerduty_private.send_more(pagerduty_private.topics) is 'Tells an organization that there is more than was told: all after the seq `since`, to be read within so many seconds.';
revoke all on function pagerduty_private.send_more(pagerduty_private.topics) from public, anon, authenticated, service_role;

-- One thing keeps its name. Several are rows by kind; null where they are too many to be sent.
create function pagerduty_private.message_of(organization uuid, out event text, out payload jsonb)
language sql
stable
set search_path = ''
set enable_seqscan = off -- a plan that was made while the table was small would read all that came and went since
as $$
  select
    case when count(*) = 1 then max(t.event) else 'changes' end,
    case
      when count(*) = 1 then jsonb_agg(t.payload) -> 0
      when count(*) <= 20 and sum(length(t.payload::text)) <= 50000 and bool_and(t.event in ('notification', 'incident', 'incident_update'))
      then jsonb_build_object(
        'notifications', coalesce(jsonb_agg(t.payload order by t.id) filter (where t.event = 'notification'), '[]'),
        'incidents', coalesce(jsonb_agg(t.payload order by t.id) filter (where t.event = 'incident'), '[]'),
        'incident_updates', coalesce(jsonb_agg(t.payload order by t.id) filter (where t.event = 'incident_update'), '[]')
      )
    end
  from pagerduty_private.tellings t
  where t.transaction = pg_current_xact_id()
    and t.organization_id = organization
    and t.event is not null
$$;
comment on function pagerduty_private.message_of(uuid) is 'What the running transaction has to tell an organization, as one message; its payload is null where that would be too large.';
revoke all on function pagerduty_private.message_of(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.tell_at_end(organization uuid, member_change bigint, newest_seq bigint, tells boolean) returns void
language plpgsql
set search_path = ''
as $$
declare
  topic pagerduty_private.topics;
  message record;
  next_at timestamptz;
begin
  update pagerduty_private.topics t
  set members = t.members + member_change, kept_seq = greatest(t.kept_seq, newest_seq)
  where t.organization_id = organization
  returning * into topic;
  if not found or not tells then
    return; -- it is being deleted, or only members came or went
  end if;
  next_at := topic.told_at + make_interval(secs => pagerduty_private.interval_of_topic(topic.members)::double precision);
  if clock_timestamp() < next_at then
    update pagerduty_private.topics t
    set due_at = next_at
    where t.organization_id = organization;
    return;
  end if;
  message := pagerduty_private.message_of(organization);
  if topic.due_at is not null or message.payload is null then
    perform pagerduty_private.send_more(topic);
    return;
  end if;
  perform realtime.send(message.payload, message.event, o.topic, true)
  from pagerduty.organizations o
  where o.id = organization;
  update pagerduty_private.topics t
  set told_at = clock_timestamp(), told_seq = t.kept_seq
  where t.organization_id = organization;
end
$$;
comment on function pagerduty_private.tell_at_end(uuid, bigint, bigint, boolean) is 'Tells an organization what the transaction has to tell, or keeps it back until the interval is over.';
revoke all on function pagerduty_private.tell_at_end(uuid, bigint, bigint, boolean) from public, anon, authenticated, service_role;

create function pagerduty_private.tell_all() returns trigger
language plpgsql
security definer
set search_path = ''
set enable_seqscan = off -- as above
as $$
begin
  -- Here and not before: the lock of a topic is the last that a transaction takes, and those of several are taken in
  -- one order. So two that end at once wait for each other, but never in a circle.
  perform pagerduty_private.tell_at_end(t.organization_id, t.members, t.seq, t.tells)
  from (
    select
      t.organization_id, sum(t.members) as members, max((t.payload ->> 'seq')::bigint) as seq,
      bool_or(t.event is not null) as tells
    from pagerduty_private.tellings t
    where t.transaction = pg_current_xact_id()
    group by t.organization_id
    order by t.organization_id
  ) t;
  delete from pagerduty_private.tellings t
  where t.transaction = pg_current_xact_id();
  return null;
end
$$;
comment on function pagerduty_private.tell_all() is 'Trigger, when a transaction ends: tells organizations what it has to tell them.';
revoke all on function pagerduty_private.tell_all() from public, anon, authenticated, service_role;

create constraint trigger tell_all after insert on pagerduty_private.tellings
  deferrable initially deferred
  for each row execute function pagerduty_private.tell_all();

create function pagerduty_private.send_due(at_most integer) returns numeric
language plpgsql
security definer
set search_path = ''
as $$
declare
  due uuid;
  topic pagerduty_private.topics;
begin
  for due in
    select t.organization_id
    from pagerduty_private.topics t
    where t.due_at <= clock_timestamp()
    order by t.due_at
    limit at_most
  loop
    -- Whoever holds one of these is about to tell, or to renew the topic: waiting here might be in a circle.
    perform from pagerduty.organizations o where o.id = due for key share skip locked;
    continue when not found;
    select * into topic
    from pagerduty_private.topics t
    where t.organization_id = due
      and t.due_at <= clock_timestamp()
    for update skip locked;
    continue when not found;
    perform pagerduty_private.send_more(topic);
  end loop;
  return (
    select round(greatest(0, extract(epoch from min(t.due_at) - clock_timestamp())), 3)
    from pagerduty_private.topics t
    where t.due_at is not null
    having count(*) > 0 -- greatest() takes no notice of a null
  );
end
$$;
comment on function pagerduty_private.send_due(integer) is 'Sends what was kept back and is due, of every organization; answers in how many seconds the next is due, null if none is.';
revoke all on function pagerduty_private.send_due(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.send_due(integer) to service_role;

create function pagerduty.tell_due(at_most integer default 100) returns numeric
language sql
volatile
set search_path = ''
as $$ select pagerduty_private.send_due(at_most) $$;
comment on function pagerduty.tell_due(integer) is 'Sends what was kept back and is due, of every organization; answers in how many seconds the next is due, null if none is.';
revoke all on function pagerduty.tell_due(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.tell_due(integer) to service_role;

-- supabase/schemas/functions/count_members.sql -------------------------------------------------------
-- How many may listen to an organization's topic, counted as they come and go: no event costs more for more members.
create function pagerduty_private.open_topic() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pagerduty_private.topics (organization_id) values (new.id);
  return null;
end
$$;
comment on function pagerduty_private.open_topic() is 'Trigger: a new organization''s topic has carried nothing.';
revoke all on function pagerduty_private.open_topic() from public, anon, authenticated, service_role;

create trigger open_topic after insert on pagerduty.organizations
  for each row execute function pagerduty_private.open_topic();

create function pagerduty_private.count_arrivals() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pagerduty_private.tellings (organization_id, members)
  select m.organization_id, count(*)
  from arrived m
  group by m.organization_id;
  return null;
end
$$;
comment on function pagerduty_private.count_arrivals() is 'Trigger: members came.';
revoke all on function pagerduty_private.count_arrivals() from public, anon, authenticated, service_role;

create function pagerduty_private.count_departures() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pagerduty_private.tellings (organization_id, members)
  select m.organization_id, -count(*)
  from departed m
  group by m.organization_id;
  return null;
end
$$;
comment on function pagerduty_private.count_departures() is 'Trigger: members went.';
revoke all on function pagerduty_private.count_departures() from public, anon, authenticated, service_role;

create trigger count_arrivals after insert on pagerduty.memberships
  referencing new table as arrived
  for each statement execute function pagerduty_private.count_arrivals();

create trigger count_departures after delete on pagerduty.memberships
  referencing old table as departed
  for each statement execute function pagerduty_private.count_departures();

-- A row may also be given to another organization.
create trigger count_moved_arrivals after update on pagerduty.memberships
  referencing new table as arrived
  for each statement execute function pagerduty_private.count_arrivals();

create trigger count_moved_departures after update on pagerduty.memberships
  referencing old table as departed
  for each statement execute function pagerduty_private.count_departures();

-- supabase/schemas/functions/renew_topic.sql ---------------------------------------------------------
-- An open channel is not asked again before its token ends, up to an hour later. So who is no member any more is left
-- behind on a topic where nothing is told.
create function pagerduty_private.renew_topic(organization uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  former text;
begin
  select o.topic into former
  from pagerduty.organizations o
  where o.id = organization
  for update;
  if not found then
    return; -- it is being deleted
  end if;
  update pagerduty.organizations set topic = default where id = organization;
  -- Realtime takes 100 joins a second of a small project: half of them for one organization. Beyond half a minute there
  -- is nothing to spread: by then everybody has looked again.
  perform realtime.send(jsonb_build_object('within', least(30, count(*) / 50)), 'moved', former, true)
  from pagerduty.memberships m
  where m.organization_id = organization;
end
$$;
comment on function pagerduty_private.renew_topic(uuid) is 'Gives an organization another topic. The last word on the former one says nothing but that, and within how many seconds to move.';
revoke all on function pagerduty_private.renew_topic(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.part_from_members() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  parted record;
begin
  -- In one order: two users who are deleted at once may have been in the same organizations.
  for parted in
    select g.organization_id, array_agg(g.user_id) as users
    from gone g
    where not exists (
      select from pagerduty.memberships m
      where m.organization_id = g.organization_id
        and m.user_id = g.user_id
    )
    group by g.organization_id
    order by g.organization_id
  loop
    perform pagerduty_private.renew_topic(parted.organization_id);
    perform realtime.send(
      jsonb_build_object('organization_id', parted.organization_id), 'removed', 'pagerduty:user:' || u.id, true
    )
    from unnest(parted.users) u (id);
  end loop;
  return null;
end
$$;
comment on function pagerduty_private.part_from_members() is 'Trigger: an organization goes on with another topic as soon as somebody is no member any more, and they are told.';
revoke all on function pagerduty_private.part_from_members() from public, anon, authenticated, service_role;

create trigger part_from_deleted after delete on pagerduty.memberships
  referencing old table as gone
  for each statement execute function pagerduty_private.part_from_members();

-- A row may also be given to another user, or to another organization.
create trigger part_from_moved after update on pagerduty.memberships
  referencing old table as gone
  for each statement execute function pagerduty_private.part_from_members();

-- supabase/schemas/functions/version_integration.sql -------------------------------------------------
-- The service keeps settings for a while: the version tells it that they have changed.
create function pagerduty_private.version_integration() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.settings_version := old.settings_version + 1;
  new.updated_at := now();
  if (new.enabled, new.integration_key, new.event_types, new.services)
    is distinct from (old.enabled, old.integration_key, old.event_types, old.services)
  then
    -- By the clock: webhooks that this change had to wait for were taken by the settings before it.
    new.filters_changed_at := clock_timestamp();
  end if;
  return new;
end
$$;
comment on function pagerduty_private.version_integration() is 'Trigger: a change of settings gets a new version; health columns have no part in it.';
revoke all on function pagerduty_private.version_integration() from public, anon, authenticated, service_role;

create trigger version_integration
  before update of acting_email, sync_status, sync_notes, paging_service_id, paging_criticality, enabled, webhook_token, accept_bare_url, integration_key, region, event_types, services,
    api_key_last4, signing_secret_last4
  on pagerduty.integrations
  for each row execute function pagerduty_private.version_integration();

-- supabase/schemas/functions/audit_change.sql --------------------------------------------------------
-- The audit writes itself: no caller can forget to, and a new column is in it unless a trigger below leaves it out.
create function pagerduty_private.is_secret_setting(subject text, setting text) returns boolean
language sql
immutable
set search_path = ''
as $$ select subject = 'credentials' or setting ~ 'key|token|secret|password' $$;
comment on function pagerduty_private.is_secret_setting(text, text) is 'Whether a setting''s value stays out of the audit: all that credentials hold, and whatever is called a secret.';
revoke all on function pagerduty_private.is_secret_setting(text, text) from public, anon, authenticated, service_role;

create function pagerduty_private.write_audit(subject text, organization uuid, member jsonb, was jsonb, becomes jsonb) returns void
language sql
set search_path = ''
as $$
  insert into pagerduty.audit (
    organization_id, actor_id, actor_name, subject, member_id, member_name, setting, change, old_value, new_value
  )
  select
    organization, auth.uid(), (
      select coalesce(nullif(m.display_name, ''), u.email)
      from auth.users u
      left join pagerduty.memberships m on m.user_id = u.id and m.organization_id = organization
      where u.id = auth.uid()
    ),
    subject, (member ->> 'user_id')::uuid, coalesce(nullif(member ->> 'display_name', ''), member ->> 'email'), setting,
    case when before is null then 'set' when after is null then 'removed' else 'changed' end,
    case when not pagerduty_private.is_secret_setting(subject, setting) then before end,
    case when not pagerduty_private.is_secret_setting(subject, setting) then after end
  from jsonb_object_keys(was || becomes) as setting,
    nullif(was -> setting, 'null') as before,
    nullif(becomes -> setting, 'null') as after
  where before is distinct from after
    -- Not where the organization itself is being deleted.
    and exists (select from pagerduty.organizations o where o.id = organization)
$$;
comment on function pagerduty_private.write_audit(text, uuid, jsonb, jsonb, jsonb) is 'Writes a line for each setting that differs: between a table''s row as it was and as it becomes; "member" is the membership that it is about.';
revoke all on function pagerduty_private.write_audit(text, uuid, jsonb, jsonb, jsonb) from public, anon, authenticated, service_role;

create function pagerduty_private.audit_change() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- What is no setting: a row's own columns, and those that the trigger names.
  left_out constant text[] := '{id,organization_id,user_id,created_at,updated_at}'::text[] || tg_argv[:];
  was constant jsonb := coalesce(to_jsonb(old) - left_out, '{}');
  becomes constant jsonb := coalesce(to_jsonb(new) - left_out, '{}');
  whole jsonb;
begin
  -- To seal a credential anew, which is all that the service role may do to one, changes no secret.
  if was = becomes or (tg_table_name = 'credentials' and auth.jwt() ->> 'role' = 'service_role') then
    return null;
  end if;
  whole := coalesce(to_jsonb(new), to_jsonb(old));
  perform pagerduty_private.write_audit(
    tg_table_name, coalesce(whole ->> 'organization_id', whole ->> 'id')::uuid,
    case when tg_table_name = 'memberships' then whole end, was, becomes
  );
  return null;
end
$$;
comment on function pagerduty_private.audit_change() is 'Trigger: writes the audit of a table''s settings. Its arguments are the columns that are none.';
revoke all on function pagerduty_private.audit_change() from public, anon, authenticated, service_role;

create function pagerduty_private.drop_audit() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from pagerduty.audit a
  where a.organization_id = old.id;
  return null;
end
$$;
comment on function pagerduty_private.drop_audit() is 'Trigger: an organization''s audit goes with it.';
revoke all on function pagerduty_private.drop_audit() from public, anon, authenticated, service_role;

create trigger drop_audit after delete on pagerduty.organizations
  for each row execute function pagerduty_private.drop_audit();

-- The topic is no setting, and known to members only.
create trigger audit_change after insert or update on pagerduty.organizations
  for each row execute function pagerduty_private.audit_change('topic');

create trigger audit_change after update on pagerduty.memberships
  for each row execute function pagerduty_private.audit_change('email');

-- Who joins or leaves is named by the line itself.
create trigger audit_joins_and_leaves after insert or delete on pagerduty.memberships
  for each row execute function pagerduty_private.audit_change('email', 'display_name', 'pagerduty_user_id');

-- Without health, without what is computed, and without the hints, which the credentials' lines tell better.
create trigger audit_change after insert or update or delete on pagerduty.integrations
  for each row execute function pagerduty_private.audit_change(
    'subscription_token', 'subscription_made_at', 'subscription_proven_at', 'settings_version', 'filters_changed_at', 'last_event_at', 'last_error', 'last_error_at', 'api_key_last4', 'signing_secret_last4',
    'api_key_set', 'signing_secret_set', 'previous_webhook_token', 'previous_webhook_token_expires_at'
  );

create trigger audit_change after insert or update or delete on pagerduty.credentials
  for each row execute function pagerduty_private.audit_change(
    'previous_signing_secret', 'previous_signing_secret_expires_at'
  );

-- supabase/schemas/functions/next_seq.sql ------------------------------------------------------------
-- What orders the changes of an organization's notifications, and what of them a new member has missed: nothing.
create function pagerduty_private.next_seq(organization uuid) returns bigint
language sql
volatile
security definer
set search_path = ''
as $$
  insert into pagerduty_private.inboxes (organization_id, last_seq)
  values (organization, 1)
  on conflict (organization_id) do update set last_seq = inboxes.last_seq + 1
  returning last_seq
$$;
comment on function pagerduty_private.next_seq(uuid) is 'The sequence number of a change. Until the transaction ends nobody else makes one in that organization, links an incident or moves one: what is read in order of sequence numbers misses nothing, and an event that arrives while somebody saves the form is not missed.';
revoke all on function pagerduty_private.next_seq(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.next_seq(uuid) to authenticated, service_role;

create function pagerduty_private.start_inbox() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into pagerduty.inbox_marks (user_id, organization_id, read_seq)
  select new.user_id, i.organization_id, i.last_seq
  from pagerduty_private.inboxes i
  where i.organization_id = new.organization_id
  on conflict (user_id, organization_id) do update set read_seq = excluded.read_seq;
  return null;
end
$$;
comment on function pagerduty_private.start_inbox() is 'Trigger: who joins an organization is not told that all of its past is unread.';
revoke all on function pagerduty_private.start_inbox() from public, anon, authenticated, service_role;

create trigger start_inbox after insert on pagerduty.memberships
  for each row execute function pagerduty_private.start_inbox();

-- supabase/schemas/functions/pagerduty_incident.sql --------------------------------------------------
-- What the triggers and the ingest functions both need to know of PagerDuty's incidents.
create function pagerduty_private.status_from_pagerduty(pagerduty_status text) returns pagerduty.incident_status
language sql
immutable
set search_path = ''
as $$
  select case pagerduty_status
    when 'triggered' then 'open'
    when 'acknowledged' then 'investigating'
    when 'resolved' then 'resolved'
  end::pagerduty.incident_status
$$;
comment on function pagerduty_private.status_from_pagerduty(text) is 'PagerDuty''s status as ours; null for none.';
revoke all on function pagerduty_private.status_from_pagerduty(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.status_from_pagerduty(text) to authenticated, service_role;

create function pagerduty_private.status_to_pagerduty(status pagerduty.incident_status) returns text
language sql
immutable
set search_path = ''
as $$
  select told
  from unnest(array['triggered', 'acknowledged', 'resolved']) as told
  where pagerduty_private.status_from_pagerduty(told) = status
$$;
comment on function pagerduty_private.status_to_pagerduty(pagerduty.incident_status) is 'Our status as PagerDuty''s.';
revoke all on function pagerduty_private.status_to_pagerduty(pagerduty.incident_status) from public, anon, authenticated, service_role;

create function pagerduty_private.is_whole_second(told_at timestamptz) returns boolean
language sql
immutable
set search_path = ''
as $$
  -- PagerDuty's log and V2; entries of the log keep their order by some microseconds.
  select extract(microseconds from told_at at time zone 'utc')::bigint % 1000000 < 1000
$$;
comment on function pagerduty_private.is_whole_second(timestamptz) is 'Whether a time was told without its fraction of a second.';
revoke all on function pagerduty_private.is_whole_second(timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.is_whole_second(timestamptz) to service_role;

create function pagerduty_private.is_news(told text, told_at timestamptz, known text, known_at timestamptz) returns boolean
language sql
immutable
set search_path = ''
as $$
  -- Of two that PagerDuty told for the same time, the further status counts; and of two within a second, where only one
  -- of them says when in it.
  select told is not null and case
    when known_at is null then true
    when date_trunc('second', told_at) = date_trunc('second', known_at)
      and pagerduty_private.is_whole_second(told_at) <> pagerduty_private.is_whole_second(known_at)
      then pagerduty_private.status_from_pagerduty(told) > pagerduty_private.status_from_pagerduty(known)
    else (told_at, pagerduty_private.status_from_pagerduty(told)) > (known_at, pagerduty_private.status_from_pagerduty(known))
  end
$$;
comment on function pagerduty_private.is_news(text, timestamptz, text, timestamptz) is 'Whether the status that an event told for a time counts more than the one that was told last; known_at is null where none was told.';
revoke all on function pagerduty_private.is_news(text, timestamptz, text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.is_news(text, timestamptz, text, timestamptz) to service_role;

-- supabase/schemas/functions/link_incident.sql -------------------------------------------------------
-- What links an incident to PagerDuty's, and keeps an event that arrives meanwhile from being missed.
create function pagerduty_private.link_incident() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  origin pagerduty.notifications;
begin
  new.created_by := coalesce(auth.uid(), new.created_by);
  if new.notification_id is not null then
    -- An event that arrives meanwhile waits, and then finds the incident.
    perform pagerduty_private.next_seq(new.organization_id);
    -- As the calling user: RLS says whether they may see it.
    select n.id, n.pagerduty_incident_id, n.pagerduty_url, n.pagerduty_status, n.prefill
    into origin.id, origin.pagerduty_incident_id, origin.pagerduty_url, origin.pagerduty_status, origin.prefill
    from pagerduty.notifications n
    where n.id = new.notification_id and n.organization_id = new.organization_id;
    if origin.id is null then
      raise exception 'There is no such notification in this organization.' using errcode = 'PT404';
    end if;
    -- What is left out is as the form would be filled in.
    new.title := coalesce(new.title, origin.prefill ->> 'title');
    new.description := coalesce(new.description, origin.prefill ->> 'description', '');
    new.criticality := coalesce(new.criticality::text, origin.prefill ->> 'criticality', 'medium');
    new.urgency := coalesce(new.urgency::text, origin.prefill ->> 'urgency', 'medium');
    new.status := coalesce(new.status::text, pagerduty_private.status_from_pagerduty(origin.pagerduty_status)::text, 'open');
    new.customer := coalesce(new.customer, origin.prefill ->> 'customer', '');
    new.tags := coalesce(new.tags, array(select jsonb_array_elements_text(coalesce(origin.prefill -> 'tags', '[]'))));
    new.pagerduty_incident_id := origin.pagerduty_incident_id;
    new.pagerduty_url := origin.pagerduty_url;
  end if;
  -- The status that the form was filled in with is nobody's choice: that of the prefill, whatever PagerDuty told since.
  new.member_status_at := case
    when new.pagerduty_incident_id is null
      or new.status <> coalesce(
        pagerduty_private.status_from_pagerduty(coalesce(new.pagerduty_status, origin.pagerduty_status)), 'open'
      )
    then clock_timestamp()
  end;
  return new;
end
$$;
comment on function pagerduty_private.link_incident() is 'Trigger: says who made an incident, and links one made from a notification to PagerDuty''s.';
revoke all on function pagerduty_private.link_incident() from public, anon, authenticated, service_role;

create trigger link_incident before insert on pagerduty.incidents
  for each row execute function pagerduty_private.link_incident();

create function pagerduty_private.status_told(organization uuid, incident text, out status text, out at timestamptz)
language sql
stable
security definer
set search_path = ''
as $$
  -- From the events, which members may not read: a filter decides who is told, never what is known.
  select e.pagerduty_status, least(e.occurred_at, e.received_at)
  from pagerduty.events e
  where e.organization_id = organization
    and e.pagerduty_incident_id = incident
    and e.pagerduty_status is not null
  order by least(e.occurred_at, e.received_at) desc, pagerduty_private.status_from_pagerduty(e.pagerduty_status) desc
  limit 1
$$;
comment on function pagerduty_private.status_told(uuid, text) is 'The status that PagerDuty told last of an incident, and since when; nulls if it told none.';
revoke all on function pagerduty_private.status_told(uuid, text) from public, anon, authenticated, service_role;

create function pagerduty_private.start_linked_incident() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  told record;
begin
  select * into told from pagerduty_private.status_told(new.organization_id, new.pagerduty_incident_id);
  new.pagerduty_status := told.status;
  new.pagerduty_status_at := told.at;
  -- The form was filled in from one event; PagerDuty may have moved on since. A status that the user chose stays.
  if new.member_status_at is null and told.status is not null then
    new.status := pagerduty_private.status_from_pagerduty(told.status);
  end if;
  return new;
end
$$;
comment on function pagerduty_private.start_linked_incident() is 'Trigger: starts a linked incident at the status that PagerDuty told last.';
revoke all on function pagerduty_private.start_linked_incident() from public, anon, authenticated, service_role;

-- Triggers fire in the order of their names: this one after link_incident.
create trigger start_linked_incident before insert on pagerduty.incidents
  for each row
  when (new.pagerduty_incident_id is not null)
  execute function pagerduty_private.start_linked_incident();

-- supabase/schemas/functions/note_member_status.sql --------------------------------------------------
-- What PagerDuty tells is weighed against the member's own last change of the status.
create function pagerduty_private.note_member_status() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- Not now(): the transaction began before it waited for an event that was at work on the incident.
  new.member_status_at := clock_timestamp();
  return new;
end
$$;
comment on function pagerduty_private.note_member_status() is 'Trigger: remembers when a member changed the status of an incident.';
revoke all on function pagerduty_private.note_member_status() from public, anon, authenticated, service_role;

-- An event that moves the status leaves its id behind with it.
create trigger note_member_status before update of status on pagerduty.incidents
  for each row
  when (new.status <> old.status and new.pagerduty_event_id is not distinct from old.pagerduty_event_id)
  execute function pagerduty_private.note_member_status();

-- supabase/schemas/functions/tell_pagerduty.sql ------------------------------------------------------
-- What a member changes of a linked incident is told to PagerDuty: by triggers, so that the dashboard counts, too.
create function pagerduty_private.wake_outbox(organization uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  found_at pagerduty_private.outboxes;
begin
  insert into pagerduty_private.outboxes (organization_id)
  values (organization)
  on conflict do nothing;
  -- In turn with the worker: what it does not see yet, it is woken for.
  select * into found_at
  from pagerduty_private.outboxes o
  where o.organization_id = organization
  for update;
  if found_at.message_id is null then
    update pagerduty_private.outboxes o
    set message_id = (select pgmq.send('pagerduty', jsonb_build_object('organization_id', organization), 0))
    where o.organization_id = organization;
  elsif coalesce(greatest(found_at.leased_until, found_at.paused_until), '-infinity') <= clock_timestamp() then
    -- It waits for something else of this organization. Who has it on lease, or is paused, looks again by itself.
    -- A worker that is just taking the message waits for us, and sees then what there is: nobody waits for it.
    perform
    from pgmq.q_pagerduty q
    where q.msg_id = found_at.message_id
    for update skip locked;
    if found then
      perform pgmq.set_vt('pagerduty', found_at.message_id, 0);
    end if;
  end if;
end
$$;
comment on function pagerduty_private.wake_outbox(uuid) is 'Puts an organization into the queue, if it is not there, or has what waits there looked at now.';
revoke all on function pagerduty_private.wake_outbox(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.tells_pagerduty(organization uuid, thing text) returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from pagerduty.integrations i
    where i.organization_id = organization
      and i.enabled
      and i.api_key_set
      and case thing when 'status' then i.sync_status when 'note' then i.sync_notes else 'both' end in ('both', 'to_pagerduty')
  )
$$;
comment on function pagerduty_private.tells_pagerduty(uuid, text) is 'Whether PagerDuty is told of such changes: there is a key, and the direction is so.';
revoke all on function pagerduty_private.tells_pagerduty(uuid, text) from public, anon, authenticated, service_role;

create function pagerduty_private.tell_status() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not pagerduty_private.tells_pagerduty(new.organization_id, 'status') then
    return null;
  end if;
  perform pagerduty_private.put_outbox(
    new.organization_id, new.id, 'status', pagerduty_private.status_to_pagerduty(new.status), auth.uid()
  );
  return null;
end
$$;
comment on function pagerduty_private.tell_status() is 'Trigger: PagerDuty must be told of the status that a member chose.';
revoke all on function pagerduty_private.tell_status() from public, anon, authenticated, service_role;

-- A change that PagerDuty told leaves the member's time as it is, and is not told back.
-- Triggers fire in the order of their names: these come before those that tell the organization, as the worker and the
-- ingest function have it, too. Whoever locks in another order may wait in a circle.
create trigger outbox_status after update of status on pagerduty.incidents
  for each row
  when (new.pagerduty_incident_id is not null and new.member_status_at is distinct from old.member_status_at)
  execute function pagerduty_private.tell_status();

-- One that was made of an alert with another status than the alert's.
create trigger outbox_first_status after insert on pagerduty.incidents
  for each row
  when (new.pagerduty_incident_id is not null and new.member_status_at is not null)
  execute function pagerduty_private.tell_status();

create function pagerduty_private.tell_note() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not pagerduty_private.tells_pagerduty(new.organization_id, 'note') then
    return null;
  end if;
  perform pagerduty_private.put_outbox(new.organization_id, i.id, 'note', new.body, new.author_id, new.id)
  from pagerduty.incidents i
  where i.id = new.incident_id
    and i.organization_id = new.organization_id
    and i.pagerduty_incident_id is not null;
  return null;
end
$$;
comment on function pagerduty_private.tell_note() is 'Trigger: PagerDuty must be told of a comment, as a note.';
revoke all on function pagerduty_private.tell_note() from public, anon, authenticated, service_role;

create trigger a_note_for_the_outbox after insert on pagerduty.incident_updates
  for each row
  when (new.kind = 'comment')
  execute function pagerduty_private.tell_note();

create function pagerduty_private.resume_outbox(organization uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.outboxes o
  set paused_until = null, paused_because = null
  where o.organization_id = organization;
  if found then
    perform pagerduty_private.wake_outbox(organization);
  end if;
  update pagerduty_private.reconciliations r
  set due_at = least(r.due_at, clock_timestamp())
  where r.organization_id = organization
    and r.last_error is not null;
end
$$;
comment on function pagerduty_private.resume_outbox(uuid) is 'Has what waits tried now, a failed comparison with the log, too: there is another key, or somebody asks for it.';
revoke all on function pagerduty_private.resume_outbox(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.try_again(outbox_id uuid) returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  organization uuid;
begin
  update pagerduty.outbox o
  set state = 'waiting', attempts = 0, last_error = null, due_at = clock_timestamp()
  where o.id = outbox_id
    and o.state <> 'sent'
    and o.organization_id in (select pagerduty_private.my_organizations('responder'))
  returning o.organization_id into organization;
  if organization is null then
    return false;
  end if;
  perform pagerduty_private.resume_outbox(organization);
  return true;
end
$$;
comment on function pagerduty_private.try_again(uuid) is 'Has something that was not sent tried again, for responders and up; false if there is no such thing.';
revoke all on function pagerduty_private.try_again(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.try_again(uuid) to authenticated;

create function pagerduty.retry_outbox(outbox_id uuid) returns boolean
language sql
set search_path = ''
as $$ select pagerduty_private.try_again(outbox_id) $$;
comment on function pagerduty.retry_outbox(uuid) is 'Has something that PagerDuty has not been told tried again now; false if there is no such thing, or it was sent. For responders and up.';
revoke all on function pagerduty.retry_outbox(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.retry_outbox(uuid) to authenticated;

-- supabase/schemas/functions/ask_pagerduty.sql -------------------------------------------------------
-- What a member asks of PagerDuty for an incident: to page somebody, another priority, somebody else to have it.
create function pagerduty_private.expected_echoes(told pagerduty.outbox) returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(echo order by place), '[]')
  from (
    select echo, place
    from jsonb_array_elements(told.expected || case
      -- Only what was sent, or may have been.
      when told.thing = 'status' and told.attempted_at is not null and told.echoed_at is null
        and (told.state = 'waiting' or (told.state = 'sent' and (told.acted_as is not null or told.attempts > 1)))
        then jsonb_build_array(jsonb_build_object('wanted', told.wanted, 'attempted_at', told.attempted_at))
      else '[]'
    end) with ordinality as e (echo, place)
    order by place desc
    limit 10
  ) latest
$$;
comment on function pagerduty_private.expected_echoes(pagerduty.outbox) is 'What PagerDuty may still say to what it was told of a thing, which is about to be changed; the latest last.';
revoke all on function pagerduty_private.expected_echoes(pagerduty.outbox) from public, anon, authenticated, service_role;

create function pagerduty_private.put_outbox(
  organization uuid, incident uuid, thing text, wanted text, actor uuid, update_id uuid default null
) returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  put uuid;
begin
  insert into pagerduty.outbox as o (organization_id, incident_id, thing, wanted, actor_id, update_id)
  values (organization, incident, thing, wanted, actor, update_id)
  on conflict (incident_id, slot) do update set
    wanted = excluded.wanted,
    actor_id = excluded.actor_id,
    version = o.version + 1,
    state = 'waiting',
    attempts = 0,
    last_error = null,
    due_at = excluded.due_at,
    changed_at = excluded.changed_at,
    attempted_at = null,
    sent_at = null,
    acted_as = null,
    echoed_at = null,
    expected = pagerduty_private.expected_echoes(o)
  returning o.id into put;
  perform pagerduty_private.wake_outbox(organization);
  return put;
end
$$;
comment on function pagerduty_private.put_outbox(uuid, uuid, text, text, uuid, uuid) is 'Has PagerDuty told of something of an incident; of what there is one of, the last one counts. Answers its id.';
revoke all on function pagerduty_private.put_outbox(uuid, uuid, text, text, uuid, uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.put_request(incident_id uuid, thing text, wanted jsonb) returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  ours pagerduty.incidents;
begin
  select * into ours
  from pagerduty.incidents i
  where i.id = put_request.incident_id
    and i.organization_id in (select pagerduty_private.my_organizations('responder'));
  if ours.id is null then
    raise exception 'There is no such incident, or you may not change it.' using errcode = 'PT404';
  end if;
  if thing not in ('incident', 'priority', 'urgency', 'escalation', 'assignment', 'snooze', 'responders', 'status_update') then
    raise exception 'PagerDuty cannot be asked for that.' using errcode = '22023';
  end if;
  if thing = 'incident' and ours.pagerduty_incident_id is not null then
    raise exception 'It is linked to a PagerDuty incident already.' using errcode = 'PT409';
  elsif thing <> 'incident' and ours.pagerduty_incident_id is null then
    raise exception 'It is not linked to a PagerDuty incident.' using errcode = 'PT409';
  elsif not pagerduty_private.tells_pagerduty(ours.organization_id, thing) then
    raise exception 'PagerDuty is switched off here, or no API key is saved: an admin can, in the settings.' using errcode = 'PT409';
  end if;
  return pagerduty_private.put_outbox(ours.organization_id, ours.id, thing, wanted::text, auth.uid());
end
$$;
comment on function pagerduty_private.put_request(uuid, text, jsonb) is 'Has the worker ask PagerDuty for something, as the calling member, for responders and up.';
revoke all on function pagerduty_private.put_request(uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.put_request(uuid, text, jsonb) to authenticated;

create function pagerduty.ask_pagerduty(incident_id uuid, thing text, wanted jsonb) returns uuid
language sql
set search_path = ''
as $$ select pagerduty_private.put_request(incident_id, thing, wanted) $$;
comment on function pagerduty.ask_pagerduty(uuid, text, jsonb) is 'Has the worker ask PagerDuty for something of an incident, as the calling member, for responders and up. incident: {"service"}, to page it; of a linked incident priority: {"id"}; urgency: {"urgency"}; escalation: {"level"}; assignment: {"users"}; snooze: {"seconds"}; responders: {"users", "policies", "message"}; status_update: {"message"}. Answers the id of what is told (outbox).';
revoke all on function pagerduty.ask_pagerduty(uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.ask_pagerduty(uuid, text, jsonb) to authenticated;

create function pagerduty_private.link_created(organization uuid, incident uuid, pagerduty_id text, url text) returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  ours pagerduty.incidents;
begin
  select * into ours
  from pagerduty.incidents i
  where i.id = incident
    and i.organization_id = organization
    and i.pagerduty_incident_id is null
    -- Only what was asked for here, whatever key somebody else may give to an incident.
    and exists (
      select from pagerduty.outbox o
      where o.incident_id = i.id
        and o.thing = 'incident'
        and o.attempted_at is not null
    )
    -- Somebody may have made another one of it meanwhile.
    and not exists (
      select from pagerduty.incidents other
      where other.organization_id = organization
        and other.pagerduty_incident_id = link_created.pagerduty_id
    )
  for update;
  if ours.id is null then
    return false;
  end if;
  -- It is born triggered there.
  if ours.status <> 'open' and pagerduty_private.tells_pagerduty(organization, 'status') then
    perform pagerduty_private.put_outbox(
      organization, ours.id, 'status', pagerduty_private.status_to_pagerduty(ours.status), ours.created_by
    );
  end if;
  update pagerduty.incidents i
  set
    pagerduty_incident_id = link_created.pagerduty_id,
    pagerduty_url = case when url ~* '^https?://' then left(url, 2048) end,
    notification_id = coalesce(i.notification_id, (
      select n.id
      from pagerduty.notifications n
      where n.organization_id = organization
        and n.subject = 'incident:' || link_created.pagerduty_id
    ))
  where i.id = ours.id
    and i.organization_id = ours.organization_id;
  return true;
end
$$;
comment on function pagerduty_private.link_created(uuid, uuid, text, text) is 'Links an incident of ours to the one that PagerDuty made of it, if it was asked to; false if that is so already, or was not asked.';
revoke all on function pagerduty_private.link_created(uuid, uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.link_created(uuid, uuid, text, text) to service_role;

create function pagerduty.link_paged_incident(outbox_id uuid, pagerduty_id text, url text) returns boolean
language sql
set search_path = ''
as $$
  select pagerduty_private.link_created(o.organization_id, o.incident_id, pagerduty_id, url)
  from pagerduty.outbox o
  where o.id = outbox_id
    and o.thing = 'incident'
$$;
comment on function pagerduty.link_paged_incident(uuid, text, text) is 'For the worker: PagerDuty has made an incident of ours; it is linked to that one.';
revoke all on function pagerduty.link_paged_incident(uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.link_paged_incident(uuid, text, text) to service_role;

create function pagerduty_private.link_by_key(organization uuid, event jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  if event #>> '{incident,key}' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' and event #>> '{incident,id}' is not null then
    perform pagerduty_private.link_created(
      organization, (event #>> '{incident,key}')::uuid, event #>> '{incident,id}',
      event #>> '{notification,described,pagerduty_url}'
    );
  end if;
end
$$;
comment on function pagerduty_private.link_by_key(uuid, jsonb) is 'Links the incident whose id PagerDuty''s has as key: the event may be there before the answer to our own request.';
revoke all on function pagerduty_private.link_by_key(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.link_by_key(uuid, jsonb) to service_role;

create function pagerduty_private.page_by_rule() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform pagerduty_private.put_outbox(
    new.organization_id, new.id, 'incident', jsonb_build_object('service', i.paging_service_id)::text, auth.uid()
  )
  from pagerduty.integrations i
  where i.organization_id = new.organization_id
    and i.paging_service_id is not null
    and new.criticality >= i.paging_criticality
    and pagerduty_private.tells_pagerduty(new.organization_id, 'incident')
    and not exists (
      select from pagerduty.outbox o
      where o.incident_id = new.id
        and o.thing = 'incident'
    );
  return null;
end
$$;
comment on function pagerduty_private.page_by_rule() is 'Trigger: an incident that is as critical as the organization chose pages the service that it chose, once.';
revoke all on function pagerduty_private.page_by_rule() from public, anon, authenticated, service_role;

create trigger page_by_rule after insert or update of criticality on pagerduty.incidents
  for each row
  when (new.pagerduty_incident_id is null and new.status <> 'resolved')
  execute function pagerduty_private.page_by_rule();

-- supabase/schemas/functions/work_outbox.sql ---------------------------------------------------------
-- The worker's side of the outbox, which it calls with the secret key: claim, then finish or defer.
create function pagerduty_private.requeue_outbox(organization uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  place pagerduty_private.outboxes;
  next_due timestamptz;
begin
  select * into place
  from pagerduty_private.outboxes o
  where o.organization_id = organization
  for update;
  select greatest(min(o.due_at), place.paused_until) into next_due
  from pagerduty.outbox o
  where o.organization_id = organization
    and o.state = 'waiting';
  if place.message_id is not null then
    perform pgmq.delete('pagerduty', place.message_id);
  end if;
  -- To the end of the queue: the others have their turn before the next thing of this one.
  update pagerduty_private.outboxes o
  set
    leased_until = null,
    message_id = case
      when min_due is not null then (
        select pgmq.send(
          'pagerduty', jsonb_build_object('organization_id', organization),
          greatest(0, ceil(extract(epoch from min_due - clock_timestamp())))::integer
        )
      )
    end
  from (select next_due as min_due) due
  where o.organization_id = organization;
end
$$;
comment on function pagerduty_private.requeue_outbox(uuid) is 'Ends a turn: an organization with more to tell goes to the end of the queue, to be looked at when that is due; one without leaves it.';
revoke all on function pagerduty_private.requeue_outbox(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.is_telling_another(incident pagerduty.incidents, told text) returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from pagerduty.outbox o
    where o.incident_id = incident.id
      and o.organization_id = incident.organization_id
      and o.thing = 'status'
      and o.state = 'waiting'
      and o.wanted <> told
  )
$$;
comment on function pagerduty_private.is_telling_another(pagerduty.incidents, text) is 'Whether PagerDuty is still to be told of another status of an incident than this one.';
revoke all on function pagerduty_private.is_telling_another(pagerduty.incidents, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.is_telling_another(pagerduty.incidents, text) to service_role;

create function pagerduty_private.overtake_outbox(incident pagerduty.incidents, told text) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty.outbox o
  set state = 'dead', last_error = 'PagerDuty changed it later, to ' || told || ': that stands.'
  where o.incident_id = incident.id
    and o.organization_id = incident.organization_id
    and o.thing = 'status'
    and o.state = 'waiting'
    -- One that is on its way is told, and what PagerDuty says to it stands then.
    and o.attempted_at is null;
end
$$;
comment on function pagerduty_private.overtake_outbox(pagerduty.incidents, text) is 'PagerDuty has changed the status of an incident after the member whose change is still to be told: it is not told any more.';
revoke all on function pagerduty_private.overtake_outbox(pagerduty.incidents, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.overtake_outbox(pagerduty.incidents, text) to service_role;

create function pagerduty_private.next_outbox(organization uuid) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  chosen pagerduty.outbox;
begin
  select o.* into chosen
  from pagerduty.outbox o
  where o.organization_id = organization
    and o.state = 'waiting'
    and o.due_at <= clock_timestamp()
  order by o.due_at, o.id
  limit 1
  -- One that is being changed has its turn when it is.
  for update skip locked;
  if chosen.id is null then
    return null;
  end if;
  update pagerduty.outbox o
  set attempts = o.attempts + 1, attempted_at = coalesce(o.attempted_at, clock_timestamp())
  where o.id = chosen.id
    and o.organization_id = organization;
  return (
    select jsonb_build_object(
      'id', chosen.id,
      'organization_id', organization,
      'version', chosen.version,
      'thing', chosen.thing,
      'wanted', chosen.wanted,
      'attempts', chosen.attempts + 1,
      'last_error', chosen.last_error,
      'incident_id', i.id,
      'pagerduty_incident_id', i.pagerduty_incident_id,
      -- What an incident that is made of it says.
      'title', case when chosen.thing = 'incident' then i.title end,
      'description', case when chosen.thing = 'incident' then i.description end,
      'urgency', case when chosen.thing = 'incident' then i.urgency end,
      'changed_at', case chosen.thing when 'status' then i.member_status_at else chosen.changed_at end,
      -- Only an address that is proved makes somebody in PagerDuty act.
      'actor_email', (
        select u.email
        from auth.users u
        where u.id = chosen.actor_id
          and u.email_confirmed_at is not null
      ),
      -- Whom an admin has said them to be.
      'actor_pagerduty_id', (
        select m.pagerduty_user_id
        from pagerduty.memberships m
        where m.organization_id = organization
          and m.user_id = chosen.actor_id
      ),
      'default_email', s.acting_email,
      'region', coalesce(s.region, 'us'),
      'api_key', c.api_key,
      'is_on', coalesce(s.enabled and s.api_key_set, false)
    )
    from pagerduty.incidents i
    left join pagerduty.integrations s on s.organization_id = i.organization_id
    left join pagerduty.credentials c on c.organization_id = i.organization_id
    where i.id = chosen.incident_id
      and i.organization_id = organization
  );
end
$$;
comment on function pagerduty_private.next_outbox(uuid) is 'What an organization has to tell next, with all that the worker needs for it, the sealed key, too; null if nothing is due.';
revoke all on function pagerduty_private.next_outbox(uuid) from public, anon, authenticated, service_role;

create function pagerduty_private.take_turn(lease integer) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  message record;
  organization uuid;
  job jsonb;
begin
  for message in select m.msg_id, m.message from pgmq.read('pagerduty', lease, 1) m loop
    organization := message.message ->> 'organization_id';
    update pagerduty_private.outboxes o
    set leased_until = clock_timestamp() + make_interval(secs => lease)
    where o.organization_id = organization
      and o.message_id = message.msg_id
      and coalesce(o.paused_until, '-infinity') <= clock_timestamp();
    if found then
      job := pagerduty_private.next_outbox(organization);
      if job is not null then
        return job;
      end if;
    end if;
    if exists (
      select from pagerduty_private.outboxes o
      where o.organization_id = organization
        and o.message_id = message.msg_id
    ) then
      perform pagerduty_private.requeue_outbox(organization);
    else
      -- Of an organization that is gone, or a second one: it says nothing that another does not say.
      perform pgmq.delete('pagerduty', message.msg_id);
    end if;
    return '{}';
  end loop;
  return null;
end
$$;
comment on function pagerduty_private.take_turn(integer) is 'Takes the first message of the queue on lease, for so many seconds; answers what is to be told, {} if that one has nothing to tell now, null if nobody waits.';
revoke all on function pagerduty_private.take_turn(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.take_turn(integer) to service_role;

create function pagerduty.claim_outbox(lease_seconds integer) returns jsonb
language sql
set search_path = ''
as $$ select pagerduty_private.take_turn(greatest(1, least(lease_seconds, 600))) $$;
comment on function pagerduty.claim_outbox(integer) is 'For the worker: the next thing that PagerDuty must be told, taken on lease for so many seconds; {} to be asked again at once, null if nobody waits. finish_outbox() or defer_outbox() gives it back.';
revoke all on function pagerduty.claim_outbox(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.claim_outbox(integer) to service_role;

create function pagerduty_private.end_turn(
  outbox_id uuid, version integer, outcome text, acted_as text, error text, seconds double precision
) returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  told pagerduty.outbox;
begin
  -- In the order of the triggers: the thing first, then the organization's place.
  update pagerduty.outbox o
  set
    state = case outcome when 'sent' then 'sent' when 'dead' then 'dead' else 'waiting' end,
    sent_at = case when outcome = 'sent' then clock_timestamp() end,
    acted_as = coalesce(left(end_turn.acted_as, 320), o.acted_as),
    last_error = left(error, 500),
    due_at = case when outcome = 'later' then clock_timestamp() + make_interval(secs => seconds) else o.due_at end
  where o.id = outbox_id
    and o.version = end_turn.version;
  select * into told
  from pagerduty.outbox o
  where o.id = outbox_id;
  if told.id is null then
    return;
  end if;
  if outcome = 'pause' then
    update pagerduty_private.outboxes o
    set paused_until = clock_timestamp() + make_interval(secs => seconds), paused_because = left(error, 500)
    where o.organization_id = told.organization_id;
  elsif outcome = 'sent' then
    update pagerduty_private.outboxes o
    set paused_until = null, paused_because = null
    where o.organization_id = told.organization_id
      and o.paused_because is not null;
  end if;
  perform pagerduty_private.requeue_outbox(told.organization_id);
  perform pagerduty_private.tell_organization(i.organization_id, 'incident', to_jsonb(i))
  from pagerduty.incidents i
  where i.id = told.incident_id
    and i.organization_id = told.organization_id;
end
$$;
comment on function pagerduty_private.end_turn(uuid, integer, text, text, text, double precision) is 'Writes what became of a thing, unless it was changed meanwhile, ends the turn, and tells the organization.';
revoke all on function pagerduty_private.end_turn(uuid, integer, text, text, text, double precision) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.end_turn(uuid, integer, text, text, text, double precision) to service_role;

create function pagerduty.finish_outbox(outbox_id uuid, version integer, acted_as text) returns void
language sql
set search_path = ''
as $$ select pagerduty_private.end_turn(outbox_id, version, 'sent', acted_as, null, 0) $$;
comment on function pagerduty.finish_outbox(uuid, integer, text) is 'For the worker: PagerDuty has confirmed this version of a thing, told as the user with that address.';
revoke all on function pagerduty.finish_outbox(uuid, integer, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.finish_outbox(uuid, integer, text) to service_role;

create function pagerduty.defer_outbox(
  outbox_id uuid, version integer, outcome text, error text, seconds double precision default 0
) returns void
language plpgsql
set search_path = ''
as $$
begin
  if outcome not in ('later', 'pause', 'dead') then
    raise exception 'An outcome is later, pause or dead.' using errcode = '22023';
  end if;
  perform pagerduty_private.end_turn(outbox_id, version, outcome, null, error, greatest(0, least(seconds, 86400)));
end
$$;
comment on function pagerduty.defer_outbox(uuid, integer, text, text, double precision) is 'For the worker: a thing was not told, and why. later: it is tried again in so many seconds; pause: all of its organization is; dead: it is given up.';
revoke all on function pagerduty.defer_outbox(uuid, integer, text, text, double precision) from public, anon, authenticated, service_role;
grant execute on function pagerduty.defer_outbox(uuid, integer, text, text, double precision) to service_role;

-- supabase/schemas/functions/record_incident_change.sql ----------------------------------------------
-- An incident changes what its notification shows, and begins with what was heard of it before.
create function pagerduty_private.show_incident(incident pagerduty.incidents) returns void
language sql
set search_path = ''
as $$
  update pagerduty.notifications n
  set seq = pagerduty_private.next_seq(incident.organization_id), changed_at = clock_timestamp()
  where n.organization_id = incident.organization_id
    and n.subject = 'incident:' || incident.pagerduty_incident_id;

  select pagerduty_private.tell_organization(f.organization_id, 'notification', to_jsonb(f) || '{"loud": false}')
  from pagerduty.notification_feed f
  where f.organization_id = incident.organization_id
    and f.pagerduty_incident_id = incident.pagerduty_incident_id;
$$;
comment on function pagerduty_private.show_incident(pagerduty.incidents) is 'The notification of a linked incident now leads to it, or no longer: a quiet change.';
revoke all on function pagerduty_private.show_incident(pagerduty.incidents) from public, anon, authenticated, service_role;

create function pagerduty_private.tell_the_past(incident pagerduty.incidents) returns void
language sql
set search_path = ''
as $$
  insert into pagerduty.incident_updates (incident_id, organization_id, kind, body, author_id, event_id, created_at)
  select incident.id, incident.organization_id, 'pagerduty', e.headline, null, e.id, e.received_at
  from pagerduty.events e
  where e.organization_id = incident.organization_id
    and e.pagerduty_incident_id = incident.pagerduty_incident_id
    and e.notification_id is not null
    and e.headline is not null
    and not e.is_repeat
  order by e.received_at desc
  limit 100
$$;
comment on function pagerduty_private.tell_the_past(pagerduty.incidents) is 'Writes what PagerDuty told of an incident before it was linked on its timeline, the last hundred events.';
revoke all on function pagerduty_private.tell_the_past(pagerduty.incidents) from public, anon, authenticated, service_role;

-- The timeline writes itself: no caller can forget to.
create function pagerduty_private.record_incident_change() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into pagerduty.incident_updates (incident_id, organization_id, kind, status_to, assignee_to, author_id)
    values (new.id, new.organization_id, 'created', new.status, new.assignee_id, new.created_by);
  else
    -- A change that PagerDuty told is recorded by the ingest function, with the event.
    if new.member_status_at is distinct from old.member_status_at then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, status_from, status_to, author_id)
      values (new.id, new.organization_id, 'status', old.status, new.status, auth.uid());
    end if;
    if new.assignee_id is distinct from old.assignee_id then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, assignee_from, assignee_to, author_id)
      select new.id, o.id, 'assigned', old.assignee_id, new.assignee_id, auth.uid()
      from pagerduty.organizations o
      where o.id = new.organization_id; -- not where it is being deleted itself
    end if;
    if (new.title, new.description, new.criticality, new.urgency, new.customer, new.tags)
      is distinct from (old.title, old.description, old.criticality, old.urgency, old.customer, old.tags)
    then
      insert into pagerduty.incident_updates (incident_id, organization_id, kind, author_id)
      values (new.id, new.organization_id, 'edited', auth.uid());
    end if;
  end if;
  if new.pagerduty_incident_id is not null and (tg_op = 'INSERT' or old.pagerduty_incident_id is null) then
    perform pagerduty_private.tell_the_past(new);
    perform pagerduty_private.show_incident(new);
  end if;
  perform pagerduty_private.tell_organization(new.organization_id, 'incident', to_jsonb(new));
  return null;
end
$$;
comment on function pagerduty_private.record_incident_change() is 'Trigger: writes the timeline of a member''s change, and tells the organization of any.';
revoke all on function pagerduty_private.record_incident_change() from public, anon, authenticated, service_role;

create trigger record_incident_change after insert or update on pagerduty.incidents
  for each row execute function pagerduty_private.record_incident_change();

create function pagerduty_private.forget_incident() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform pagerduty_private.show_incident(old)
  from pagerduty.organizations o
  where o.id = old.organization_id; -- not where it is being deleted itself
  return null;
end
$$;
comment on function pagerduty_private.forget_incident() is 'Trigger: the notification of an incident that is deleted leads nowhere any more.';
revoke all on function pagerduty_private.forget_incident() from public, anon, authenticated, service_role;

create trigger forget_incident after delete on pagerduty.incidents
  for each row
  when (old.pagerduty_incident_id is not null)
  execute function pagerduty_private.forget_incident();

-- supabase/schemas/functions/broadcast_incident_update.sql -------------------------------------------
-- Whoever has the incident open sees its timeline grow.
create function pagerduty_private.broadcast_incident_update() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform pagerduty_private.tell_organization(new.organization_id, 'incident_update', to_jsonb(new));
  return null;
end
$$;
comment on function pagerduty_private.broadcast_incident_update() is 'Trigger: a timeline entry appears for everybody who has the incident open.';
revoke all on function pagerduty_private.broadcast_incident_update() from public, anon, authenticated, service_role;

create trigger broadcast_incident_update after insert on pagerduty.incident_updates
  for each row execute function pagerduty_private.broadcast_incident_update();

-- supabase/schemas/functions/seen_services.sql -------------------------------------------------------
-- Part of get_integration(): what a filter can be chosen from.
create function pagerduty_private.seen_services(organization_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
-- Planned for the organization at hand: one may have a million times the events of another.
set plan_cache_mode = force_custom_plan
as $$
begin
  return (
    select coalesce(jsonb_agg(
      jsonb_build_object('id', seen.service_id, 'name', seen.service_name)
      order by lower(coalesce(seen.service_name, seen.service_id)), seen.service_id
    ), '[]')
    from (
      select distinct on (coalesce(recent.service_id, recent.service_name)) recent.service_id, recent.service_name
      from (
        select e.service_id, e.service_name, e.received_at
        from pagerduty.events e
        where e.organization_id = seen_services.organization_id
          and seen_services.organization_id in (select pagerduty_private.my_organizations('admin'))
        order by e.received_at desc
        limit 1000
      ) recent
      where coalesce(recent.service_id, recent.service_name) is not null
      order by coalesce(recent.service_id, recent.service_name), recent.service_name is null, recent.received_at desc
    ) seen
  );
end
$$;
comment on function pagerduty_private.seen_services(uuid) is 'The services of an organization''s last thousand events, by name: {"id", "name"}, for owners and admins to choose from.';
revoke all on function pagerduty_private.seen_services(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.seen_services(uuid) to authenticated;

-- supabase/schemas/functions/recent_events.sql -------------------------------------------------------
-- Part of get_integration(): is what arrives taken?
create function pagerduty_private.recent_events(organization_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
-- Planned for the organization at hand: one may have a million times the events of another.
set plan_cache_mode = force_custom_plan
as $$
declare
  first_counted constant timestamptz := (
    select greatest(i.filters_changed_at, now() - interval '7 days')
    from pagerduty.integrations i
    where i.organization_id = recent_events.organization_id
  );
begin
  return (
    select jsonb_build_object(
      'received', coalesce(sum(kind.events), 0),
      'ignored', coalesce(sum(kind.events) filter (where kind.outcome = 'ignored'), 0),
      'invalid', coalesce(sum(kind.events) filter (where kind.outcome = 'invalid'), 0),
      'repeated', coalesce(sum(kind.repeated), 0),
      'since', min(kind.since),
      'reasons', coalesce(jsonb_object_agg(kind.reason, kind.events) filter (where kind.outcome = 'ignored'), '{}')
    )
    from (
      select
        recent.outcome, recent.reason, count(*) as events, min(recent.received_at) as since,
        count(*) filter (where recent.is_repeat and not recent.was_healed) as repeated
      from (
        select e.outcome, case when e.outcome = 'ignored' then e.reason end as reason, e.received_at, e.is_repeat,
          e.reason is not distinct from 'healed_before' as was_healed
        from pagerduty.events e
        where e.organization_id = recent_events.organization_id
          and recent_events.organization_id in (select pagerduty_private.my_organizations())
          and e.received_at > first_counted
          and e.family not in ('test', 'log')
        order by e.received_at desc
        limit 1000
      ) recent
      where recent.reason is distinct from 'ping'
      group by recent.outcome, recent.reason
    ) kind
  );
end
$$;
comment on function pagerduty_private.recent_events(uuid) is 'What became of the events of a week, the last thousand at most, that came since the filters were last changed: "received", "ignored" and "invalid" ones, "since" when, how many were ignored for which of the "reasons", how many another one had told before ("repeated"). A ping counts as none. For members, who may not read the events themselves.';
revoke all on function pagerduty_private.recent_events(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.recent_events(uuid) to authenticated;

-- supabase/schemas/functions/reconcile.sql -----------------------------------------------------------
-- The worker's side of the comparison with PagerDuty's log, which it calls with the secret key.
create function pagerduty_private.take_round(lease integer) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  chosen pagerduty_private.reconciliations;
  settings pagerduty.integrations;
  ping_after timestamptz;
  is_pinged boolean;
begin
  select r.* into chosen
  from pagerduty_private.reconciliations r
  join pagerduty.integrations i on i.id = r.integration_id and i.organization_id = r.organization_id
  where r.due_at <= clock_timestamp()
    and i.enabled
    and i.api_key_set
    -- Where PagerDuty has asked to wait, or refuses the key, nothing is asked.
    and not exists (
      select from pagerduty_private.outboxes o
      where o.organization_id = r.organization_id
        and o.paused_until > clock_timestamp()
    )
  order by r.due_at
  limit 1
  for update of r skip locked;
  if chosen.integration_id is null then
    return null;
  end if;
  select * into settings
  from pagerduty.integrations i
  where i.id = chosen.integration_id
    and i.organization_id = chosen.organization_id;
  -- Once a day, and once an hour while the last one has not arrived.
  ping_after := chosen.pinged_at + case
    when settings.subscription_proven_at >= chosen.pinged_at then interval '1 day'
    else interval '1 hour'
  end;
  is_pinged := coalesce(ping_after <= clock_timestamp(), true);
  update pagerduty_private.reconciliations r
  set
    due_at = clock_timestamp() + make_interval(secs => lease),
    -- Before it is asked for: the test event may be there before the answer.
    pinged_at = case when is_pinged then clock_timestamp() else r.pinged_at end
  where r.integration_id = chosen.integration_id;
  return (
    select jsonb_build_object(
      'integration_id', settings.id,
      'organization_id', settings.organization_id,
      'subscription_id', settings.subscription_id,
      'scope', settings.subscription_scope,
      'begun_at', chosen.begun_at,
      'read_until', chosen.read_until,
      'pings', is_pinged,
      'reads_directory', coalesce(chosen.directory_read_at < clock_timestamp() - interval '1 day', true),
      'region', settings.region,
      'api_key', c.api_key
    )
    from pagerduty.credentials c
    where c.organization_id = settings.organization_id
  );
end
$$;
comment on function pagerduty_private.take_round(integer) is 'Takes the integration that is due to be compared with PagerDuty''s log, on lease for so many seconds; null if none is.';
revoke all on function pagerduty_private.take_round(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.take_round(integer) to service_role;

create function pagerduty.claim_reconciliation(lease_seconds integer) returns jsonb
language sql
set search_path = ''
as $$ select pagerduty_private.take_round(greatest(1, least(lease_seconds, 600))) $$;
comment on function pagerduty.claim_reconciliation(integer) is 'For the worker: the integration that is to be compared with PagerDuty''s log, taken on lease for so many seconds, with the sealed key; null if none is due. finish_reconciliation() ends it.';
revoke all on function pagerduty.claim_reconciliation(integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.claim_reconciliation(integer) to service_role;

create function pagerduty_private.confirm_event(integration pagerduty.integrations, event jsonb, in_its_words boolean) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  happened constant timestamptz := (event ->> 'occurred_at')::timestamptz;
  around constant interval := case when in_its_words then interval '10 seconds' else interval '2 seconds' end;
begin
  -- One event for one log entry, the nearest: what happened twice within seconds is two of each.
  update pagerduty.events e
  set log_entry_id = event ->> 'log_entry_id'
  where e.id = (
    select told.id
    from pagerduty.events told
    where told.organization_id = integration.organization_id
      and told.integration_id = integration.id
      and told.pagerduty_incident_id = event #>> '{incident,id}'
      and told.event_type = event ->> 'event_type'
      and told.occurred_at between happened - around and happened + around
      and (not in_its_words or told.headline is not distinct from event ->> 'headline')
      and told.log_entry_id is null
      and not told.is_repeat
    order by abs(extract(epoch from told.occurred_at - happened))
    limit 1
  );
  return found;
end
$$;
comment on function pagerduty_private.confirm_event(pagerduty.integrations, jsonb, boolean) is 'Whether a webhook has told what an entry of PagerDuty''s log says, in the same words or (a note that was cut, for one) in others; that event keeps the id of the entry.';
revoke all on function pagerduty_private.confirm_event(pagerduty.integrations, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.confirm_event(pagerduty.integrations, jsonb, boolean) to service_role;

create function pagerduty_private.count_changes(integration_id uuid, confirmed integer, healed integer, read_until timestamptz) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.reconciliations r
  set
    read_until = greatest(r.read_until, count_changes.read_until),
    changes = case when r.counted_since < week.began then 0 else r.changes end + confirmed + count_changes.healed,
    healed = case when r.counted_since < week.began then 0 else r.healed end + count_changes.healed,
    healed_at = case when count_changes.healed > 0 then clock_timestamp() else r.healed_at end,
    counted_since = greatest(r.counted_since, week.began)
  from (select date_trunc('week', clock_timestamp()) as began) week
  where r.integration_id = count_changes.integration_id;
end
$$;
comment on function pagerduty_private.count_changes(uuid, integer, integer, timestamptz) is 'Adds to the tally of an integration, which begins anew on Mondays, and says how far PagerDuty''s log was compared (null: as far as before).';
revoke all on function pagerduty_private.count_changes(uuid, integer, integer, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.count_changes(uuid, integer, integer, timestamptz) to service_role;

create function pagerduty.heal_events(integration_id uuid, events jsonb, read_until timestamptz default null) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  integration pagerduty.integrations;
  event jsonb;
  others jsonb := '[]';
  confirmed integer := 0;
  healed integer := 0;
begin
  -- In turn with the webhooks of the integration: none comes in between.
  select * into integration
  from pagerduty.integrations i
  where i.id = heal_events.integration_id
  for no key update;
  if integration.id is null then
    return null;
  end if;
  for event in select value from jsonb_array_elements(events) loop
    if exists (
      select from pagerduty.events e
      where e.integration_id = integration.id
        and e.log_entry_id = event ->> 'log_entry_id'
    ) then
      continue;
    elsif pagerduty_private.confirm_event(integration, event, true) then
      confirmed := confirmed + 1;
    else
      others := others || event;
    end if;
  end loop;
  -- Once each has what says the same, lest one take another's.
  for event in select value from jsonb_array_elements(others) loop
    if pagerduty_private.confirm_event(integration, event, false) then
      confirmed := confirmed + 1;
    else
      perform pagerduty_private.ingest_events(integration, jsonb_build_array(event), true);
      healed := healed + 1;
    end if;
  end loop;
  perform pagerduty_private.count_changes(integration.id, confirmed, healed, heal_events.read_until);
  return jsonb_build_object('confirmed', confirmed, 'healed', healed);
end
$$;
comment on function pagerduty.heal_events(uuid, jsonb, timestamptz) is 'For the worker: compares entries of PagerDuty''s log, as events with a "log_entry_id", with what webhooks have told, and takes what is missing as if a webhook had told it. Answers how many were "confirmed" and "healed", each entry once; with a time, all of the log before it is compared then. Null: there is no such integration.';
revoke all on function pagerduty.heal_events(uuid, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty.heal_events(uuid, jsonb, timestamptz) to service_role;

create function pagerduty_private.note_directory(integration_id uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.reconciliations r
  set directory_read_at = clock_timestamp()
  where r.integration_id = note_directory.integration_id;
end
$$;
comment on function pagerduty_private.note_directory(uuid) is 'Writes that the directory of an integration was read.';
revoke all on function pagerduty_private.note_directory(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.note_directory(uuid) to service_role;

create function pagerduty.write_directory(integration_id uuid, entries jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  delete from pagerduty.directory d
  where d.integration_id = write_directory.integration_id;
  insert into pagerduty.directory (integration_id, organization_id, kind, pagerduty_id, name, place)
  select i.id, i.organization_id, entry ->> 'kind', entry ->> 'id', entry ->> 'name', place
  from pagerduty.integrations i
  cross join jsonb_array_elements(entries) with ordinality as e (entry, place)
  where i.id = write_directory.integration_id
  on conflict do nothing;
  perform pagerduty_private.note_directory(write_directory.integration_id);
end
$$;
comment on function pagerduty.write_directory(uuid, jsonb) is 'For the worker: replaces what an integration''s account has to choose from, [{"kind", "id", "name"}, …] in PagerDuty''s order.';
revoke all on function pagerduty.write_directory(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.write_directory(uuid, jsonb) to service_role;

create function pagerduty_private.end_round(
  integration_id uuid, subscription_state text, mended boolean, error text, seconds double precision
) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.reconciliations r
  set
    subscription_state = coalesce(end_round.subscription_state, r.subscription_state),
    checked_at = case when end_round.subscription_state is not null then clock_timestamp() else r.checked_at end,
    mended_at = case when mended then clock_timestamp() else r.mended_at end,
    last_error = left(error, 500),
    -- Somebody who asked for it meanwhile has it again at once.
    due_at = case
      when r.due_at > clock_timestamp() then clock_timestamp() + make_interval(secs => greatest(0, least(seconds, 86400)))
      else r.due_at
    end
  where r.integration_id = end_round.integration_id;
end
$$;
comment on function pagerduty_private.end_round(uuid, text, boolean, text, double precision) is 'Writes what came of comparing an integration, and when it is to be compared next.';
revoke all on function pagerduty_private.end_round(uuid, text, boolean, text, double precision) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.end_round(uuid, text, boolean, text, double precision) to service_role;

create function pagerduty.finish_reconciliation(
  integration_id uuid, subscription_state text, mended boolean, error text, seconds double precision
) returns void
language sql
set search_path = ''
as $$ select pagerduty_private.end_round(integration_id, subscription_state, mended, error, seconds) $$;
comment on function pagerduty.finish_reconciliation(uuid, text, boolean, text, double precision) is 'For the worker: an integration was compared with PagerDuty''s log, or could not be, and why. How its subscription was found (null: not asked), whether it was switched on again, and in how many seconds it is due next.';
revoke all on function pagerduty.finish_reconciliation(uuid, text, boolean, text, double precision) from public, anon, authenticated, service_role;
grant execute on function pagerduty.finish_reconciliation(uuid, text, boolean, text, double precision) to service_role;

create function pagerduty_private.reconciliation_summary(organization_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'changes', r.changes,
    'healed', r.healed,
    'healed_at', r.healed_at,
    'since', r.counted_since,
    'read_until', r.read_until,
    'subscription_state', r.subscription_state,
    'checked_at', r.checked_at,
    'mended_at', r.mended_at,
    'pinged_at', r.pinged_at,
    'error', r.last_error
  )
  from pagerduty_private.reconciliations r
  where r.organization_id = reconciliation_summary.organization_id
    and r.organization_id in (select pagerduty_private.my_organizations())
$$;
comment on function pagerduty_private.reconciliation_summary(uuid) is 'What came of comparing an organization with PagerDuty''s log, for its members; null for others, and where nothing is compared.';
revoke all on function pagerduty_private.reconciliation_summary(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.reconciliation_summary(uuid) to authenticated;

create function pagerduty_private.hurry_reconciliation(organization_id uuid) returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty_private.reconciliations r
  set due_at = least(r.due_at, clock_timestamp())
  where r.organization_id = hurry_reconciliation.organization_id
    and r.organization_id in (select pagerduty_private.my_organizations('admin'));
  return found;
end
$$;
comment on function pagerduty_private.hurry_reconciliation(uuid) is 'Has an organization compared with PagerDuty''s log as soon as a worker looks, for its owners and admins; false if there is nothing to compare.';
revoke all on function pagerduty_private.hurry_reconciliation(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.hurry_reconciliation(uuid) to authenticated;

create function pagerduty.reconcile_now(organization_id uuid) returns boolean
language sql
set search_path = ''
as $$ select pagerduty_private.hurry_reconciliation(organization_id) $$;
comment on function pagerduty.reconcile_now(uuid) is 'Has the worker compare an organization with PagerDuty''s log at its next look; false if there is nothing to compare. For owners and admins.';
revoke all on function pagerduty.reconcile_now(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.reconcile_now(uuid) to authenticated;

-- supabase/schemas/functions/compare_notes.sql -------------------------------------------------------
-- Notes that were cut, edited or deleted in PagerDuty: no webhook and no log tells of it.
create function pagerduty_private.take_notes(integration pagerduty.integrations, most integer) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  looked jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object('id', due.id, 'pagerduty_id', due.pagerduty_incident_id, 'events', due.events)), '[]')
  into looked
  from (
    select i.id, i.pagerduty_incident_id, min(l.looked_at) as looked_at, jsonb_agg(jsonb_build_object(
      'id', e.id,
      'note_id', e.payload #>> '{data,id}',
      'occurred_at', e.occurred_at,
      'agent_name', e.agent_name,
      'headline', e.headline
    ) order by e.occurred_at) as events
    from pagerduty.incidents i
    join pagerduty.events e on e.organization_id = i.organization_id
      and e.pagerduty_incident_id = i.pagerduty_incident_id
      and e.integration_id = integration.id
    left join pagerduty_private.note_looks l on l.incident_id = i.id and l.organization_id = i.organization_id
    where i.organization_id = integration.organization_id
      and e.event_type = 'incident.annotated'
      and e.occurred_at is not null
      and e.headline is not null
      and not e.is_repeat
      -- What is over for a day is left as it is.
      and (i.status <> 'resolved' or i.updated_at > clock_timestamp() - interval '1 day')
    group by i.id
    order by min(l.looked_at) nulls first
    limit most
  ) due;
  insert into pagerduty_private.note_looks (incident_id, organization_id, looked_at)
  select (one ->> 'id')::uuid, integration.organization_id, clock_timestamp()
  from jsonb_array_elements(looked) as one
  on conflict (incident_id) do update set looked_at = excluded.looked_at;
  return looked;
end
$$;
comment on function pagerduty_private.take_notes(pagerduty.integrations, integer) is 'The linked incidents whose notes were not compared for longest, with what was told of their notes.';
revoke all on function pagerduty_private.take_notes(pagerduty.integrations, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.take_notes(pagerduty.integrations, integer) to service_role;

create function pagerduty.noted_incidents(integration_id uuid, most integer) returns jsonb
language sql
set search_path = ''
as $$
  select coalesce((
    select pagerduty_private.take_notes(i, greatest(1, least(most, 100)))
    from pagerduty.integrations i
    where i.id = noted_incidents.integration_id
  ), '[]')
$$;
comment on function pagerduty.noted_incidents(uuid, integer) is 'For the worker: linked incidents whose notes are to be compared with PagerDuty''s, [{"id", "pagerduty_id", "events": [{"id", "note_id", "occurred_at", "agent_name", "headline"}, …]}, …], the one that was not looked at for longest first.';
revoke all on function pagerduty.noted_incidents(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.noted_incidents(uuid, integer) to service_role;

create function pagerduty_private.amend_note(integration pagerduty.integrations, event_id uuid, headline text) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update pagerduty.events e
  set headline = left(amend_note.headline, 10000)
  where e.id = amend_note.event_id
    and e.integration_id = integration.id
    and e.organization_id = integration.organization_id
    and e.event_type = 'incident.annotated';
  if not found then
    return;
  end if;
  update pagerduty.incident_updates u
  set body = left(amend_note.headline, 10000)
  where u.event_id = amend_note.event_id
    and u.organization_id = integration.organization_id
    and u.kind = 'pagerduty';
  perform pagerduty_private.tell_organization(u.organization_id, 'incident_update', to_jsonb(u))
  from pagerduty.incident_updates u
  where u.event_id = amend_note.event_id
    and u.organization_id = integration.organization_id;
end
$$;
comment on function pagerduty_private.amend_note(pagerduty.integrations, uuid, text) is 'Says of a note what it says now, in its row''s history and on the timeline.';
revoke all on function pagerduty_private.amend_note(pagerduty.integrations, uuid, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.amend_note(pagerduty.integrations, uuid, text) to service_role;

create function pagerduty.amend_notes(integration_id uuid, changes jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pagerduty_private.amend_note(i, (change ->> 'event_id')::uuid, change ->> 'headline')
  from pagerduty.integrations i
  cross join jsonb_array_elements(changes) as change
  where i.id = amend_notes.integration_id;
end
$$;
comment on function pagerduty.amend_notes(uuid, jsonb) is 'For the worker: what notes say now, [{"event_id", "headline"}, …].';
revoke all on function pagerduty.amend_notes(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.amend_notes(uuid, jsonb) to service_role;

-- supabase/schemas/functions/get_integration.sql -----------------------------------------------------
-- The settings, as the calling member may see them. Runs as that member: RLS and grants decide.
create function pagerduty_private.integration_admin_fields(organization_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'webhook_token', i.webhook_token,
    'previous_webhook_token_expires_at', case
      when i.previous_webhook_token_expires_at > now() then i.previous_webhook_token_expires_at
    end,
    'accept_bare_url', i.accept_bare_url,
    'subscription_is_current', i.subscription_token = i.webhook_token,
    'integration_key', i.integration_key,
    'api_key_last4', i.api_key_last4,
    'signing_secret_last4', i.signing_secret_last4,
    'seen_services', pagerduty_private.seen_services(i.organization_id)
  )
  from pagerduty.integrations i
  where i.organization_id = integration_admin_fields.organization_id
    and i.organization_id in (select pagerduty_private.my_organizations('admin'))
$$;
comment on function pagerduty_private.integration_admin_fields(uuid) is 'The settings that only owners and admins may see; null for everybody else.';
revoke all on function pagerduty_private.integration_admin_fields(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.integration_admin_fields(uuid) to authenticated;

create function pagerduty_private.outbox_summary(organization_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'waiting', (
      select count(*)
      from pagerduty.outbox o
      where o.organization_id = outbox_summary.organization_id
        and o.state = 'waiting'
    ),
    'dead', (
      select count(*)
      from pagerduty.outbox o
      where o.organization_id = outbox_summary.organization_id
        and o.state = 'dead'
    ),
    'paused_until', max(p.paused_until),
    'paused_because', max(p.paused_because)
  )
  from pagerduty_private.outboxes p
  where p.organization_id = outbox_summary.organization_id
    and p.paused_until > now()
  having outbox_summary.organization_id in (select pagerduty_private.my_organizations())
$$;
comment on function pagerduty_private.outbox_summary(uuid) is 'What PagerDuty has not been told yet of an organization, and whether that has to wait. Null for who is not a member.';
revoke all on function pagerduty_private.outbox_summary(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.outbox_summary(uuid) to authenticated;

create function pagerduty.get_integration(organization_id uuid) returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'organization_id', o.id,
    'configured', i.id is not null,
    'can_edit', o.id in (select pagerduty_private.my_organizations('admin'))
  ) || case
    when i.id is null then '{}'
    else jsonb_build_object(
      'enabled', i.enabled,
      'region', i.region,
      'event_types', i.event_types,
      'services', i.services,
      'api_key_set', i.api_key_set,
      'signing_secret_set', i.signing_secret_set,
      'acting_email', i.acting_email,
      'sync_status', i.sync_status,
      'sync_notes', i.sync_notes,
      'paging_service_id', i.paging_service_id,
      'paging_criticality', i.paging_criticality,
      'outbox', pagerduty_private.outbox_summary(i.organization_id),
      'subscription', case
        when i.subscription_id is not null then jsonb_build_object(
          'id', i.subscription_id,
          'scope', i.subscription_scope,
          'made_at', i.subscription_made_at,
          'proven_at', i.subscription_proven_at
        )
      end,
      'reconciliation', pagerduty_private.reconciliation_summary(i.organization_id),
      'last_event_at', i.last_event_at,
      'last_error', i.last_error,
      'last_error_at', i.last_error_at,
      'recent_events', pagerduty_private.recent_events(i.organization_id),
      'created_at', i.created_at,
      'updated_at', i.updated_at,
      'admin', pagerduty_private.integration_admin_fields(i.organization_id)
    )
  end
  from pagerduty.organizations o
  left join pagerduty.integrations i on i.organization_id = o.id
  where o.id = get_integration.organization_id
$$;
comment on function pagerduty.get_integration(uuid) is 'An organization''s PagerDuty settings as the calling member may see them: "can_edit" says whether they may change them, "configured" whether anything is saved (without, nothing else is answered); "subscription" is the one that was made from here, or null; "recent_events" says how many of the last ones were ignored, and why; "admin" holds the webhook token, until when the one before it is taken (null: no longer), whether the subscription sends to the present one, the key filter, the hints and the services that were seen, and is null for viewers and responders. Null for who is not a member.';
revoke all on function pagerduty.get_integration(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_integration(uuid) to authenticated;

-- supabase/schemas/functions/save_integration.sql ----------------------------------------------------
-- The settings and the sealed credentials, written in one transaction. Runs as the calling member.
create function pagerduty_private.save_credentials(organization_id uuid, credentials jsonb) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  if organization_id not in (select pagerduty_private.my_organizations('admin')) then
    raise exception 'Only owners and admins may change credentials.' using errcode = '42501';
  end if;
  insert into pagerduty.credentials (organization_id)
  values (save_credentials.organization_id)
  on conflict do nothing;
  if credentials ? 'api_key' then
    update pagerduty.credentials c
    set api_key = credentials #>> '{api_key,sealed}'
    where c.organization_id = save_credentials.organization_id;
    update pagerduty.integrations i
    set api_key_last4 = credentials #>> '{api_key,last4}'
    where i.organization_id = save_credentials.organization_id;
    -- What waited for another key waits no longer.
    perform pagerduty_private.resume_outbox(save_credentials.organization_id);
  end if;
  if credentials ? 'signing_secret' then
    -- PagerDuty retries a webhook for 48 hours: as long, one signed with the secret before is still good.
    -- A secret that is removed leaves nothing behind.
    update pagerduty.credentials c
    set
      previous_signing_secret = case when credentials #>> '{signing_secret,sealed}' is not null then c.signing_secret end,
      previous_signing_secret_expires_at = case
        when credentials #>> '{signing_secret,sealed}' is not null and c.signing_secret is not null
        then now() + interval '48 hours'
      end,
      signing_secret = credentials #>> '{signing_secret,sealed}'
    where c.organization_id = save_credentials.organization_id;
    update pagerduty.integrations i
    set signing_secret_last4 = credentials #>> '{signing_secret,last4}'
    where i.organization_id = save_credentials.organization_id;
  end if;
end
$$;
comment on function pagerduty_private.save_credentials(uuid, jsonb) is 'Writes sealed credentials for an owner or admin, who can never read them. An absent key leaves a secret as it is, null removes it.';
revoke all on function pagerduty_private.save_credentials(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.save_credentials(uuid, jsonb) to authenticated;

create function pagerduty.save_integration(organization_id uuid, settings jsonb, credentials jsonb default '{}') returns jsonb
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  org constant uuid := organization_id;
  types constant text[] := case jsonb_typeof(settings -> 'event_types')
    when 'array' then array(select jsonb_array_elements_text(settings -> 'event_types'))
  end;
  chosen constant text[] := case jsonb_typeof(settings -> 'services')
    when 'array' then array(select jsonb_array_elements_text(settings -> 'services'))
  end;
begin
  insert into pagerduty.integrations (
    organization_id, enabled, integration_key, region, event_types, services, acting_email, sync_status, sync_notes,
    paging_service_id, paging_criticality
  )
  values (
    org,
    coalesce((settings ->> 'enabled')::boolean, false),
    settings ->> 'integration_key',
    coalesce(settings ->> 'region', 'us'),
    types,
    chosen,
    settings ->> 'acting_email',
    coalesce(settings ->> 'sync_status', 'both'),
    coalesce(settings ->> 'sync_notes', 'both'),
    settings ->> 'paging_service_id',
    coalesce(settings ->> 'paging_criticality', 'critical')::pagerduty.incident_level
  )
  on conflict (organization_id) do nothing;
  if not found and settings <> '{}' then
    update pagerduty.integrations i
    set
      enabled = coalesce((settings ->> 'enabled')::boolean, i.enabled),
      region = coalesce(settings ->> 'region', i.region),
      event_types = case when settings ? 'event_types' then types else i.event_types end,
      services = case when settings ? 'services' then chosen else i.services end,
      acting_email = case when settings ? 'acting_email' then settings ->> 'acting_email' else i.acting_email end,
      sync_status = coalesce(settings ->> 'sync_status', i.sync_status),
      sync_notes = coalesce(settings ->> 'sync_notes', i.sync_notes),
      paging_service_id = case when settings ? 'paging_service_id' then settings ->> 'paging_service_id' else i.paging_service_id end,
      paging_criticality = coalesce((settings ->> 'paging_criticality')::pagerduty.incident_level, i.paging_criticality)
    where i.organization_id = org;
    if not found then
      raise exception 'Only owners and admins may change the integration.' using errcode = '42501';
    end if;
    if settings ? 'integration_key' then
      -- Apart, since members may not read the column: here it is only written.
      update pagerduty.integrations i
      set integration_key = settings ->> 'integration_key'
      where i.organization_id = org;
    end if;
  end if;
  if credentials <> '{}' then
    perform pagerduty_private.save_credentials(org, credentials);
  end if;
  return pagerduty.get_integration(org);
end
$$;
comment on function pagerduty.save_integration(uuid, jsonb, jsonb) is 'Saves an organization''s PagerDuty settings (enabled, integration_key, region, event_types, services, acting_email, sync_status, sync_notes; an absent one stays) and sealed credentials (api_key, signing_secret: {"sealed", "last4"}; null removes). Answers the settings.';
revoke all on function pagerduty.save_integration(uuid, jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.save_integration(uuid, jsonb, jsonb) to authenticated;

-- supabase/schemas/functions/save_subscription.sql ---------------------------------------------------
-- The webhook subscription that was made in PagerDuty, and its secret, in one transaction.
create function pagerduty_private.write_subscription(organization_id uuid, subscription jsonb) returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  replaced text;
  scope_before jsonb;
  connected uuid;
  covers_the_same boolean;
begin
  if organization_id not in (select pagerduty_private.my_organizations('admin')) then
    raise exception 'Only owners and admins may connect PagerDuty.' using errcode = '42501';
  end if;
  -- Who connects at the same moment replaces what the other one made, and knows which.
  select i.subscription_id, i.subscription_scope, i.id into replaced, scope_before, connected
  from pagerduty.integrations i
  where i.organization_id = write_subscription.organization_id
  for no key update;
  if not found then
    raise exception 'PagerDuty is not set up in this organization yet.' using errcode = 'PT404';
  end if;
  update pagerduty.integrations i
  set
    subscription_id = subscription ->> 'id',
    subscription_scope = subscription -> 'scope',
    subscription_token = case when subscription is not null then i.webhook_token end,
    subscription_made_at = case when subscription is not null then clock_timestamp() end,
    subscription_proven_at = null
  where i.organization_id = write_subscription.organization_id;
  if subscription is null then
    delete from pagerduty_private.reconciliations r
    where r.integration_id = connected;
    return replaced;
  end if;
  covers_the_same := coalesce(scope_before - 'name' = (subscription -> 'scope') - 'name', false);
  -- Where one takes the place of another, what was missed between them is still to be read.
  insert into pagerduty_private.reconciliations as r (
    integration_id, organization_id, subscription_state, checked_at, pinged_at
  )
  values (connected, write_subscription.organization_id, 'on', clock_timestamp(), clock_timestamp())
  on conflict (integration_id) do update set
    begun_at = case when covers_the_same then r.begun_at else excluded.begun_at end,
    read_until = case when covers_the_same then r.read_until else excluded.read_until end,
    due_at = excluded.due_at,
    subscription_state = excluded.subscription_state,
    checked_at = excluded.checked_at,
    pinged_at = excluded.pinged_at,
    last_error = null;
  return replaced;
end
$$;
comment on function pagerduty_private.write_subscription(uuid, jsonb) is 'Writes which webhook subscription an integration has (null: none any more), for an owner or admin; answers the id of the one before it.';
revoke all on function pagerduty_private.write_subscription(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.write_subscription(uuid, jsonb) to authenticated;

create function pagerduty.save_subscription(
  organization_id uuid, subscription jsonb default null, credentials jsonb default '{}', settings jsonb default '{}'
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  replaced text;
begin
  replaced := pagerduty_private.write_subscription(save_subscription.organization_id, nullif(subscription, 'null'));
  return jsonb_build_object(
    'integration', pagerduty.save_integration(save_subscription.organization_id, settings, credentials),
    'replaced', replaced
  );
end
$$;
comment on function pagerduty.save_subscription(uuid, jsonb, jsonb, jsonb) is 'Saves the webhook subscription ({"id", "scope"}; null: none any more) that was made in PagerDuty for an organization, its sealed signing secret and what goes with it, as save_integration() takes them. Answers {"integration": as get_integration() answers it, "replaced": the id of the subscription before it, or null}.';
revoke all on function pagerduty.save_subscription(uuid, jsonb, jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.save_subscription(uuid, jsonb, jsonb, jsonb) to authenticated;

-- supabase/schemas/functions/get_sealed_api_key.sql --------------------------------------------------
-- For the connection test. Runs as the calling member, who gets nothing that they could open.
create function pagerduty_private.sealed_api_key(organization_id uuid) returns text
language sql
stable
security definer
set search_path = ''
as $$
  select c.api_key
  from pagerduty.credentials c
  where c.organization_id = sealed_api_key.organization_id
    and c.organization_id in (select pagerduty_private.my_organizations('admin'))
$$;
comment on function pagerduty_private.sealed_api_key(uuid) is 'The sealed API key, for owners and admins: of no use without the service''s own key, which no database holds.';
revoke all on function pagerduty_private.sealed_api_key(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.sealed_api_key(uuid) to authenticated;

create function pagerduty.get_sealed_api_key(organization_id uuid) returns text
language sql
stable
set search_path = ''
as $$ select pagerduty_private.sealed_api_key(organization_id) $$;
comment on function pagerduty.get_sealed_api_key(uuid) is 'Lets the service test the saved API key in an admin''s request without a role that sees more than the admin.';
revoke all on function pagerduty.get_sealed_api_key(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_sealed_api_key(uuid) to authenticated;

-- supabase/schemas/functions/list_notifications.sql --------------------------------------------------
-- The bell's lists. They run as the calling member: RLS decides what there is to read.
create function pagerduty_private.is_listed(
  f pagerduty.notification_feed, view text, unread boolean, status text[], urgency text, service text,
  without_incident boolean, words text
) returns boolean
language sql
stable
set search_path = ''
as $$
  select case view
      when 'all' then true
      when 'inbox' then not f.done and f.snoozed_until is null
      when 'snoozed' then f.snoozed_until is not null
      when 'done' then f.done
    end
    and (f.unread or not unread)
    and (status is null or f.pagerduty_status = any(status))
    and (urgency is null or f.urgency = urgency)
    and (service is null or lower(service) in (lower(f.service_id), lower(f.service_name)))
    and (not without_incident or f.incident_id is null)
    and (words is null or strpos(lower(concat_ws(' ', '#' || f.number, f.title, f.service_name)), lower(words)) > 0)
$$;
comment on function pagerduty_private.is_listed(pagerduty.notification_feed, text, boolean, text[], text, text, boolean, text) is 'Whether a row of the feed is in a view and fits the filters, of which null ones filter nothing.';
revoke all on function pagerduty_private.is_listed(pagerduty.notification_feed, text, boolean, text[], text, text, boolean, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.is_listed(pagerduty.notification_feed, text, boolean, text[], text, text, boolean, text) to authenticated;

create function pagerduty.list_notifications(
  organization_id uuid, view text default 'inbox', before bigint default null, at_most integer default 20,
  unread boolean default false, status text[] default null, urgency text default null, service text default null,
  without_incident boolean default false, words text default null
) returns setof pagerduty.notification_feed
language plpgsql
stable
set search_path = ''
-- Planned for the user and the organization at hand: one may have a million times the rows of another.
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  me constant uuid := auth.uid();
  -- Up to here, only what a receipt says otherwise of is in the inbox, or unread: who is through with a million rows
  -- does not pay for them.
  through constant bigint := coalesce((
    select case when list_notifications.unread then m.read_seq when list_notifications.view = 'inbox' then m.done_seq end
    from pagerduty.inbox_marks m
    where m.organization_id = list_notifications.organization_id
      and m.user_id = me
  ), 0);
  -- What is snoozed has a receipt in any case.
  beyond constant bigint := case when list_notifications.view = 'snoozed' then 9223372036854775807 else through end;
begin
  return query
  select listed.*
  from (
    (
      select f.*
      from pagerduty.notification_feed f
      where f.organization_id = list_notifications.organization_id
        and f.loud_seq > beyond
        and (before is null or f.loud_seq < before)
        and pagerduty_private.is_listed(
          f, view, list_notifications.unread, status, list_notifications.urgency, service, without_incident, words
        )
      order by f.loud_seq desc
      limit at_most
    )
    union all
    (
      select f.*
      from pagerduty.receipts r
      join pagerduty.notification_feed f on f.id = r.notification_id and f.loud_seq = r.seq
      where r.user_id = me
        and r.organization_id = list_notifications.organization_id
        and r.seq <= beyond
        and (list_notifications.view <> 'snoozed' or r.snoozed_until is not null)
        and (before is null or r.seq < before)
        and (list_notifications.unread or not r.done)
        and (not list_notifications.unread or not r.read)
        and pagerduty_private.is_listed(
          f, view, list_notifications.unread, status, list_notifications.urgency, service, without_incident, words
        )
      order by r.seq desc
      limit at_most
    )
  ) listed
  order by listed.loud_seq desc
  limit at_most;
end
$$;
comment on function pagerduty.list_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text) is 'An organization''s notifications in the order of their last loud change, newest first: those of a view (inbox, snoozed, done, all) whose loud_seq is less than "before", with these statuses, this urgency, this service (id or name, in any case), these words in title, service or number.';
revoke all on function pagerduty.list_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.list_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text) to authenticated;

create function pagerduty.changed_notifications(organization_id uuid, since bigint, at_most integer default 100)
returns setof pagerduty.notification_feed
language sql
stable
set search_path = ''
as $$
  select f.*
  from pagerduty.notification_feed f
  where f.organization_id = changed_notifications.organization_id
    and f.seq > since
  order by f.seq
  limit at_most
$$;
comment on function pagerduty.changed_notifications(uuid, bigint, integer) is 'What changed since a sequence number, in the order of the changes, whatever the calling user did with it: how to catch up.';
revoke all on function pagerduty.changed_notifications(uuid, bigint, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.changed_notifications(uuid, bigint, integer) to authenticated;

create function pagerduty.get_notifications(
  organization_id uuid, view text default 'inbox', before bigint default null, at_most integer default 20,
  unread boolean default false, status text[] default null, urgency text default null, service text default null,
  without_incident boolean default false, words text default null, changed_since bigint default null
) returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'newest_seq', coalesce((
      select n.seq
      from pagerduty.notifications n
      where n.organization_id = get_notifications.organization_id
      order by n.seq desc
      limit 1
    ), 0),
    'items', coalesce(case
      when changed_since is not null then (
        select jsonb_agg(to_jsonb(f) order by f.seq)
        from pagerduty.changed_notifications(organization_id, changed_since, at_most) f
      )
      else (
        select jsonb_agg(to_jsonb(f) order by f.loud_seq desc)
        from pagerduty.list_notifications(
          organization_id, view, before, at_most, unread, status, urgency, service, without_incident, words
        ) f
      )
    end, '[]')
  )
$$;
comment on function pagerduty.get_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text, bigint) is 'A page of list_notifications(), or with changed_since of changed_notifications(): {"items", "newest_seq"}, of one moment, so that catching up from newest_seq misses nothing.';
revoke all on function pagerduty.get_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text, bigint) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_notifications(uuid, text, bigint, integer, boolean, text[], text, text, boolean, text, bigint) to authenticated;

-- supabase/schemas/functions/count_unread_notifications.sql ------------------------------------------
-- Runs as the calling member: RLS decides what there is to read.
create function pagerduty.count_unread_notifications(organization_id uuid, at_most integer default 1000) returns integer
language plpgsql
stable
set search_path = ''
-- Planned for the organization at hand: one may have a million times the rows of another.
set plan_cache_mode = force_custom_plan
as $$
declare
  me constant uuid := auth.uid();
  through constant bigint := coalesce((
    select m.read_seq
    from pagerduty.inbox_marks m
    where m.organization_id = count_unread_notifications.organization_id
      and m.user_id = me
  ), 0);
begin
  return (
    select count(*)
    from (
      (
        select
        from pagerduty.notifications n
        left join pagerduty.receipts r on r.notification_id = n.id and r.user_id = me and r.seq = n.loud_seq
        where n.organization_id = count_unread_notifications.organization_id
          and n.loud_seq > through
          and case when r.seq is null then not n.is_quiet else not r.read and coalesce(r.snoozed_until <= now(), true) end
        order by n.loud_seq
        limit at_most
      )
      union all
      (
        select
        from pagerduty.receipts r
        join pagerduty.notifications n on n.id = r.notification_id and n.loud_seq = r.seq
        where r.user_id = me
          and r.organization_id = count_unread_notifications.organization_id
          and not r.read
          and r.seq <= through
          and coalesce(r.snoozed_until <= now(), true)
        limit at_most
      )
      limit at_most
    ) unread
  );
end
$$;
comment on function pagerduty.count_unread_notifications(uuid, integer) is 'How many notifications in the calling user''s inbox they have not read; stops counting at at_most, for a badge needs no more.';
revoke all on function pagerduty.count_unread_notifications(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.count_unread_notifications(uuid, integer) to authenticated;

create function pagerduty.unread_counts(organization_id uuid, at_most integer default 1000, elsewhere_at_most integer default 100)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'count', pagerduty.count_unread_notifications(organization_id, at_most),
    'others', coalesce((
      select jsonb_agg(jsonb_build_object('organization_id', o.id, 'name', o.name, 'count', counted.unread) order by o.name, o.id)
      from (
        select mine.id
        from pagerduty_private.my_organizations() as mine (id)
        where mine.id <> unread_counts.organization_id
        order by mine.id
        limit 100
      ) elsewhere
      join pagerduty.organizations o on o.id = elsewhere.id
      cross join lateral (
        select pagerduty.count_unread_notifications(o.id, elsewhere_at_most) as unread
      ) counted
      where counted.unread > 0
    ), '[]')
  )
$$;
comment on function pagerduty.unread_counts(uuid, integer, integer) is 'How many notifications the calling user has not read, in an organization ("count") and in their other ones, a hundred at most ("others", where there are any); counting stops at at_most, and elsewhere_at_most.';
revoke all on function pagerduty.unread_counts(uuid, integer, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.unread_counts(uuid, integer, integer) to authenticated;

-- supabase/schemas/functions/mark_notifications.sql --------------------------------------------------
-- What a user does with notifications. All but the word to their other tabs runs as that user: RLS decides.
create function pagerduty_private.tell_receipts(organization uuid, ids uuid[]) returns void
language sql
volatile
security definer
set search_path = ''
as $$
  select realtime.send(
    jsonb_build_object('organization_id', organization, 'notifications', case when cardinality(ids) <= 100 then (
      select jsonb_agg(jsonb_build_object(
        'id', r.notification_id, 'seq', r.seq, 'unread', not r.read, 'done', r.done, 'snoozed_until', r.snoozed_until
      ))
      from pagerduty.receipts r
      where r.user_id = auth.uid()
        and r.organization_id = organization
        and r.notification_id = any(ids)
    ) end),
    'receipt', 'pagerduty:user:' || auth.uid(), true
  )
$$;
comment on function pagerduty_private.tell_receipts(uuid, uuid[]) is 'Tells the calling user''s other tabs what they did with these notifications; with more than a hundred, or null for ids, only that they did something.';
revoke all on function pagerduty_private.tell_receipts(uuid, uuid[]) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.tell_receipts(uuid, uuid[]) to authenticated;

create function pagerduty_private.my_mark(organization uuid) returns pagerduty.inbox_marks
language plpgsql
set search_path = ''
as $$
declare
  mark pagerduty.inbox_marks;
begin
  insert into pagerduty.inbox_marks (organization_id)
  select organization
  where organization in (select pagerduty_private.my_organizations())
  on conflict do nothing;
  select * into mark
  from pagerduty.inbox_marks m
  where m.user_id = (select auth.uid())
    and m.organization_id = organization
  for update;
  return mark;
end
$$;
comment on function pagerduty_private.my_mark(uuid) is 'The calling user''s mark in an organization, made if there was none, and held until the transaction ends; null for who is not a member.';
revoke all on function pagerduty_private.my_mark(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.my_mark(uuid) to authenticated;

create function pagerduty_private.settle_inbox(organization uuid, for_done boolean, stretch integer default 1000) returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  mark constant pagerduty.inbox_marks := pagerduty_private.my_mark(organization);
  reached bigint;
begin
  select n.loud_seq into reached
  from pagerduty.notifications n
  where n.organization_id = organization
    and n.loud_seq > case when for_done then mark.done_seq else mark.read_seq end
  order by n.loud_seq
  offset stretch - 1
  limit 1;
  if reached is null then
    return; -- so few rows are sooner looked through than written
  end if;
  insert into pagerduty.receipts as r (notification_id, organization_id, seq, read)
  select n.id, organization, n.loud_seq, n.is_quiet or n.loud_seq <= mark.read_seq
  from pagerduty.notifications n
  where n.organization_id = organization
    and n.loud_seq > case when for_done then mark.done_seq else mark.read_seq end
    and n.loud_seq <= reached
    and (for_done or not n.is_quiet)
  on conflict (notification_id, user_id) do update
  set seq = excluded.seq, read = excluded.read, done = false, snoozed_until = null
  where r.seq < excluded.seq;
  update pagerduty.inbox_marks m
  set
    read_seq = case when for_done then m.read_seq else reached end,
    done_seq = case when for_done then reached else m.done_seq end
  where m.user_id = mark.user_id
    and m.organization_id = organization;
end
$$;
comment on function pagerduty_private.settle_inbox(uuid, boolean, integer) is 'Moves the calling user''s mark (of what is done, else of what is read) over the next stretch of notifications, and writes receipts for those of them that are not: what is read or done one by one costs the next count and list no more than what is read at once. It changes nothing that anybody sees.';
revoke all on function pagerduty_private.settle_inbox(uuid, boolean, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.settle_inbox(uuid, boolean, integer) to authenticated;

create function pagerduty.mark_notifications(
  organization_id uuid, ids uuid[], action text, until timestamptz default null, up_to bigint default null
) returns setof pagerduty.notification_feed
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  marked uuid[];
begin
  if action is null or action not in ('read', 'unread', 'done', 'undo', 'snooze') or (action = 'snooze' and until is null) then
    raise exception 'There is no such action.' using errcode = '22023';
  end if;
  with written as (
    insert into pagerduty.receipts as r (notification_id, organization_id, seq, read, done, snoozed_until)
    select
      f.id, f.organization_id, f.loud_seq,
      case when action in ('unread', 'snooze') then false when action = 'undo' then not f.unread else true end,
      case action when 'done' then true when 'read' then f.done else false end,
      case action when 'snooze' then until when 'read' then f.snoozed_until end
    from pagerduty.notification_feed f
    where f.organization_id = mark_notifications.organization_id
      and f.id = any(ids)
      and (up_to is null or f.loud_seq <= up_to)
    order by f.id -- one order, in which two tabs do not wait for one another
    on conflict (notification_id, user_id) do update
    set seq = excluded.seq, read = excluded.read, done = excluded.done, snoozed_until = excluded.snoozed_until
    returning r.notification_id
  )
  select array_agg(notification_id) into marked
  from written;
  if marked is not null then
    perform pagerduty_private.settle_inbox(mark_notifications.organization_id, action = 'done');
    perform pagerduty_private.tell_receipts(mark_notifications.organization_id, marked);
  end if;
  return query
  select f.*
  from pagerduty.notification_feed f
  where f.organization_id = mark_notifications.organization_id
    and f.id = any(ids)
  order by f.loud_seq desc;
end
$$;
comment on function pagerduty.mark_notifications(uuid, uuid[], text, timestamptz, bigint) is 'What the calling user does with some notifications: "read" or "unread" them; be "done" with them or "snooze" them until a time, which takes them out of the inbox; "undo" either. With up_to, only those whose loud_seq is not greater: what became loud after the user looked stays unread. Answers all of the ids that they may see, as they are now.';
revoke all on function pagerduty.mark_notifications(uuid, uuid[], text, timestamptz, bigint) from public, anon, authenticated, service_role;
grant execute on function pagerduty.mark_notifications(uuid, uuid[], text, timestamptz, bigint) to authenticated;

create function pagerduty.read_all_notifications(organization_id uuid, up_to bigint default null) returns integer
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  mark constant pagerduty.inbox_marks := pagerduty_private.my_mark(read_all_notifications.organization_id);
  newest constant bigint := least(up_to, (
    select n.loud_seq
    from pagerduty.notifications n
    where n.organization_id = read_all_notifications.organization_id
    order by n.loud_seq desc
    limit 1
  ));
  unread constant integer := pagerduty.count_unread_notifications(read_all_notifications.organization_id);
begin
  update pagerduty.receipts r
  set read = true
  where r.user_id = mark.user_id
    and r.organization_id = mark.organization_id
    and not r.read
    and r.seq <= newest
    and coalesce(r.snoozed_until <= now(), true);
  update pagerduty.inbox_marks m
  set read_seq = greatest(m.read_seq, newest)
  where m.user_id = mark.user_id
    and m.organization_id = mark.organization_id;
  perform pagerduty_private.tell_receipts(read_all_notifications.organization_id, null);
  return unread - pagerduty.count_unread_notifications(read_all_notifications.organization_id);
end
$$;
comment on function pagerduty.read_all_notifications(uuid, bigint) is 'Marks what is in the calling user''s inbox as read, up to a sequence number; answers how many, as far as they are counted. Costs the same however many they are.';
revoke all on function pagerduty.read_all_notifications(uuid, bigint) from public, anon, authenticated, service_role;
grant execute on function pagerduty.read_all_notifications(uuid, bigint) to authenticated;

-- supabase/schemas/functions/notification_events.sql -------------------------------------------------
-- A notification's history, for those who may see it: the events themselves, with what they brought, are for admins.
create function pagerduty_private.events_of(notification uuid, before timestamptz, before_id uuid, at_most integer)
returns table (
  id uuid, event_type text, headline text, agent_name text, pagerduty_status text, is_loud boolean,
  occurred_at timestamptz, received_at timestamptz
)
language sql
stable
security definer
set search_path = ''
as $$
  select e.id, e.event_type, e.headline, e.agent_name, e.pagerduty_status, e.is_loud, e.occurred_at, e.received_at
  from pagerduty.events e
  join pagerduty.notifications n on n.id = e.notification_id and n.organization_id = e.organization_id
  where e.notification_id = notification
    and n.organization_id in (select pagerduty_private.my_organizations())
    and (n.recipients is null or (select auth.uid()) = any(n.recipients))
    and not e.is_repeat
    and (before is null or (e.received_at, e.id) < (before, before_id))
  order by e.received_at desc, e.id desc
  limit at_most
$$;
comment on function pagerduty_private.events_of(uuid, timestamptz, uuid, integer) is 'The events of a notification that the calling user may see, newest first, without their payloads; a happening that was told twice stands once.';
revoke all on function pagerduty_private.events_of(uuid, timestamptz, uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.events_of(uuid, timestamptz, uuid, integer) to authenticated;

create function pagerduty.notification_events(
  notification_id uuid, before timestamptz default null, before_id uuid default null, at_most integer default 100
)
returns table (
  id uuid, event_type text, headline text, agent_name text, pagerduty_status text, is_loud boolean,
  occurred_at timestamptz, received_at timestamptz
)
language sql
stable
set search_path = ''
as $$ select * from pagerduty_private.events_of(notification_id, before, before_id, at_most) $$;
comment on function pagerduty.notification_events(uuid, timestamptz, uuid, integer) is 'The history of a notification that the calling user may see, newest first: what happened and by whom, with every text, what it told of the status, and whether it rang. With "before" and its id, what is older.';
revoke all on function pagerduty.notification_events(uuid, timestamptz, uuid, integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty.notification_events(uuid, timestamptz, uuid, integer) to authenticated;

-- supabase/schemas/functions/link_notification.sql ---------------------------------------------------
-- Attaches PagerDuty's incident to one that was made without it.
create function pagerduty_private.attach_notification(incident_id uuid, notification_id uuid) returns setof pagerduty.incidents
language plpgsql
security definer
set search_path = ''
as $$
declare
  ours pagerduty.incidents;
  origin pagerduty.notifications;
  told record;
begin
  select * into ours
  from pagerduty.incidents i
  where i.id = incident_id
    and i.organization_id in (select pagerduty_private.my_organizations());
  if not found then
    raise exception 'There is no such incident.' using errcode = 'PT404';
  end if;
  if ours.organization_id not in (select pagerduty_private.my_organizations('responder')) then
    raise insufficient_privilege;
  end if;
  -- An event that arrives meanwhile waits, and then finds the incident.
  perform pagerduty_private.next_seq(ours.organization_id);
  select * into ours
  from pagerduty.incidents i
  where i.id = incident_id
  for update;
  select * into origin
  from pagerduty.notifications n
  where n.id = attach_notification.notification_id
    and n.organization_id = ours.organization_id
    and (n.recipients is null or (select auth.uid()) = any(n.recipients));
  if origin.pagerduty_incident_id is null then
    raise exception 'There is no such notification of an incident in this organization.' using errcode = 'PT404';
  end if;
  if ours.pagerduty_incident_id <> origin.pagerduty_incident_id then
    raise exception 'It is linked to another PagerDuty incident.' using errcode = 'PT409';
  end if;
  select * into told from pagerduty_private.status_told(ours.organization_id, origin.pagerduty_incident_id);
  return query
  update pagerduty.incidents i
  set
    notification_id = origin.id,
    pagerduty_incident_id = origin.pagerduty_incident_id,
    pagerduty_url = origin.pagerduty_url,
    pagerduty_status = told.status,
    pagerduty_status_at = told.at
  where i.id = ours.id
  returning i.*;
end
$$;
comment on function pagerduty_private.attach_notification(uuid, uuid) is 'Links an incident to a notification''s PagerDuty incident, for responders and up.';
revoke all on function pagerduty_private.attach_notification(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.attach_notification(uuid, uuid) to authenticated;

create function pagerduty.link_notification(incident_id uuid, notification_id uuid) returns setof pagerduty.incidents
language sql
set search_path = ''
as $$ select * from pagerduty_private.attach_notification(incident_id, notification_id) $$;
comment on function pagerduty.link_notification(uuid, uuid) is 'Links an incident that exists to a notification''s PagerDuty incident: from then on it follows that one, whose past is told on its timeline; the status that it has stays until PagerDuty tells another. For responders and up. PT404: no such incident, or notification; PT409: it is linked to another one; 23505: another incident is linked to that one.';
revoke all on function pagerduty.link_notification(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.link_notification(uuid, uuid) to authenticated;

-- supabase/schemas/functions/rotate_webhook_url.sql --------------------------------------------------
-- A URL that became known is replaced without losing a webhook.
create function pagerduty_private.rotate_webhook_token(organization_id uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  if organization_id not in (select pagerduty_private.my_organizations('admin')) then
    raise exception 'Only owners and admins may change the webhook URL.' using errcode = '42501';
  end if;
  -- PagerDuty retries a webhook for 48 hours: as long, one that was sent to the URL before is still good.
  update pagerduty.integrations i
  set
    previous_webhook_token = i.webhook_token,
    previous_webhook_token_expires_at = now() + interval '48 hours',
    webhook_token = pagerduty_private.new_webhook_token()
  where i.organization_id = rotate_webhook_token.organization_id;
end
$$;
comment on function pagerduty_private.rotate_webhook_token(uuid) is 'Gives an integration a new webhook token, for an owner or admin; the one before it is taken for 48 hours more, the one before that no longer.';
revoke all on function pagerduty_private.rotate_webhook_token(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.rotate_webhook_token(uuid) to authenticated;

create function pagerduty.rotate_webhook_url(organization_id uuid) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  perform pagerduty_private.rotate_webhook_token(organization_id);
  return pagerduty.get_integration(organization_id);
end
$$;
comment on function pagerduty.rotate_webhook_url(uuid) is 'Gives an organization''s integration a new webhook URL; the one before it is taken for 48 hours more. Answers the settings, as get_integration() does.';
revoke all on function pagerduty.rotate_webhook_url(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.rotate_webhook_url(uuid) to authenticated;

-- supabase/schemas/functions/send_test_alert.sql -----------------------------------------------------
-- What an admin can see before PagerDuty sends anything: an alert through all that a webhook's event goes through, but for
-- the service's door. It says nothing of PagerDuty, and does not count as an event of it.
create function pagerduty_private.test_event(sent_by text) returns jsonb
language sql
volatile
set search_path = ''
as $$
  select jsonb_build_object(
    'event_id', id,
    'family', 'test',
    'event_type', 'incident.triggered',
    'known', true,
    'loud', true,
    'subject', 'test:' || id,
    'agent_name', sent_by,
    'occurred_at', clock_timestamp(),
    'integration_keys', '[]'::jsonb,
    'told_status', 'triggered',
    'headline', 'Test alert, sent by ' || sent_by,
    'payload', jsonb_build_object('test', true),
    'notification', jsonb_build_object(
      'title', title,
      'body', text,
      'facts', jsonb_build_array(jsonb_build_array('Sent by', sent_by)),
      'described', jsonb_build_object('title', title, 'urgency', 'high', 'written', text),
      'prefill', jsonb_build_object(
        'title', title, 'description', text || E'\n\nSent by: ' || sent_by,
        'criticality', 'low', 'urgency', 'low', 'customer', '', 'tags', jsonb_build_array('test')
      )
    )
  )
  from (
    select
      gen_random_uuid()::text as id,
      'Test alert: nothing is wrong' as title,
      'Sent from the settings to see how an alert arrives.' as text
  ) made
$$;
comment on function pagerduty_private.test_event(text) is 'A test alert as an event of ingest_event(), with an id of its own.';
revoke all on function pagerduty_private.test_event(text) from public, anon, authenticated, service_role;

create function pagerduty_private.ingest_test_alert(organization_id uuid) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  integration pagerduty.integrations;
  sender text;
begin
  if organization_id not in (select pagerduty_private.my_organizations('admin')) then
    raise exception 'Only owners and admins may send a test alert.' using errcode = '42501';
  end if;
  -- One at a time, and in turn with the organization's webhooks.
  select * into integration
  from pagerduty.integrations i
  where i.organization_id = ingest_test_alert.organization_id
  for no key update;
  if integration.id is null then
    raise exception 'PagerDuty is not set up in this organization yet.' using errcode = 'PT404';
  end if;
  if not integration.enabled then
    raise exception 'PagerDuty is switched off: nobody would be told.' using errcode = 'PT409';
  end if;
  if (
    select count(*) >= 5
    from pagerduty.events e
    where e.organization_id = ingest_test_alert.organization_id
      and e.received_at > now() - interval '1 minute'
      and e.family = 'test'
  ) then
    raise exception 'Five test alerts a minute are enough.' using errcode = 'PT429';
  end if;
  -- It is not what the filters are for.
  integration.event_types := null;
  integration.services := null;
  integration.integration_key := null;
  select coalesce(nullif(m.display_name, ''), m.email, 'an admin') into sender
  from pagerduty.memberships m
  where m.organization_id = ingest_test_alert.organization_id
    and m.user_id = auth.uid();
  return pagerduty_private.ingest_event(integration, pagerduty_private.test_event(sender));
end
$$;
comment on function pagerduty_private.ingest_test_alert(uuid) is 'Takes a test alert for an organization, for its owners and admins: five a minute.';
revoke all on function pagerduty_private.ingest_test_alert(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.ingest_test_alert(uuid) to authenticated;

create function pagerduty.send_test_alert(organization_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select jsonb_build_object('notification_id', pagerduty_private.ingest_test_alert(send_test_alert.organization_id) -> 'notification_id')
$$;
comment on function pagerduty.send_test_alert(uuid) is 'Tells everybody in an organization of a test alert, as of one of PagerDuty''s; answers its "notification_id". For owners and admins, five a minute; filters do not apply, and health does not count it.';
revoke all on function pagerduty.send_test_alert(uuid) from public, anon, authenticated, service_role;
grant execute on function pagerduty.send_test_alert(uuid) to authenticated;

-- supabase/schemas/functions/integration_of_token.sql ------------------------------------------------
-- The one place that knows which tokens an integration has. In plpgsql, which keeps its plan from call to call.
create function pagerduty_private.integration_of_token(token text) returns uuid
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select i.id
    from pagerduty.integrations i
    where i.webhook_token = token
      or (i.previous_webhook_token = token and i.previous_webhook_token_expires_at > now())
      or (token is null and i.accept_bare_url)
  );
end
$$;
comment on function pagerduty_private.integration_of_token(text) is 'The integration that a webhook is for: by its URL''s token, by the token before it until that expires, or without one the integration that accepts the bare URL. Null: unknown.';
revoke all on function pagerduty_private.integration_of_token(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.integration_of_token(text) to service_role;

-- supabase/schemas/functions/get_webhook.sql ---------------------------------------------------------
-- The service calls this with its secret key; nobody else may.
create function pagerduty.get_webhook(token text default null) returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'organization_id', i.organization_id,
    'enabled', i.enabled,
    'settings_version', i.settings_version,
    'signing_secrets', to_jsonb(array_remove(array[
      c.signing_secret,
      case when c.previous_signing_secret_expires_at > now() then c.previous_signing_secret end
    ], null))
  )
  from pagerduty.integrations i
  left join pagerduty.credentials c on c.organization_id = i.organization_id
  where i.id = (select pagerduty_private.integration_of_token(token))
$$;
comment on function pagerduty.get_webhook(text) is 'What the service must know to verify a webhook: for a token, or without one for the integration that accepts the bare URL. Null: unknown.';
revoke all on function pagerduty.get_webhook(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.get_webhook(text) to service_role;

-- supabase/schemas/functions/report_problem.sql ------------------------------------------------------
-- The service calls this with its secret key; nobody else may.
create function pagerduty.report_problem(token text, problem text) returns void
language sql
volatile
set search_path = ''
as $$
  update pagerduty.integrations i
  set last_error = left(problem, 500), last_error_at = now()
  where i.id = (select pagerduty_private.integration_of_token(token))
$$;
comment on function pagerduty.report_problem(text, text) is 'Remembers why a webhook was refused, so that an admin can see it in the settings.';
revoke all on function pagerduty.report_problem(text, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty.report_problem(text, text) to service_role;

-- supabase/schemas/functions/service_of_event.sql ----------------------------------------------------
-- Part of ingest_events(): what the filter by service goes by.
create function pagerduty_private.service_of_event(organization uuid, event jsonb) returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when (told.id is null and told.name is null)
      or (told.name is null and told.id = known.service_id)
      or (told.id is null and told.name = known.service_name)
      then jsonb_build_object('id', known.service_id, 'name', known.service_name)
    else jsonb_build_object('id', told.id, 'name', told.name)
  end
  from (select event #>> '{service,id}' as id, event #>> '{service,name}' as name) told
  left join lateral (
    select e.service_id, e.service_name
    from pagerduty.events e
    where (told.id is null or told.name is null)
      and e.organization_id = organization
      and e.pagerduty_incident_id = event #>> '{incident,id}'
      and (e.service_id is not null or e.service_name is not null)
    order by least(e.occurred_at, e.received_at) desc, e.received_at desc
    limit 1
  ) known on true
$$;
comment on function pagerduty_private.service_of_event(uuid, jsonb) is 'The service, {"id", "name"}, that an event belongs to: the one that it names, completed with what is remembered of it; where it names none, as notes and tasks do not, the one that is remembered of its incident.';
revoke all on function pagerduty_private.service_of_event(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.service_of_event(uuid, jsonb) to service_role;

-- supabase/schemas/functions/reason_to_ignore.sql ----------------------------------------------------
-- Part of ingest_events().
create function pagerduty_private.reason_to_ignore(integration pagerduty.integrations, event jsonb) returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when not integration.enabled then 'integration_disabled'
    when event ->> 'event_type' = 'pagey.ping' then 'ping'
    when not (event ->> 'known')::boolean then 'unknown_event_type'
    when jsonb_typeof(event -> 'notification') is distinct from 'object' then 'nothing_to_show'
  end
$$;
comment on function pagerduty_private.reason_to_ignore(pagerduty.integrations, jsonb) is 'Why nothing at all follows from an event; null if something does.';
revoke all on function pagerduty_private.reason_to_ignore(pagerduty.integrations, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.reason_to_ignore(pagerduty.integrations, jsonb) to service_role;

create function pagerduty_private.reason_to_tell_nobody(integration pagerduty.integrations, event jsonb, service jsonb) returns text
language sql
stable
set search_path = ''
as $$
  select case
    when event ->> 'event_type' <> all (integration.event_types) then 'event_type_not_taken'
    when not coalesce(event -> 'integration_keys', '[]') ? integration.integration_key
      -- Notes, tasks and the like name no service: they go with the incident that they are about.
      and (event -> 'integration_keys' <> '[]' or not exists (
        select from pagerduty.notifications n
        where n.organization_id = integration.organization_id
          and n.subject = event ->> 'subject'
      ))
      then 'integration_key_mismatch'
    when integration.services is not null and not exists (
      select from unnest(integration.services) as chosen
      where lower(chosen) in (lower(service ->> 'id'), lower(service ->> 'name'))
    )
      then 'service_not_taken'
  end
$$;
comment on function pagerduty_private.reason_to_tell_nobody(pagerduty.integrations, jsonb, jsonb) is 'Why an integration''s filters make no notification of an event, whose service is that of service_of_event(); null if they do. A null setting filters nothing. What is known of a linked incident does not depend on them.';
revoke all on function pagerduty_private.reason_to_tell_nobody(pagerduty.integrations, jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.reason_to_tell_nobody(pagerduty.integrations, jsonb, jsonb) to service_role;

-- supabase/schemas/functions/settle_facts.sql --------------------------------------------------------
-- Part of keep_notification(): the lines of a description that an event tells alone.
create function pagerduty_private.facts_in_time(told jsonb, settled_at jsonb, told_at timestamptz) returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when settled_at = '{}' then coalesce(told, '[]')
    else coalesce((
      select jsonb_agg(fact order by ordinal)
      from jsonb_array_elements(told) with ordinality as t (fact, ordinal)
      where coalesce((settled_at ->> (fact ->> 0))::timestamptz <= told_at, true)
    ), '[]')
  end
$$;
comment on function pagerduty_private.facts_in_time(jsonb, jsonb, timestamptz) is 'Of the facts, [[label, value], …], that an event told for a time, those that no later event settled: "settled_at" has a time for each label.';
revoke all on function pagerduty_private.facts_in_time(jsonb, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.facts_in_time(jsonb, jsonb, timestamptz) to service_role;

create function pagerduty_private.settle_facts(facts jsonb, settles jsonb) returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(jsonb_agg(fact order by ordinal), '[]')
  from (
    select coalesce(s.settled, f.fact) as fact, f.ordinal
    from jsonb_array_elements(facts) with ordinality as f (fact, ordinal)
    left join jsonb_array_elements(settles) as s (settled) on s.settled -> 0 = f.fact -> 0
    union all
    select s.settled, 1000 + s.ordinal
    from jsonb_array_elements(settles) with ordinality as s (settled, ordinal)
    where not exists (
      select from jsonb_array_elements(facts) as f (fact)
      where f.fact -> 0 = s.settled -> 0
    )
  ) merged
  where fact -> 1 <> 'null'
$$;
comment on function pagerduty_private.settle_facts(jsonb, jsonb) is 'The facts, [[label, value], …], with those that are settled in their place, new ones last; a null value says that there is none.';
revoke all on function pagerduty_private.settle_facts(jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.settle_facts(jsonb, jsonb) to service_role;

create function pagerduty_private.settle(described pagerduty.notifications, settles jsonb, told_at timestamptz) returns pagerduty.notifications
language plpgsql
stable
set search_path = ''
as $$
declare
  bridge constant jsonb := (
    select fact -> 1
    from jsonb_array_elements(settles) as s (fact)
    where fact ->> 0 = 'Conference link'
  );
begin
  described.facts := pagerduty_private.settle_facts(described.facts, settles);
  described.settled_at := described.settled_at || coalesce((
    select jsonb_object_agg(fact ->> 0, told_at)
    from jsonb_array_elements(settles) as s (fact)
  ), '{}');
  if bridge is not null then
    described.conference_url := bridge #>> '{}';
  end if;
  return described;
end
$$;
comment on function pagerduty_private.settle(pagerduty.notifications, jsonb, timestamptz) is 'The notification with facts, [[label, value], …], as an event settled them for a time: these lines of its description, and what of them has a column.';
revoke all on function pagerduty_private.settle(pagerduty.notifications, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.settle(pagerduty.notifications, jsonb, timestamptz) to service_role;

-- supabase/schemas/functions/keep_notification.sql ---------------------------------------------------
-- Part of ingest_events(): from an event to the row that the bell shows.
create function pagerduty_private.merge_facts(first jsonb, then_ones jsonb, status text) returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    case
      when fact ->> 0 = 'Status' and status is not null then jsonb_build_array('Status', status)
      else fact
    end
    order by ordinal
  ), '[]')
  from (
    select fact, ordinal
    from jsonb_array_elements(first) with ordinality as f (fact, ordinal)
    union all
    select fact, 1000 + ordinal
    from jsonb_array_elements(then_ones) with ordinality as t (fact, ordinal)
    where not exists (
      select from jsonb_array_elements(first) as f (known)
      where known -> 0 = t.fact -> 0
    )
  ) merged
  where fact -> 1 <> 'null'
$$;
comment on function pagerduty_private.merge_facts(jsonb, jsonb, text) is 'The facts, [[label, value], …], of the first list and those of the second that the first says nothing of; a null value says that there is none. The status is the one given.';
revoke all on function pagerduty_private.merge_facts(jsonb, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.merge_facts(jsonb, jsonb, text) to service_role;

create function pagerduty_private.description(title text, written text, facts jsonb) returns text
language sql
immutable
set search_path = ''
as $$
  select left(coalesce(written, title), 20000 - 2 - length(block)) || coalesce(E'\n\n' || nullif(block, ''), '')
  from (
    select left(coalesce(string_agg((fact ->> 0) || ': ' || (fact ->> 1), E'\n' order by ordinal), ''), 10000) as block
    from jsonb_array_elements(facts) with ordinality as f (fact, ordinal)
  ) lines
$$;
comment on function pagerduty_private.description(text, text, jsonb) is 'The description that a form is filled in with: what was written (without anything: the title), a blank line, and a line for each fact.';
revoke all on function pagerduty_private.description(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.description(text, text, jsonb) to service_role;

create function pagerduty_private.merge_prefill(known jsonb, event jsonb, wins boolean, names_service boolean) returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when known is null then prefill
    when wins then known || jsonb_strip_nulls(prefill - unknown)
    when names_service then (prefill - unknown) || known || jsonb_build_object('customer', prefill -> 'customer')
    else (prefill - unknown) || known
  end
  from (
    select
      event #> '{notification,prefill}' as prefill,
      -- What stands there for want of anything better.
      array_remove(array[
        case when event #>> '{incident,title}' is null then 'title' end,
        case when event #>> '{incident,service_name}' is null then 'customer' end
      ], null) || case
        when event #>> '{incident,status}' is null then '{criticality,urgency,status,tags}'::text[]
        else '{}'
      end as unknown
  ) told
$$;
comment on function pagerduty_private.merge_prefill(jsonb, jsonb, boolean, boolean) is 'A prefill (null: none yet) with what an event''s says; where both say something, the event wins or does not; or only the service wins that it names.';
revoke all on function pagerduty_private.merge_prefill(jsonb, jsonb, boolean, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.merge_prefill(jsonb, jsonb, boolean, boolean) to service_role;

create function pagerduty_private.describe(known pagerduty.notifications, event jsonb, told_at timestamptz) returns pagerduty.notifications
language plpgsql
stable
set search_path = ''
as $$
declare
  shown constant jsonb := event -> 'notification';
  -- What a later event settled alone, no description of before unsettles.
  is_bridge_settled constant boolean := coalesce((known.settled_at ->> 'Conference link')::timestamptz > told_at, false);
  told constant jsonb := jsonb_strip_nulls(shown -> 'described') - case when is_bridge_settled then 'conference_url' else '' end;
  facts constant jsonb := pagerduty_private.facts_in_time(shown -> 'facts', known.settled_at, told_at);
  settles jsonb := pagerduty_private.facts_in_time(shown -> 'settles', known.settled_at, told_at);
  -- A reference, as notes and tasks carry, is no description; nor is what is older than the one that is known.
  is_reference constant boolean := event #>> '{incident,id}' is not null and event #>> '{incident,status}' is null;
  wins constant boolean := known.described_at is null or (not is_reference and told_at >= known.described_at);
  -- Yet the service that it names is the event's own.
  names_service constant boolean := is_reference and told_at >= known.described_at and told ? 'service_name';
  described pagerduty.notifications;
begin
  described := jsonb_populate_record(known, case when wins then told else told || jsonb_strip_nulls(to_jsonb(known)) end);
  described.title := coalesce(described.title, shown ->> 'title');
  if names_service then
    described.service_id := told ->> 'service_id';
    described.service_name := told ->> 'service_name';
  end if;
  if wins and not is_reference then
    described.described_at := told_at;
    -- Of these, nothing is a value too.
    described.priority := told ->> 'priority';
    described.assignees := array(select jsonb_array_elements_text(told -> 'assignees'));
  end if;
  if shown -> 'prefill' <> 'null' then
    described.facts := case
      when wins or names_service then pagerduty_private.merge_facts(facts, known.facts, known.pagerduty_status)
      else pagerduty_private.merge_facts(known.facts, facts, known.pagerduty_status)
    end;
    if told_at < known.described_at then
      -- A later description of the whole has told these.
      settles := (
        select coalesce(jsonb_agg(fact), '[]')
        from jsonb_array_elements(settles) as s (fact)
        where fact ->> 0 not in ('Conference link', 'Conference number', 'Type')
      );
    end if;
    if settles <> '[]' then
      described := pagerduty_private.settle(described, settles, told_at);
    end if;
    described.prefill := pagerduty_private.merge_prefill(known.prefill, event, wins, names_service) || jsonb_strip_nulls(jsonb_build_object(
      'status', pagerduty_private.status_from_pagerduty(known.pagerduty_status),
      'description', case
        when known.id is not null
        then pagerduty_private.description(described.title, described.written, described.facts)
      end
    ));
  end if;
  return described;
end
$$;
comment on function pagerduty_private.describe(pagerduty.notifications, jsonb, timestamptz) is 'The notification with what an event says of its subject: a later description wins, and nothing that is known is lost to one that does not say it; what an event settles that only refers to the subject, stands. The status is not its business.';
revoke all on function pagerduty_private.describe(pagerduty.notifications, jsonb, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.describe(pagerduty.notifications, jsonb, timestamptz) to service_role;

create function pagerduty_private.write_notification(kept pagerduty.notifications, organization uuid, subject text, arrived timestamptz) returns uuid
language sql
volatile
set search_path = ''
as $$
  insert into pagerduty.notifications as n (
    organization_id, subject, title, number, pagerduty_incident_id, pagerduty_status, pagerduty_status_at, acknowledged_by,
    urgency, priority, service_id, service_name, assignees, conference_url, pagerduty_url, prefill, written, facts, described_at, settled_at,
    event_type, body, occurred_at, events, seq, loud_seq, is_quiet, loud_at, created_at, changed_at
  )
  values (
    organization, subject, kept.title, kept.number, kept.pagerduty_incident_id, kept.pagerduty_status, kept.pagerduty_status_at,
    kept.acknowledged_by, kept.urgency, kept.priority, kept.service_id, kept.service_name, kept.assignees, kept.conference_url,
    kept.pagerduty_url, kept.prefill, kept.written, kept.facts, kept.described_at, kept.settled_at,
    kept.event_type, kept.body, kept.occurred_at, kept.events + 1, kept.seq, kept.loud_seq, kept.is_quiet, kept.loud_at,
    kept.created_at, arrived
  )
  on conflict (organization_id, subject) do update set
    title = excluded.title,
    number = excluded.number,
    pagerduty_status = excluded.pagerduty_status,
    pagerduty_status_at = excluded.pagerduty_status_at,
    acknowledged_by = excluded.acknowledged_by,
    urgency = excluded.urgency,
    priority = excluded.priority,
    service_id = excluded.service_id,
    service_name = excluded.service_name,
    assignees = excluded.assignees,
    conference_url = excluded.conference_url,
    pagerduty_url = excluded.pagerduty_url,
    prefill = excluded.prefill,
    written = excluded.written,
    facts = excluded.facts,
    described_at = excluded.described_at,
    settled_at = excluded.settled_at,
    event_type = excluded.event_type,
    body = excluded.body,
    occurred_at = excluded.occurred_at,
    events = excluded.events,
    seq = excluded.seq,
    loud_seq = excluded.loud_seq,
    is_quiet = excluded.is_quiet,
    loud_at = excluded.loud_at,
    changed_at = excluded.changed_at
  returning n.id
$$;
comment on function pagerduty_private.write_notification(pagerduty.notifications, uuid, text, timestamptz) is 'Writes the one row of a subject, new or changed by one event more.';
revoke all on function pagerduty_private.write_notification(pagerduty.notifications, uuid, text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.write_notification(pagerduty.notifications, uuid, text, timestamptz) to service_role;

create function pagerduty_private.keep_notification(organization uuid, event jsonb, arrived timestamptz, repeats boolean, tells boolean) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  kept pagerduty.notifications;
  told constant text := event ->> 'told_status';
  -- A time in the future counts as the time of arrival, as none at all does.
  told_at constant timestamptz := least((event ->> 'occurred_at')::timestamptz, arrived);
  is_loud constant boolean := (event ->> 'loud')::boolean;
  moves boolean := false;
  rings boolean;
  seq constant bigint := pagerduty_private.next_seq(organization);
begin
  select * into kept
  from pagerduty.notifications n
  where n.organization_id = organization
    and n.subject = event ->> 'subject';
  if kept.id is null and not tells then
    return null;
  end if;
  if pagerduty_private.is_news(told, told_at, kept.pagerduty_status, kept.pagerduty_status_at) then
    moves := told is distinct from kept.pagerduty_status;
    kept.pagerduty_status := told;
    kept.pagerduty_status_at := told_at;
    kept.acknowledged_by := case told
      when 'acknowledged' then coalesce(event ->> 'agent_name', kept.acknowledged_by)
      when 'resolved' then kept.acknowledged_by
    end;
  end if;
  kept.pagerduty_status := coalesce(kept.pagerduty_status, event #>> '{incident,status}');
  rings := tells and not repeats and not coalesce((event ->> 'recorded')::boolean, false) and case
    when kept.id is null then kept.pagerduty_status is distinct from 'resolved'
    when told is not null then moves and is_loud
    else is_loud and kept.pagerduty_status is distinct from 'resolved'
  end;
  kept.seq := seq;
  if kept.id is null then
    kept.is_quiet := not rings;
    kept.events := 0;
    kept.assignees := '{}';
    kept.facts := '[]';
    kept.settled_at := '{}';
    kept.created_at := arrived;
  end if;
  if rings or kept.id is null then
    kept.loud_seq := kept.seq;
    kept.loud_at := arrived;
    kept.event_type := event ->> 'event_type';
    kept.body := event #>> '{notification,body}';
    kept.occurred_at := (event ->> 'occurred_at')::timestamptz;
    kept.is_quiet := kept.is_quiet and not rings;
  end if;
  kept := pagerduty_private.describe(kept, event, told_at);
  return jsonb_build_object(
    'outcome', case when kept.id is null then 'created' else 'updated' end,
    'id', pagerduty_private.write_notification(kept, organization, event ->> 'subject', arrived),
    'loud', rings
  );
end
$$;
comment on function pagerduty_private.keep_notification(uuid, jsonb, timestamptz, boolean, boolean) is 'Makes or changes the notification of an event''s subject; answers its id, the outcome (created, updated) and whether the change is loud, or null where the subject is not known and nobody is to be told of it. A change is loud if the event is of a loud type, moved the status if it told one, and repeats nothing; the first one, unless the incident is resolved. One that is merely recorded never is.';
revoke all on function pagerduty_private.keep_notification(uuid, jsonb, timestamptz, boolean, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.keep_notification(uuid, jsonb, timestamptz, boolean, boolean) to service_role;

-- supabase/schemas/functions/name_service.sql --------------------------------------------------------
-- Part of ingest_events(): the incidents of a service follow its name.
create function pagerduty_private.name_service(organization uuid, service jsonb, told_at timestamptz, arrived timestamptz) returns void
language plpgsql
set search_path = ''
as $$
declare
  renamed pagerduty.notifications;
begin
  for renamed in
    select n.*
    from pagerduty.notifications n
    where n.organization_id = organization
      and n.service_id = service ->> 'id'
      and n.pagerduty_incident_id is not null
      and n.pagerduty_status is distinct from 'resolved'
      and n.service_name is distinct from service ->> 'name'
      and coalesce(n.described_at <= told_at, true)
    -- Of a service with more open incidents, the others follow with their next event.
    order by n.loud_seq desc
    limit 200
    for update
  loop
    renamed.facts := pagerduty_private.settle_facts(renamed.facts, jsonb_build_array(jsonb_build_array('Service', service ->> 'name')));
    update pagerduty.notifications n
    set
      service_name = service ->> 'name',
      facts = renamed.facts,
      prefill = n.prefill || jsonb_build_object(
        'customer', service ->> 'name',
        'description', pagerduty_private.description(n.title, n.written, renamed.facts),
        'tags', (
          select coalesce(jsonb_agg(
            case when tag = 'service:' || n.service_name then 'service:' || (service ->> 'name') else tag end
            order by ordinal
          ), '[]')
          from jsonb_array_elements_text(n.prefill -> 'tags') with ordinality as t (tag, ordinal)
        )
      ),
      seq = pagerduty_private.next_seq(organization),
      changed_at = arrived
    where n.id = renamed.id;
    perform pagerduty_private.tell_organization(f.organization_id, 'notification', to_jsonb(f) || '{"loud": false}')
    from pagerduty.notification_feed f
    where f.id = renamed.id;
  end loop;
end
$$;
comment on function pagerduty_private.name_service(uuid, jsonb, timestamptz, timestamptz) is 'Writes the name of a service, {"id", "name"}, into the notifications of its incidents that are not over and were last described before: quietly.';
revoke all on function pagerduty_private.name_service(uuid, jsonb, timestamptz, timestamptz) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.name_service(uuid, jsonb, timestamptz, timestamptz) to service_role;

-- supabase/schemas/functions/move_linked_incident.sql ------------------------------------------------
-- Part of ingest_events(): from an event to the incident that somebody made of it.
create function pagerduty_private.move_linked_incident(
  received pagerduty.events, integration pagerduty.integrations, echoes boolean
) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  linked pagerduty.incidents;
  told constant pagerduty.incident_status := pagerduty_private.status_from_pagerduty(received.pagerduty_status);
  -- A time in the future counts as the time of arrival, as none at all does.
  told_at constant timestamptz := least(received.occurred_at, received.received_at);
  is_news boolean;
  moves boolean;
  changes boolean;
begin
  select * into linked
  from pagerduty.incidents i
  where i.organization_id = received.organization_id
    and i.pagerduty_incident_id = received.pagerduty_incident_id
  for update;
  if linked.id is null then
    return null;
  end if;
  is_news := pagerduty_private.is_news(received.pagerduty_status, told_at, linked.pagerduty_status, linked.pagerduty_status_at);
  moves := is_news
    and integration.sync_status in ('both', 'from_pagerduty')
    -- What PagerDuty says to what it was told is no news, unless it has something else to hear yet: then that stands.
    and (not echoes or not pagerduty_private.is_telling_another(linked, received.pagerduty_status))
    and received.pagerduty_status is distinct from linked.pagerduty_status
    and told_at > coalesce(linked.member_status_at, '-infinity');
  if is_news then
    update pagerduty.incidents i
    set
      pagerduty_status = received.pagerduty_status,
      pagerduty_status_at = told_at,
      -- One that was made here and then paged begins without.
      notification_id = coalesce(i.notification_id, received.notification_id),
      status = case when moves then told else i.status end,
      pagerduty_event_id = case when moves then received.id else i.pagerduty_event_id end
    where i.id = linked.id;
  end if;
  changes := moves and told <> linked.status;
  if changes and not echoes then
    perform pagerduty_private.overtake_outbox(linked, received.pagerduty_status);
  end if;
  -- What was done here is on the timeline already.
  if (echoes and not changes)
    or (received.is_repeat and not changes)
    or (received.event_type = 'incident.annotated' and integration.sync_notes not in ('both', 'from_pagerduty'))
  then
    return linked.id;
  end if;
  insert into pagerduty.incident_updates (
    incident_id, organization_id, kind, body, status_from, status_to, author_id, event_id
  )
  values (
    linked.id, received.organization_id, 'pagerduty', coalesce(received.headline, received.event_type),
    case when changes then linked.status end,
    case when changes then told end,
    null, received.id
  );
  return linked.id;
end
$$;
comment on function pagerduty_private.move_linked_incident(pagerduty.events, pagerduty.integrations, boolean) is 'Writes an event on the timeline of the incident that is linked to its PagerDuty incident. Moves the status of that one if the event is a transition (it tells another status than PagerDuty told last, and no older one) and later than the member''s own last change, and the organization takes the status from PagerDuty. An echo of what PagerDuty was told from here is no news.';
revoke all on function pagerduty_private.move_linked_incident(pagerduty.events, pagerduty.integrations, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.move_linked_incident(pagerduty.events, pagerduty.integrations, boolean) to service_role;

-- supabase/schemas/functions/ingest_webhooks.sql -----------------------------------------------------
-- Receiving webhooks. The service calls this with its secret key; nobody else may.
create function pagerduty_private.told_before(organization uuid, event jsonb) returns text
language sql
stable
set search_path = ''
as $$
  select e.family
  from pagerduty.events e
  where e.organization_id = organization
    and e.pagerduty_incident_id = event #>> '{incident,id}'
    and e.notification_id is not null
    and e.event_type = event ->> 'event_type'
    -- V2 and the log tell whole seconds.
    and e.occurred_at between (event ->> 'occurred_at')::timestamptz - interval '2 seconds'
      and (event ->> 'occurred_at')::timestamptz + interval '2 seconds'
    -- Two notes may be written within a second; the log may have more of one.
    and (
      event ->> 'told_status' is not null
      or (event ->> 'loud')::boolean
      or e.headline = event ->> 'headline'
      or e.family = 'log'
    )
  order by e.family = 'log'
  limit 1
$$;
comment on function pagerduty_private.told_before(uuid, jsonb) is 'The family of another event that told of this happening before, null if none did: two feeds of one service are on (a V2 extension beside a V3 subscription, or two subscriptions), each with ids of its own; or it was taken from PagerDuty''s log (log), and the webhook comes late.';
revoke all on function pagerduty_private.told_before(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.told_before(uuid, jsonb) to service_role;

create function pagerduty_private.take_echo(organization uuid, event jsonb) returns boolean
language plpgsql
set search_path = ''
as $$
begin
  -- By what stands there, and not by a mark in the text: it may come before the answer to our own request.
  update pagerduty.outbox o
  set echoed_at = clock_timestamp()
  where o.id = (
    select told.id
    from pagerduty.outbox told
    join pagerduty.incidents i on i.id = told.incident_id and i.organization_id = told.organization_id
    where told.organization_id = organization
      and i.pagerduty_incident_id = event #>> '{incident,id}'
      and told.attempted_at is not null
      and told.echoed_at is null
      -- Only what was sent, or may have been: PagerDuty says nothing to what it was not told.
      and case told.state
        when 'sent' then told.acted_as is not null or told.attempts > 1
        else told.state = 'waiting'
      end
      -- What happens there later is somebody else's. Clocks differ.
      and (event ->> 'occurred_at')::timestamptz between told.attempted_at - interval '1 minute'
        and coalesce(told.sent_at, 'infinity') + interval '1 minute'
      and case told.thing
        when 'status' then told.wanted = event ->> 'told_status'
        when 'incident' then event ->> 'event_type' = 'incident.triggered'
        when 'note' then event ->> 'event_type' = 'incident.annotated'
          and case event #>> '{payload,data,trimmed}'
            when 'true' then starts_with(told.wanted, nullif(event #>> '{payload,data,content}', ''))
            else told.wanted = event #>> '{payload,data,content}'
          end
      end
    order by told.attempted_at
    limit 1
  );
  if found then
    return true;
  end if;
  -- Or to what was told before that was changed again.
  update pagerduty.outbox o
  set expected = o.expected - said.place
  from (
    select told.id, (e.place - 1)::integer as place
    from pagerduty.outbox told
    join pagerduty.incidents i on i.id = told.incident_id and i.organization_id = told.organization_id
    cross join jsonb_array_elements(told.expected) with ordinality as e (echo, place)
    where told.organization_id = organization
      and i.pagerduty_incident_id = event #>> '{incident,id}'
      and told.expected <> '[]'
      and e.echo ->> 'wanted' = event ->> 'told_status'
      and (event ->> 'occurred_at')::timestamptz between (e.echo ->> 'attempted_at')::timestamptz - interval '1 minute'
        and (e.echo ->> 'attempted_at')::timestamptz + interval '10 minutes'
    order by e.place desc
    limit 1
  ) said
  where o.id = said.id;
  return found;
end
$$;
comment on function pagerduty_private.take_echo(uuid, jsonb) is 'Whether an event is what PagerDuty says to what it was told from here; each is said once.';
revoke all on function pagerduty_private.take_echo(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.take_echo(uuid, jsonb) to service_role;

create function pagerduty_private.ingest_event(integration pagerduty.integrations, event jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  arrived constant timestamptz := clock_timestamp();
  invalid constant text := event ->> 'invalid';
  ignored constant text := coalesce(invalid, pagerduty_private.reason_to_ignore(integration, event));
  service jsonb;
  reason text := ignored;
  first_told text;
  repeats boolean := false;
  echoes boolean := false;
  kept jsonb;
  received pagerduty.events;
  incident uuid;
begin
  update pagerduty.events e
  set deliveries = e.deliveries + 1
  where e.integration_id = integration.id
    and e.event_id = event ->> 'event_id'
  returning * into received;
  if found then
    return jsonb_build_object('event_id', received.event_id, 'outcome', 'duplicate', 'notification_id', received.notification_id);
  end if;
  service := pagerduty_private.service_of_event(integration.organization_id, event);
  -- Filters decide who is told, never what is known.
  if ignored is null then
    reason := pagerduty_private.reason_to_tell_nobody(integration, event, service);
    -- The log has each happening once, and was compared with what is known.
    if not event ? 'log_entry_id' then
      first_told := pagerduty_private.told_before(integration.organization_id, event);
    end if;
    repeats := first_told is not null;
    if first_told = 'log' then
      reason := coalesce(reason, 'healed_before');
    end if;
    -- In the order in which a member's change locks: the incident, then what PagerDuty is told of it.
    perform
    from pagerduty.incidents i
    where i.organization_id = integration.organization_id
      and i.pagerduty_incident_id = event #>> '{incident,id}'
    for update;
    perform pagerduty_private.link_by_key(integration.organization_id, event);
    echoes := not repeats and pagerduty_private.take_echo(integration.organization_id, event);
    kept := pagerduty_private.keep_notification(
      integration.organization_id, event, arrived, repeats or echoes, reason is null
    );
    if (event ->> 'names_service')::boolean and event #>> '{service,id}' is not null and event #>> '{service,name}' is not null then
      perform pagerduty_private.name_service(
        integration.organization_id, event -> 'service', least((event ->> 'occurred_at')::timestamptz, arrived), arrived
      );
    end if;
  end if;
  insert into pagerduty.events (
    organization_id, integration_id, event_id, notification_id, delivery_id, family, event_type,
    pagerduty_incident_id, pagerduty_status, service_id, service_name,
    summary, headline, agent_name, is_loud, is_repeat,
    occurred_at, received_at, outcome, reason, log_entry_id, payload
  )
  values (
    integration.organization_id, integration.id, coalesce(event ->> 'event_id', 'invalid:' || gen_random_uuid()),
    (kept ->> 'id')::uuid, event ->> 'delivery_id', coalesce(event ->> 'family', 'unknown'), coalesce(event ->> 'event_type', 'unknown'),
    event #>> '{incident,id}', case when ignored is null then event ->> 'told_status' end, service ->> 'id', service ->> 'name',
    coalesce(event #>> '{notification,title}', event #>> '{incident,title}'), event ->> 'headline', event ->> 'agent_name',
    coalesce((kept ->> 'loud')::boolean, false), repeats,
    (event ->> 'occurred_at')::timestamptz, arrived,
    coalesce(case when invalid is not null then 'invalid' end, kept ->> 'outcome', 'ignored'), left(reason, 500), event ->> 'log_entry_id', event -> 'payload'
  )
  returning * into received;
  if ignored is null and received.pagerduty_incident_id is not null then
    incident := pagerduty_private.move_linked_incident(received, integration, echoes);
  end if;
  perform pagerduty_private.tell_organization(f.organization_id, 'notification', to_jsonb(f) || jsonb_build_object('loud', received.is_loud))
  from pagerduty.notification_feed f
  where f.id = received.notification_id;
  return jsonb_strip_nulls(jsonb_build_object(
    'event_id', event ->> 'event_id', 'outcome', received.outcome, 'reason', reason,
    'notification_id', received.notification_id, 'incident_id', incident
  ));
end
$$;
comment on function pagerduty_private.ingest_event(pagerduty.integrations, jsonb) is 'Records one event and does what follows from it; answers its outcome.';
revoke all on function pagerduty_private.ingest_event(pagerduty.integrations, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.ingest_event(pagerduty.integrations, jsonb) to service_role;

create function pagerduty_private.ingest_events(integration pagerduty.integrations, events jsonb, is_careful boolean) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  event jsonb;
  outcomes jsonb := '[]';
begin
  for event in select value from jsonb_array_elements(events) loop
    if not is_careful then
      outcomes := outcomes || pagerduty_private.ingest_event(integration, event);
      continue;
    end if;
    begin
      outcomes := outcomes || pagerduty_private.ingest_event(integration, event);
    exception when data_exception or integrity_constraint_violation then
      -- No retry can cure what the database will not store: it must not stop the events behind it for 48 hours.
      outcomes := outcomes || pagerduty_private.ingest_event(integration, jsonb_build_object(
        'event_id', coalesce(nullif(left(event ->> 'event_id', 300), ''), 'invalid:' || gen_random_uuid()),
        'invalid', left(sqlerrm, 300), 'payload', event -> 'payload', 'log_entry_id', event -> 'log_entry_id'
      ));
    end;
  end loop;
  return outcomes;
end
$$;
comment on function pagerduty_private.ingest_events(pagerduty.integrations, jsonb, boolean) is 'Takes the events of one webhook; answers their outcomes. Careful: an event that the database will not store is recorded as invalid, else it is an error.';
revoke all on function pagerduty_private.ingest_events(pagerduty.integrations, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.ingest_events(pagerduty.integrations, jsonb, boolean) to service_role;

create function pagerduty_private.ingest_webhook(integration_id uuid, webhook jsonb, count_recipients boolean) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  integration pagerduty.integrations;
  outcomes jsonb;
  problem text;
begin
  -- The lock lets one webhook of an integration through at a time: two deliveries of one event cannot race.
  select * into integration
  from pagerduty.integrations i
  where i.id = integration_id
  for no key update;
  if integration.id is null then
    return jsonb_build_object('status', 'unknown');
  end if;
  if integration.settings_version <> (webhook ->> 'settings_version')::bigint then
    return jsonb_build_object('status', 'stale');
  end if;
  begin
    outcomes := pagerduty_private.ingest_events(integration, webhook -> 'events', false);
  exception when data_exception or integrity_constraint_violation then
    outcomes := pagerduty_private.ingest_events(integration, webhook -> 'events', true);
  end;
  select outcome ->> 'reason' into problem
  from jsonb_array_elements(outcomes) as outcome
  where outcome ->> 'outcome' = 'invalid'
  limit 1;
  update pagerduty.integrations i
  set
    last_event_at = now(),
    last_error = left(problem, 500),
    last_error_at = case when problem is not null then now() end,
    subscription_proven_at = case
      when i.subscription_id = webhook ->> 'subscription_id' then now()
      else i.subscription_proven_at
    end
  where i.id = integration.id;
  return jsonb_build_object(
    'status', 'done', 'organization_id', integration.organization_id, 'outcomes', outcomes,
    'recipients', case when count_recipients then (
      select count(*) from pagerduty.memberships m where m.organization_id = integration.organization_id
    ) end
  );
end
$$;
comment on function pagerduty_private.ingest_webhook(uuid, jsonb, boolean) is 'Takes one webhook: dedupe, filters, notification, linked incident, broadcast, health.';
revoke all on function pagerduty_private.ingest_webhook(uuid, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.ingest_webhook(uuid, jsonb, boolean) to service_role;

create function pagerduty.ingest_webhooks(webhooks jsonb, count_recipients boolean default false) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  is_alone constant boolean := jsonb_array_length(webhooks) = 1;
  waiting record;
  answer jsonb;
  answers jsonb := '{}';
begin
  if not is_alone then
    -- Who waits for a lock keeps the others waiting: it is to come again, alone.
    perform set_config('lock_timeout', '250ms', true);
  end if;
  -- One order of locks: calls at the same moment wait for each other, but never in a circle.
  for waiting in
    select ordinality as place, value as webhook, pagerduty_private.integration_of_token(value ->> 'token') as integration_id
    from jsonb_array_elements(webhooks) with ordinality
    order by integration_id, place
  loop
    begin
      answer := pagerduty_private.ingest_webhook(waiting.integration_id, waiting.webhook, count_recipients);
    exception when others then
      if is_alone then
        raise;
      end if;
      answer := jsonb_build_object('status', 'failed', 'code', sqlstate);
    end;
    answers := answers || jsonb_build_object(waiting.place, answer);
  end loop;
  return (
    select coalesce(jsonb_agg(value order by key::integer), '[]')
    from jsonb_each(answers)
  );
end
$$;
comment on function pagerduty.ingest_webhooks(jsonb, boolean) is
  'Takes webhooks that wait at the same moment, in one transaction; each is {"token", "settings_version", "events", "subscription_id"} (the last one is PagerDuty''s, or null). Answers for each, in their order: status done with an outcome for each event; unknown (no such token) or stale (the settings that the service verified with have changed: read them again), without any effect; failed with an SQLSTATE, without any effect, where several are taken and one met an error: it is to be tried alone.';
revoke all on function pagerduty.ingest_webhooks(jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function pagerduty.ingest_webhooks(jsonb, boolean) to service_role;

-- policies/audit.sql ---------------------------------------------------------------------------------
-- Owners and admins read it, and nobody writes it: the trigger audit_change does.
alter table pagerduty.audit enable row level security;

revoke all on pagerduty.audit from public, anon, authenticated, service_role;
grant select on pagerduty.audit to authenticated;

create policy "admins read" on pagerduty.audit
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('admin')));

-- policies/credentials.sql ---------------------------------------------------------------------------
-- Nobody but the service: no grant and no policy for any role that a user can hold.
alter table pagerduty.credentials enable row level security;

revoke all on pagerduty.credentials from public, anon, authenticated, service_role;
grant select on pagerduty.credentials to service_role;
grant update (api_key, signing_secret, previous_signing_secret) on pagerduty.credentials to service_role;

-- policies/directory.sql -----------------------------------------------------------------------------
-- Members choose from it. The worker writes it.
alter table pagerduty.directory enable row level security;

revoke all on pagerduty.directory from public, anon, authenticated, service_role;
grant select on pagerduty.directory to authenticated;
grant select, insert, delete on pagerduty.directory to service_role;

create policy "members read" on pagerduty.directory
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

-- policies/events.sql --------------------------------------------------------------------------------
-- The audit trail: owners and admins read it, the ingest function writes it.
alter table pagerduty.events enable row level security;

revoke all on pagerduty.events from public, anon, authenticated, service_role;
grant select on pagerduty.events to authenticated;
grant select, insert, update (deliveries, log_entry_id) on pagerduty.events to service_role;

create policy "admins read" on pagerduty.events
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('admin')));

-- policies/incident_updates.sql ----------------------------------------------------------------------
-- Members read the timeline; responders and up write comments. Everything else on it comes from triggers.
alter table pagerduty.incident_updates enable row level security;

revoke all on pagerduty.incident_updates from public, anon, authenticated, service_role;
grant select on pagerduty.incident_updates to authenticated;
grant insert (incident_id, organization_id, body) on pagerduty.incident_updates to authenticated;
grant select, insert on pagerduty.incident_updates to service_role;

create policy "members read" on pagerduty.incident_updates
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

create policy "responders comment" on pagerduty.incident_updates
  for insert to authenticated
  with check (
    author_id = (select auth.uid())
    and kind = 'comment'
    and organization_id in (select pagerduty_private.my_organizations('responder'))
    and exists (
      select from pagerduty.incidents i
      where i.id = incident_id and i.organization_id = incident_updates.organization_id
    )
  );

-- policies/incidents.sql -----------------------------------------------------------------------------
-- Members read; responders and up make and change them. What links an incident to PagerDuty is the triggers' business.
alter table pagerduty.incidents enable row level security;

revoke all on pagerduty.incidents from public, anon, authenticated, service_role;
grant select on pagerduty.incidents to authenticated;
grant insert (
  organization_id, title, description, criticality, urgency, status, customer, tags, assignee_id, notification_id,
  pagerduty_status
)
  on pagerduty.incidents to authenticated;
grant update (title, description, criticality, urgency, status, customer, tags, assignee_id) on pagerduty.incidents to authenticated;
grant select, update (status, pagerduty_status, pagerduty_status_at, pagerduty_event_id, notification_id)
  on pagerduty.incidents to service_role;

create policy "members read" on pagerduty.incidents
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

create policy "responders create" on pagerduty.incidents
  for insert to authenticated
  with check (organization_id in (select pagerduty_private.my_organizations('responder')));

create policy "responders change" on pagerduty.incidents
  for update to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('responder')))
  with check (organization_id in (select pagerduty_private.my_organizations('responder')));

-- policies/inbox_marks.sql ---------------------------------------------------------------------------
-- A user's own marks, in the organizations that they are in.
alter table pagerduty.inbox_marks enable row level security;

revoke all on pagerduty.inbox_marks from public, anon, authenticated, service_role;
grant select on pagerduty.inbox_marks to authenticated;
grant insert (organization_id, read_seq, done_seq) on pagerduty.inbox_marks to authenticated;
grant update (read_seq, done_seq) on pagerduty.inbox_marks to authenticated;
grant select on pagerduty.inbox_marks to service_role;

create policy "users read their own" on pagerduty.inbox_marks
  for select to authenticated
  using (user_id = (select auth.uid()));

create policy "members make their own" on pagerduty.inbox_marks
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and organization_id in (select pagerduty_private.my_organizations())
  );

create policy "members move their own" on pagerduty.inbox_marks
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (
    user_id = (select auth.uid())
    and organization_id in (select pagerduty_private.my_organizations())
  );

-- policies/integrations.sql --------------------------------------------------------------------------
-- Members see how the integration is set and whether it is well, but not the webhook token, the key filter and the
-- hints: get_integration() adds those for owners and admins, who alone may change the settings.
alter table pagerduty.integrations enable row level security;

revoke all on pagerduty.integrations from public, anon, authenticated, service_role;
grant select (
  id, organization_id, enabled, region, event_types, services, api_key_set, signing_secret_set,
  acting_email, sync_status, sync_notes, paging_service_id, paging_criticality,
  subscription_id, subscription_scope, subscription_made_at, subscription_proven_at,
  last_event_at, last_error, last_error_at, created_at, updated_at
) on pagerduty.integrations to authenticated;
grant insert (
  organization_id, enabled, integration_key, region, event_types, services, acting_email, sync_status, sync_notes,
  paging_service_id, paging_criticality
)
  on pagerduty.integrations to authenticated;
grant update (
  enabled, integration_key, region, event_types, services, acting_email, sync_status, sync_notes, paging_service_id, paging_criticality
) on pagerduty.integrations to authenticated;
grant select on pagerduty.integrations to service_role;
grant update (last_event_at, last_error, last_error_at, subscription_proven_at) on pagerduty.integrations to service_role;

create policy "members read" on pagerduty.integrations
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

create policy "admins create" on pagerduty.integrations
  for insert to authenticated
  with check (organization_id in (select pagerduty_private.my_organizations('admin')));

create policy "admins change" on pagerduty.integrations
  for update to authenticated
  using (organization_id in (select pagerduty_private.my_organizations('admin')))
  with check (organization_id in (select pagerduty_private.my_organizations('admin')));

-- policies/invitations.sql ---------------------------------------------------------------------------
-- Owners and admins read, make and withdraw them, for roles that they may give (as in memberships); so does nobody else.
-- Whoever has the invited address, verified, reads it too. accept_invitation() is what lets them in.
alter table pagerduty.invitations enable row level security;

revoke all on pagerduty.invitations from public, anon, authenticated, service_role;
grant select on pagerduty.invitations to authenticated;
grant insert (organization_id, email, role, expires_at) on pagerduty.invitations to authenticated;
grant update (role, expires_at, revoked_at) on pagerduty.invitations to authenticated;

create policy "admins and the invited read" on pagerduty.invitations
  for select to authenticated
  using (
    organization_id in (select pagerduty_private.my_organizations('admin'))
    or email = (select pagerduty_private.my_verified_email())
  );

create policy "admins invite" on pagerduty.invitations
  for insert to authenticated
  with check (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );

create policy "admins change open ones" on pagerduty.invitations
  for update to authenticated
  using (
    is_open
    and (
      organization_id in (select pagerduty_private.my_organizations('owner'))
      or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
    )
  )
  with check (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );

-- policies/memberships.sql ---------------------------------------------------------------------------
-- Members see each other. Admins change and remove members below owner; only owners touch owners. Everybody may leave
-- (the trigger keep_an_owner holds the last owner back). Only the service role adds, and an invitation that its
-- addressee accepts: whoever could insert a row here could put any user whose id they know into their organization,
-- unasked.
alter table pagerduty.memberships enable row level security;

revoke all on pagerduty.memberships from public, anon, authenticated, service_role;
grant select, delete on pagerduty.memberships to authenticated;
grant update (role, display_name, pagerduty_user_id) on pagerduty.memberships to authenticated;
grant select, insert, update, delete on pagerduty.memberships to service_role;

create policy "members read" on pagerduty.memberships
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

create policy "admins change" on pagerduty.memberships
  for update to authenticated
  using (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  )
  with check (
    organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );

create policy "admins remove, members leave" on pagerduty.memberships
  for delete to authenticated
  using (
    user_id = (select auth.uid())
    or organization_id in (select pagerduty_private.my_organizations('owner'))
    or (role < 'owner' and organization_id in (select pagerduty_private.my_organizations('admin')))
  );

-- policies/notifications.sql -------------------------------------------------------------------------
-- Members see what is addressed to all, or to them. Only the ingest function writes.
alter table pagerduty.notifications enable row level security;

revoke all on pagerduty.notifications from public, anon, authenticated, service_role;
grant select on pagerduty.notifications to authenticated;
grant select, insert, update on pagerduty.notifications to service_role;

create policy "addressees read" on pagerduty.notifications
  for select to authenticated
  using (
    organization_id in (select pagerduty_private.my_organizations())
    and (recipients is null or (select auth.uid()) = any(recipients))
  );

revoke all on pagerduty.notification_feed from public, anon, authenticated, service_role;
grant select on pagerduty.notification_feed to authenticated, service_role;

-- policies/organizations.sql -------------------------------------------------------------------------
-- Members see their organizations; owners and admins rename them. Who makes one is the host application's business,
-- or, while the grant on create_organization() stands, anybody's.
alter table pagerduty.organizations enable row level security;

revoke all on pagerduty.organizations from public, anon, authenticated, service_role;
grant select, update (name) on pagerduty.organizations to authenticated;
grant select, insert, update, delete on pagerduty.organizations to service_role;

create policy "members read" on pagerduty.organizations
  for select to authenticated
  using (id in (select pagerduty_private.my_organizations()));

create policy "admins rename" on pagerduty.organizations
  for update to authenticated
  using (id in (select pagerduty_private.my_organizations('admin')))
  with check (id in (select pagerduty_private.my_organizations('admin')));

-- policies/outbox.sql --------------------------------------------------------------------------------
-- Members see what has reached PagerDuty and what has not. Triggers fill it, the worker's functions empty it.
alter table pagerduty.outbox enable row level security;

revoke all on pagerduty.outbox from public, anon, authenticated, service_role;
grant select (
  id, organization_id, incident_id, thing, update_id, state, attempts, last_error, due_at, sent_at, acted_as, created_at
) on pagerduty.outbox to authenticated;
grant select on pagerduty.outbox to service_role;
grant update (echoed_at, expected) on pagerduty.outbox to service_role;

create policy "members read" on pagerduty.outbox
  for select to authenticated
  using (organization_id in (select pagerduty_private.my_organizations()));

-- policies/realtime_messages.sql ---------------------------------------------------------------------
-- Private channels: a user's own topic, and the topics of their organizations. Nobody sends but the database.
-- The host may have policies of its own here, and policies add up: ours opens topics of ours and none else.
create policy "pagerduty: members listen" on realtime.messages
  for select to authenticated
  using (
    realtime.messages.extension = 'broadcast'
    and realtime.messages.topic = (select realtime.topic())
    and (select pagerduty_private.may_listen((select realtime.topic())))
  );

-- policies/receipts.sql ------------------------------------------------------------------------------
-- A user's own receipts, for notifications that they may see.
alter table pagerduty.receipts enable row level security;

revoke all on pagerduty.receipts from public, anon, authenticated, service_role;
grant select on pagerduty.receipts to authenticated;
grant insert (notification_id, organization_id, seq, read, done, snoozed_until) on pagerduty.receipts to authenticated;
grant update (seq, read, done, snoozed_until) on pagerduty.receipts to authenticated;
grant select on pagerduty.receipts to service_role;

create policy "users read their own" on pagerduty.receipts
  for select to authenticated
  using (user_id = (select auth.uid()));

create policy "users write of what they may see" on pagerduty.receipts
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and exists (
      select from pagerduty.notifications n
      where n.id = notification_id
        and n.organization_id = receipts.organization_id
    )
  );

create policy "users change their own" on pagerduty.receipts
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

-- policies/topics.sql --------------------------------------------------------------------------------
-- Of the functions that tell alone. No policy: nobody reads or writes them through the API.
alter table pagerduty_private.topics enable row level security;
alter table pagerduty_private.tellings enable row level security;
alter table pagerduty_private.settings enable row level security;

revoke all on pagerduty_private.topics from public, anon, authenticated, service_role;
revoke all on pagerduty_private.tellings from public, anon, authenticated, service_role;
revoke all on sequence pagerduty_private.tellings_id_seq from public, anon, authenticated, service_role;
revoke all on pagerduty_private.settings from public, anon, authenticated, service_role;
