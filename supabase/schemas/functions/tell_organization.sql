-- The only way to an organization's topic.
create function pagerduty_private.tell_organization(organization uuid, event text, payload jsonb) returns void
language sql
set search_path = ''
as $$
  -- Locked, so that what is told to a topic is committed before the topic is renewed: who leaves hears nothing after
  -- that, and who stays has missed nothing. It costs nothing where a row of the organization was written: its foreign
  -- key holds the same lock.
  select realtime.send(payload, event, o.topic, true)
  from (
    select locked.topic
    from pagerduty.organizations locked
    where locked.id = organization
    for key share
  ) o
$$;
comment on function pagerduty_private.tell_organization(uuid, text, jsonb) is 'Broadcasts to the members of an organization, on its present topic.';
revoke all on function pagerduty_private.tell_organization(uuid, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.tell_organization(uuid, text, jsonb) to service_role;
