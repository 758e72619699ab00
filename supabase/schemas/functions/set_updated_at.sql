-- One trigger function for every table that says when a row was last changed.
create function pagerduty_private.set_updated_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
comment on function pagerduty_private.set_updated_at() is 'Trigger: keeps updated_at.';
revoke all on function pagerduty_private.set_updated_at() from public, anon, authenticated, service_role;

create trigger set_updated_at before update on pagerduty.organizations
  for each row execute function pagerduty_private.set_updated_at();

create trigger set_updated_at before update on pagerduty.memberships
  for each row execute function pagerduty_private.set_updated_at();

create trigger set_updated_at before update on pagerduty.invitations
  for each row execute function pagerduty_private.set_updated_at();

create trigger set_updated_at before update on pagerduty.credentials
  for each row execute function pagerduty_private.set_updated_at();

create trigger set_updated_at before update on pagerduty.incidents
  for each row execute function pagerduty_private.set_updated_at();
