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
