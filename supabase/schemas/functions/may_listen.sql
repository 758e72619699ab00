-- What the policy of realtime.messages asks, when a channel is joined and with each new access token.
create function pagerduty_private.may_listen(topic text) returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select topic = 'pagerduty:user:' || (select auth.uid())
    or exists (
      select from pagerduty.organizations o
      join pagerduty.memberships m on m.organization_id = o.id
      where o.topic = may_listen.topic
        and m.user_id = (select auth.uid())
    )
$$;
comment on function pagerduty_private.may_listen(text) is 'May the calling user listen to this private topic: their own, or the present one of an organization they are in.';
revoke all on function pagerduty_private.may_listen(text) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.may_listen(text) to authenticated;
