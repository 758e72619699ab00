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
