-- Ordered from the least to the most that a member may do, so that "at least admin" is a comparison.
create type pagerduty.membership_role as enum ('viewer', 'responder', 'admin', 'owner');
comment on type pagerduty.membership_role is 'What a member may do: viewers read, responders work on incidents, admins configure, owners decide who owns.';

create type pagerduty.incident_status as enum ('open', 'investigating', 'resolved');
comment on type pagerduty.incident_status is 'Where an incident stands. PagerDuty''s triggered, acknowledged and resolved, in this order.';

create type pagerduty.incident_level as enum ('low', 'medium', 'high', 'critical');
comment on type pagerduty.incident_level is 'How much an incident matters (criticality) or how soon it must be worked on (urgency).';
