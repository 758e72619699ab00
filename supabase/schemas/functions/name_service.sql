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
