-- The roles that every Supabase project has before its first migration.
-- `supabase_admin` is the cluster's superuser (made by initdb); `postgres`, which runs migrations, is none,
-- as on the hosted service.
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;

create role supabase_auth_admin login noinherit;
create role supabase_realtime_admin nologin noinherit;
create role dashboard_user nologin createdb createrole replication;

create role postgres login createdb createrole replication bypassrls;
grant anon, authenticated, service_role to postgres with admin option;
grant supabase_auth_admin, supabase_realtime_admin to postgres;

alter database postgres owner to postgres;
grant usage on schema public to anon, authenticated, service_role;
grant create on schema public to postgres;

-- Supabase's default privileges grant everything in `public` to everyone: migrations must be safe with that.
alter default privileges for role postgres in schema public
  grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on sequences to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on functions to anon, authenticated, service_role;

create schema graphql_public;
grant usage on schema graphql_public to postgres, anon, authenticated, service_role;

create schema extensions;
grant usage on schema extensions to postgres, anon, authenticated, service_role;

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;
