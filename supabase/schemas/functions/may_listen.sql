-- What the policy of realtime.messages asks, when a channel is joined and with each new access token.
create function pagerduty_private.may_listen(topic text) returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select topic = 'pagerduty:user:' || (select auth.uid())
    or exists (
      select from pagerduty.memberships m
      where m.user_id = (select auth.uid())
        and 'pagerduty:org:' || m.organization_id = topic
    )
$$;
comment on function pagerduty_private.may_listen(text) is 'May the calling user listen to this private topic: their own, or one of an organization they are in.';
revoke all on function pagerduty_private.may_listen(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.may_listen(text) to authenticated;
