-- Schema `realtime`, still empty: what is in it is Realtime's to make, by its own migrations. The stand-in's part is in
-- devstack/realtime/schema.sql.
create schema realtime;
grant usage on schema realtime to postgres, anon, authenticated, service_role;
grant all on schema realtime to supabase_realtime_admin with grant option;

-- Where a real Realtime keeps its tenants, when this database is its own, too.
create schema _realtime;
