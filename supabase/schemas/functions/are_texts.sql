-- Needed by checks of tables, hence made before them. A check calls it as whoever writes the row.
create function pagerduty_private.are_texts(texts text[], longest integer) returns boolean
language sql
immutable
set search_path = ''
as $$
  select coalesce(array_ndims(texts), 1) = 1
    and not exists (
      select from unnest(texts) as one
      where one is null or length(one) not between 1 and longest
    )
$$;
comment on function pagerduty_private.are_texts(text[], integer) is 'Is this a flat list of texts, none of them null, empty or longer than so many characters?';
revoke all on function pagerduty_private.are_texts(text[], integer) from public, anon, authenticated, service_role;
grant execute on function pagerduty_private.are_texts(text[], integer) to authenticated, service_role;
