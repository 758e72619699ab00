-- Two organizations to try things out with. Loads into the embedded stack and into a Supabase project of one's own
-- (`supabase db push --include-seed`); never meant for production: everybody's password is "pagerduty".
-- Loading it again changes nothing.

insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
  -- Auth reads these as text and stumbles over null.
  confirmation_token, recovery_token, email_change, email_change_token_new
)
select
  '00000000-0000-0000-0000-000000000000', id, 'authenticated', 'authenticated', email,
  '$2a$10$uOImi2eDmRmGWlzz.7mzm.sEkvnlbyayaoY1y9WZrp.9NMSOr9M4C', now(),
  '{"provider": "email", "providers": ["email"]}', jsonb_build_object('name', name), now(), now(),
  '', '', '', ''
from (values
  ('10000000-0000-4000-8000-000000000001'::uuid, 'olivia@acme.test', 'Olivia Owner'),
  ('10000000-0000-4000-8000-000000000002'::uuid, 'adam@acme.test', 'Adam Admin'),
  ('10000000-0000-4000-8000-000000000003'::uuid, 'rita@acme.test', 'Rita Responder'),
  ('10000000-0000-4000-8000-000000000004'::uuid, 'victor@acme.test', 'Victor Viewer'),
  ('10000000-0000-4000-8000-000000000005'::uuid, 'gina@globex.test', 'Gina Owner'),
  ('10000000-0000-4000-8000-000000000006'::uuid, 'gus@globex.test', 'Gus Responder'),
  ('10000000-0000-4000-8000-000000000007'::uuid, 'sam@example.test', 'Sam of Both')
) as people (id, email, name)
on conflict do nothing;

insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select
  u.id::text, u.id, jsonb_build_object('sub', u.id, 'email', u.email, 'email_verified', true, 'phone_verified', false),
  'email', now(), now(), now()
from auth.users u
where u.id between '10000000-0000-4000-8000-000000000001' and '10000000-0000-4000-8000-000000000007'
on conflict do nothing;

insert into pagerduty.organizations (id, name)
values
  ('a0000000-0000-4000-8000-00000000000a', 'Acme'),
  ('b0000000-0000-4000-8000-00000000000b', 'Globex')
on conflict do nothing;

insert into pagerduty.memberships (organization_id, user_id, role)
values
  ('a0000000-0000-4000-8000-00000000000a', '10000000-0000-4000-8000-000000000001', 'owner'),
  ('a0000000-0000-4000-8000-00000000000a', '10000000-0000-4000-8000-000000000002', 'admin'),
  ('a0000000-0000-4000-8000-00000000000a', '10000000-0000-4000-8000-000000000003', 'responder'),
  ('a0000000-0000-4000-8000-00000000000a', '10000000-0000-4000-8000-000000000004', 'viewer'),
  ('b0000000-0000-4000-8000-00000000000b', '10000000-0000-4000-8000-000000000005', 'owner'),
  ('b0000000-0000-4000-8000-00000000000b', '10000000-0000-4000-8000-000000000006', 'responder'),
  ('a0000000-0000-4000-8000-00000000000a', '10000000-0000-4000-8000-000000000007', 'responder'),
  ('b0000000-0000-4000-8000-00000000000b', '10000000-0000-4000-8000-000000000007', 'admin')
on conflict do nothing;

-- Acme's integration is on and serves the bare webhook URL; Globex has still to set its own up.
insert into pagerduty.integrations (organization_id, enabled, accept_bare_url)
values ('a0000000-0000-4000-8000-00000000000a', true, true)
on conflict do nothing;

with alerts (id, title, service_id, service, urgency, number, pagerduty_id, age) as (
  values
    ('20000000-0000-4000-8000-000000000003'::uuid, 'Certificate of status.acme.test expires in 7 days', 'PSVC003', 'Status Page', 'low', 101, 'PSEED03', interval '2 days'),
    ('20000000-0000-4000-8000-000000000002'::uuid, 'Disk 85 % full on db-replica-2', 'PSVC002', 'Production Database', 'low', 102, 'PSEED02', interval '1 day'),
    ('20000000-0000-4000-8000-000000000001'::uuid, 'Checkout latency above 2 s', 'PSVC001', 'Checkout API', 'high', 103, 'PSEED01', interval '3 hours')
), numbered as (
  select alerts.*, pagerduty_private.next_seq('a0000000-0000-4000-8000-00000000000a') as seq, now() - age as at
  from alerts
), shown as (
  insert into pagerduty.notifications (
    id, organization_id, subject, title, number, pagerduty_incident_id, pagerduty_status, pagerduty_status_at, urgency,
    service_id, service_name, pagerduty_url, prefill, facts, described_at, event_type, body, occurred_at,
    seq, loud_seq, loud_at, created_at, changed_at
  )
  select
    id, 'a0000000-0000-4000-8000-00000000000a', 'incident:' || pagerduty_id, title, number, pagerduty_id, 'triggered', at, urgency,
    service_id, service, 'https://acme.pagerduty.com/incidents/' || pagerduty_id,
    jsonb_build_object(
      'title', '[PagerDuty] ' || title,
      'description', title || E'\n\nService: ' || service || E'\nUrgency: ' || urgency || E'\nStatus: triggered'
        || E'\nNumber: #' || number || E'\nLink: https://acme.pagerduty.com/incidents/' || pagerduty_id,
      'criticality', case urgency when 'high' then 'high' else 'medium' end,
      'urgency', case urgency when 'high' then 'high' else 'medium' end,
      'status', 'open',
      'customer', service,
      'tags', jsonb_build_array('source:pagerduty', 'service:' || service, 'urgency:' || urgency, 'pagerduty-id:' || pagerduty_id),
      'pagerduty_incident_id', pagerduty_id,
      'pagerduty_url', 'https://acme.pagerduty.com/incidents/' || pagerduty_id
    ),
    jsonb_build_array(
      jsonb_build_array('Service', service), jsonb_build_array('Urgency', urgency), jsonb_build_array('Status', 'triggered'),
      jsonb_build_array('Number', '#' || number), jsonb_build_array('Link', 'https://acme.pagerduty.com/incidents/' || pagerduty_id)
    ),
    at, 'incident.triggered', 'Triggered · ' || service || ' · ' || urgency || ' urgency', at, seq, seq, at, at, at
  from numbered
  on conflict do nothing
  returning id, organization_id, pagerduty_incident_id, service_id, service_name, title, occurred_at
)
insert into pagerduty.events (
  organization_id, integration_id, event_id, notification_id, family, event_type, pagerduty_incident_id, pagerduty_status,
  service_id, service_name, summary, headline, is_loud, occurred_at, received_at, outcome
)
select
  shown.organization_id, i.id, 'seed-' || pagerduty_incident_id, shown.id, 'v3', 'incident.triggered', pagerduty_incident_id, 'triggered',
  service_id, service_name, title, 'Triggered', true, occurred_at, occurred_at, 'created'
from shown
join pagerduty.integrations i on i.organization_id = shown.organization_id
on conflict do nothing;

insert into pagerduty.incidents (
  id, organization_id, title, description, criticality, urgency, status, customer, tags, notification_id, created_by
)
values
  (
    '30000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-00000000000a', '[PagerDuty] Disk 85 % full on db-replica-2',
    'The replica keeps WAL for a slot that nobody reads.', 'medium', 'medium', 'investigating', 'Production Database',
    '{source:pagerduty,"service:Production Database",urgency:low,pagerduty-id:PSEED02}',
    '20000000-0000-4000-8000-000000000002', '10000000-0000-4000-8000-000000000003'
  ),
  (
    '30000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-00000000000a', 'Invoices went out twice',
    'Reported by two customers; the nightly job ran in both regions.', 'high', 'medium', 'resolved', 'Billing',
    '{billing}', null, '10000000-0000-4000-8000-000000000002'
  ),
  (
    '30000000-0000-4000-8000-000000000003', 'b0000000-0000-4000-8000-00000000000b', 'Warehouse scanner offline',
    'Dock 4 scans by hand until the replacement is here.', 'low', 'low', 'open', 'Warehouse', '{hardware}',
    null, '10000000-0000-4000-8000-000000000005'
  )
on conflict do nothing;
