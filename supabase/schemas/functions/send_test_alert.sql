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
