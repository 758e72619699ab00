-- Members see their organizations; owners and admins rename them. Who makes one is the host application's business.
alter table public.organizations enable row level security;

revoke all on public.organizations from public, anon, authenticated, service_role;
grant select, update (name) on public.organizations to authenticated;
grant select, insert, update, delete on public.organizations to service_role;

drop policy if exists "members read" on public.organizations;
create policy "members read" on public.organizations
  for select to authenticated
  using (id in (select private.my_organizations()));

drop policy if exists "admins rename" on public.organizations;
create policy "admins rename" on public.organizations
  for update to authenticated
  using (id in (select private.my_organizations('admin')))
  with check (id in (select private.my_organizations('admin')));
