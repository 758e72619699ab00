-- Private channels: a user's own topic, and the topics of their organizations. Nobody sends but the database.
drop policy if exists "members listen" on realtime.messages;
create policy "members listen" on realtime.messages
  for select to authenticated
  using (
    realtime.messages.extension = 'broadcast'
    and (select private.may_listen((select realtime.topic())))
  );
