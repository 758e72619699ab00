"""What the system catalogs say about this project's objects: grants, policies, comments, keys."""

from typing import Any

import psycopg

_SCHEMAS = "('pagerduty', 'pagerduty_private')"

# One line for each thing granted: kind, object, grantee, privilege. PUBLIC is the grantee 0. Owners may do everything.
_GRANTS = f"""
with acls (kind, name, owner, acl) as (
  select
    'relation', c.oid::regclass::text, c.relowner,
    coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's'::"char" else 'r'::"char" end, c.relowner))
  from pg_class c
  where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and c.relnamespace::regnamespace::text in {_SCHEMAS}
  union all
  select 'column', a.attrelid::regclass::text || '.' || a.attname, c.relowner, a.attacl
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  where a.attacl is not null and c.relnamespace::regnamespace::text in {_SCHEMAS}
  union all
  select 'function', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc p
  where p.pronamespace::regnamespace::text in {_SCHEMAS}
  union all
  select 'schema', n.nspname, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
  from pg_namespace n
  where n.nspname::text in {_SCHEMAS}
)
select
  kind, name, case x.grantee when 0 then 'public' else x.grantee::regrole::text end as grantee, x.privilege_type,
  x.is_grantable
from acls, aclexplode(acl) x
where x.grantee <> acls.owner
"""
_POLICIES = """
select schemaname, tablename, policyname, permissive, roles::text, cmd, qual, with_check
from pg_policies
where schemaname in ('pagerduty', 'pagerduty_private', 'realtime')
"""
_ROW_SECURITY = """
select oid::regclass::text, relrowsecurity, relforcerowsecurity
from pg_class
where relnamespace = 'pagerduty'::regnamespace and relkind in ('r', 'p')
"""


def _lines(connection: psycopg.Connection[Any], query: str) -> set[tuple[Any, ...]]:
    # Every name with its schema, whatever the search path is.
    with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor, connection.transaction():
        cursor.execute("set local search_path = ''")
        cursor.execute(query.encode())
        return set(cursor.fetchall())


def grants(connection: psycopg.Connection[Any]) -> set[tuple[str, str, str, str, bool]]:
    """Every privilege of a role that is not the owner: (kind, object, grantee, privilege, may pass it on)."""
    return _lines(connection, _GRANTS)


def access(connection: psycopg.Connection[Any]) -> dict[str, set[tuple[Any, ...]]]:
    """All that decides who may do what: grants, policies, row level security."""
    return {
        "grants": set(grants(connection)),
        "policies": _lines(connection, _POLICIES),
        "row security": _lines(connection, _ROW_SECURITY),
    }


def tables(connection: psycopg.Connection[Any]) -> set[str]:
    """The names of the tables in schema `pagerduty`."""
    return {
        name
        for (name,) in _lines(
            connection,
            "select relname from pg_class where relnamespace = 'pagerduty'::regnamespace and relkind in ('r', 'p')",
        )
    }


def uncommented(connection: psycopg.Connection[Any]) -> set[str]:
    """Tables, columns, views, functions, types and schemas of ours that carry no comment."""
    query = f"""
    select c.oid::regclass::text
    from pg_class c
    where c.relkind in ('r', 'p', 'v', 'm') and c.relnamespace::regnamespace::text in {_SCHEMAS}
      and obj_description(c.oid, 'pg_class') is null
    union all
    select c.oid::regclass::text || '.' || a.attname
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'p', 'v', 'm') and c.relnamespace::regnamespace::text in {_SCHEMAS}
      and col_description(c.oid, a.attnum) is null
    union all
    select p.oid::regprocedure::text
    from pg_proc p
    where p.pronamespace::regnamespace::text in {_SCHEMAS} and obj_description(p.oid, 'pg_proc') is null
    union all
    select t.oid::regtype::text
    from pg_type t
    where t.typtype in ('e', 'd', 'r') and t.typnamespace::regnamespace::text in {_SCHEMAS}
      and obj_description(t.oid, 'pg_type') is null
    union all
    select nspname::text from pg_namespace
    where nspname::text in {_SCHEMAS} and obj_description(oid, 'pg_namespace') is null
    """
    return {name for (name,) in _lines(connection, query)}


def unindexed_foreign_keys(connection: psycopg.Connection[Any]) -> set[str]:
    """Foreign keys whose columns are not the first ones of any index that covers every row."""
    query = """
    select k.conrelid::regclass::text || ' ' || k.conname
    from pg_constraint k
    where k.contype = 'f' and k.connamespace = 'pagerduty'::regnamespace
      and not exists (
        select from pg_index i
        where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
          and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey
      )
    """
    return {name for (name,) in _lines(connection, query)}


def functions(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """Every function of ours: schema, name, whether it is security definer, its settings, its language."""
    query = f"""
    select p.pronamespace::regnamespace::text, p.oid::regprocedure::text, p.prosecdef, p.proconfig
    from pg_proc p
    where p.pronamespace::regnamespace::text in {_SCHEMAS}
    """
    with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        cursor.execute(query.encode())
        names = ("schema", "name", "definer", "settings")
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def not_owned_by_postgres(connection: psycopg.Connection[Any]) -> set[str]:
    """Tables and functions of ours that do not belong to the role that runs migrations."""
    query = f"""
    select c.oid::regclass::text from pg_class c
    where c.relnamespace::regnamespace::text in {_SCHEMAS} and c.relowner <> 'postgres'::regrole
    union all
    select p.oid::regprocedure::text from pg_proc p
    where p.pronamespace::regnamespace::text in {_SCHEMAS} and p.proowner <> 'postgres'::regrole
    """
    return {name for (name,) in _lines(connection, query)}
