-- auth.users is not readable by members, so a membership carries what the others may see of its user.
create function pagerduty_private.introduce_member() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  joined auth.users;
begin
  select * into joined from auth.users u where u.id = new.user_id;
  new.email := left(joined.email, 320);
  if new.display_name = '' then
    new.display_name := left(coalesce(
      nullif(joined.raw_user_meta_data ->> 'name', ''),
      nullif(joined.raw_user_meta_data ->> 'full_name', ''),
      split_part(joined.email, '@', 1),
      ''
    ), 200);
  end if;
  return new;
end
$$;
comment on function pagerduty_private.introduce_member() is 'Trigger: fills a new membership''s name and address from auth.users.';
revoke all on function pagerduty_private.introduce_member() from public, anon, authenticated, service_role;

create trigger introduce_member before insert on pagerduty.memberships
  for each row execute function pagerduty_private.introduce_member();
