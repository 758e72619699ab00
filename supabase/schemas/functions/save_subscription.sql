-- The webhook subscription that was made in PagerDuty, and its secret, in one transaction.
create function pagerduty_private.write_subscription(organization_id uuid, subscription jsonb) returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  replaced text;
  scope_before jsonb;
  connected uuid;
  covers_the_same boolean;
begin
  if organization_id not in (select pagerduty_private.my_organizations('admin')) then
    raise exception 'Only owners and admins may connect PagerDuty.' using errcode = '42501';
  end if;
  -- Who connects at the same moment replaces what the other one made, and knows which.
  select i.subscription_id, i.subscription_scope, i.id into replaced, scope_before, connected
  from pagerduty.integrations i
  where i.organization_id = write_subscription.organization_id
  for no key update;
  if not found then
    raise exception 'PagerDuty is not set up in this organization yet.' using errcode = 'PT404';
  end if;
  update pagerduty.integrations i
  set
    subscription_id = subscription ->> 'id',
    subscription_scope = subscription -> 'scope',
    subscription_token = case when subscription is not null then i.webhook_token end,
    subscription_made_at = case when subscription is not null then clock_timestamp() end,
    subscription_proven_at = null
  where i.organization_id = write_subscription.organization_id;
  if subscription is null then
    delete from pagerduty_private.reconciliations r
    where r.integration_id = connected;
    return replaced;
  end if;
  covers_the_same := coalesce(scope_before - 'name' = (subscription -> 'scope') - 'name', false);
  -- Where one takes the place of another, what was missed between them is still to be read.
  insert into pagerduty_private.reconciliations as r (
    integration_id, organization_id, subscription_state, checked_at, pinged_at
  )
  values (connected, write_subscription.organization_id, 'on', clock_timestamp(), clock_timestamp())
  on conflict (integration_id) do update set
    begun_at = case when covers_the_same then r.begun_at else excluded.begun_at end,
    read_until = case when covers_the_same then r.read_until else excluded.read_until end,
    due_at = excluded.due_at,
    subscription_state = excluded.subscription_state,
    checked_at = excluded.checked_at,
    pinged_at = excluded.pinged_at,
    last_error = null;
  return replaced;
end
$$;
comment on function pagerduty_private.write_subscription(uuid, jsonb) is 'Writes which webhook subscription an integration has (null: none any more), for an owner or admin; answers the id of the one before it.';
revoke all on function pagerduty_private.write_subscription(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.write_subscription(uuid, jsonb) to authenticated;

create function pagerduty.save_subscription(
  organization_id uuid, subscription jsonb default null, credentials jsonb default '{}', settings jsonb default '{}'
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  replaced text;
begin
  replaced := pagerduty_private.write_subscription(save_subscription.organization_id, nullif(subscription, 'null'));
  return jsonb_build_object(
    'integration', pagerduty.save_integration(save_subscription.organization_id, settings, credentials),
    'replaced', replaced
  );
end
$$;
comment on function pagerduty.save_subscription(uuid, jsonb, jsonb, jsonb) is 'Saves the webhook subscription ({"id", "scope"}; null: none any more) that was made in PagerDuty for an organization, its sealed signing secret and what goes with it, as save_integration() takes them. Answers {"integration": as get_integration() answers it, "replaced": the id of the subscription before it, or null}.';
revoke all on function pagerduty.save_subscription(uuid, jsonb, jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function pagerduty.save_subscription(uuid, jsonb, jsonb, jsonb) to authenticated;
