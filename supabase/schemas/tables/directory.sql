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
