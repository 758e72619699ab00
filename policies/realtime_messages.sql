-- Private channels: a user's own topic, and the topics of their organizations. Nobody sends but the database.
-- The host may have policies of its own here, and policies add up: ours opens topics of ours and none else.
create policy "pagerduty: members listen" on realtime.messages
  for select to authenticated
  using (
    realtime.messages.extension = 'broadcast'
    and realtime.messages.topic = (select realtime.topic())
    and (select pagerduty_private.may_listen((select realtime.topic())))
  );
