-- The audit writes itself: no caller can forget to, and a new column is in it unless a trigger below leaves it out.
create function pagerduty_private.is_secret_setting(subject text, setting text) returns boolean
language sql
immutable
set search_path = ''
as $$ select subject = 'credentials' or setting ~ 'key|token|secret|password' $$;
comment on function pagerduty_private.is_secret_setting(text, text) is 'Whether a setting''s value stays out of the audit: all that credentials hold, and whatever is called a secret.';
revoke all on function pagerduty_private.is_secret_setting(text, text) from public, anon, authenticated, service_role;

create function pagerduty_private.write_audit(subject text, organization uuid, member jsonb, was jsonb, becomes jsonb) returns void
language sql
set search_path = ''
as $$
  insert into pagerduty.audit (
    organization_id, actor_id, actor_name, subject, member_id, member_name, setting, change, old_value, new_value
  )
  select
    organization, auth.uid(), (
      select coalesce(nullif(m.display_name, ''), u.email)
      from auth.users u
      left join pagerduty.memberships m on m.user_id = u.id and m.organization_id = organization
      where u.id = auth.uid()
    ),
    subject, (member ->> 'user_id')::uuid, coalesce(nullif(member ->> 'display_name', ''), member ->> 'email'), setting,
    case when before is null then 'set' when after is null then 'removed' else 'changed' end,
    case when not pagerduty_private.is_secret_setting(subject, setting) then before end,
    case when not pagerduty_private.is_secret_setting(subject, setting) then after end
  from jsonb_object_keys(was || becomes) as setting,
    nullif(was -> setting, 'null') as before,
    nullif(becomes -> setting, 'null') as after
  where before is distinct from after
    -- Not where the organization itself is being deleted.
    and exists (select from pagerduty.organizations o where o.id = organization)
$$;
comment on function pagerduty_private.write_audit(text, uuid, jsonb, jsonb, jsonb) is 'Writes a line for each setting that differs: between a table''s row as it was and as it becomes; "member" is the membership that it is about.';
revoke all on function pagerduty_private.write_audit(text, uuid, jsonb, jsonb, jsonb) from public, anon, authenticated, service_role;

create function pagerduty_private.audit_change() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- What is no setting: a row's own columns, and those that the trigger names.
  left_out constant text[] := '{id,organization_id,user_id,created_at,updated_at}'::text[] || tg_argv[:];
  was constant jsonb := coalesce(to_jsonb(old) - left_out, '{}');
  becomes constant jsonb := coalesce(to_jsonb(new) - left_out, '{}');
  whole jsonb;
begin
  -- To seal a credential anew, which is all that the service role may do to one, changes no secret.
  if was = becomes or (tg_table_name = 'credentials' and auth.jwt() ->> 'role' = 'service_role') then
    return null;
  end if;
  whole := coalesce(to_jsonb(new), to_jsonb(old));
  perform pagerduty_private.write_audit(
    tg_table_name, coalesce(whole ->> 'organization_id', whole ->> 'id')::uuid,
    case when tg_table_name = 'memberships' then whole end, was, becomes
  );
  return null;
end
$$;
comment on function pagerduty_private.audit_change() is 'Trigger: writes the audit of a table''s settings. Its arguments are the columns that are none.';
revoke all on function pagerduty_private.audit_change() from public, anon, authenticated, service_role;

create function pagerduty_private.drop_audit() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from pagerduty.audit a
  where a.organization_id = old.id;
  return null;
end
$$;
comment on function pagerduty_private.drop_audit() is 'Trigger: an organization''s audit goes with it.';
revoke all on function pagerduty_private.drop_audit() from public, anon, authenticated, service_role;

create trigger drop_audit after delete on pagerduty.organizations
  for each row execute function pagerduty_private.drop_audit();

-- The topic is no setting, and known to members only.
create trigger audit_change after insert or update on pagerduty.organizations
  for each row execute function pagerduty_private.audit_change('topic');

create trigger audit_change after update on pagerduty.memberships
  for each row execute function pagerduty_private.audit_change('email');

-- Who joins or leaves is named by the line itself.
create trigger audit_joins_and_leaves after insert or delete on pagerduty.memberships
  for each row execute function pagerduty_private.audit_change('email', 'display_name', 'pagerduty_user_id');

-- Without health, without what is computed, and without the hints, which the credentials' lines tell better.
create trigger audit_change after insert or update or delete on pagerduty.integrations
  for each row execute function pagerduty_private.audit_change(
    'subscription_token', 'subscription_made_at', 'subscription_proven_at', 'settings_version', 'filters_changed_at', 'last_event_at', 'last_error', 'last_error_at', 'api_key_last4', 'signing_secret_last4',
    'api_key_set', 'signing_secret_set', 'previous_webhook_token', 'previous_webhook_token_expires_at'
  );

create trigger audit_change after insert or update or delete on pagerduty.credentials
  for each row execute function pagerduty_private.audit_change(
    'previous_signing_secret', 'previous_signing_secret_expires_at'
  );
