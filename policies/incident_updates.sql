-- Members read the timeline; responders and up write comments. Everything else on it comes from triggers.
alter table public.incident_updates enable row level security;

revoke all on public.incident_updates from public, anon, authenticated, service_role;
grant select on public.incident_updates to authenticated;
grant insert (incident_id, organization_id, body) on public.incident_updates to authenticated;
grant select, insert on public.incident_updates to service_role;

drop policy if exists "members read" on public.incident_updates;
create policy "members read" on public.incident_updates
  for select to authenticated
  using (organization_id in (select private.my_organizations()));

drop policy if exists "responders comment" on public.incident_updates;
create policy "responders comment" on public.incident_updates
  for insert to authenticated
  with check (
    author_id = (select auth.uid())
    and kind = 'comment'
    and organization_id in (select private.my_organizations('responder'))
    and exists (
      select from public.incidents i
      where i.id = incident_id and i.organization_id = incident_updates.organization_id
    )
  );
