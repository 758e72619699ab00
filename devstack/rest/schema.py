"""The schema cache: what the exposed schemas hold, read from PostgreSQL's catalogs.

Source: PostgREST, "Schema Cache". It is read again when something is not found, and on `notify pgrst`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import dict_row

_TABLES = """
select
  n.nspname as schema,
  c.relname as name,
  coalesce((
    select array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum))
    from pg_catalog.pg_index i
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey::int2[])
    where i.indrelid = c.oid and i.indisprimary
  ), '{}') as primary_key,
  pg_catalog.pg_relation_is_updatable(c.oid, true) as events
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any($1::text[])
and c.relkind in ('r', 'v', 'm', 'f', 'p')
"""

_COLUMNS = """
select
  n.nspname as schema,
  c.relname as "table",
  a.attname as name,
  pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
  case
    when a.attidentity = 'd' then
      pg_catalog.format('nextval(%L)', pg_catalog.pg_get_serial_sequence(a.attrelid::regclass::text, a.attname))
    when a.attgenerated = '' and a.attidentity = '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid)
  end as "default"
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where n.nspname = any($1::text[])
and c.relkind in ('r', 'v', 'm', 'f', 'p')
and a.attnum > 0
and not a.attisdropped
order by a.attrelid, a.attnum
"""

_FUNCTIONS = """
select
  n.nspname as schema,
  p.proname as name,
  coalesce(p.proargnames, '{}') as names,
  coalesce(p.proargmodes::text[], '{}') as modes,
  array(
    select pg_catalog.format_type(t.type, null)
    from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as t (type, place)
    order by t.place
  ) as types,
  p.pronargdefaults as defaults,
  p.provolatile = 'v' as volatile,
  p.proretset as returns_set,
  p.prorettype = 'pg_catalog.void'::regtype as returns_void,
  r.typname as return_type,
  coalesce(
    base.typtype = 'c' or r.typtype = 'c' or p.proargmodes::text[] && '{t,b,o}',
    false
  ) as returns_rows
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_type r on r.oid = p.prorettype
left join pg_catalog.pg_type base on base.oid = r.typbasetype
where n.nspname = any($1::text[])
and p.prokind = 'f'
"""


@dataclass(frozen=True)
class TableColumn:
    """A column: its type as SQL, and the SQL of its default, if any."""

    type: str
    default: str | None


@dataclass
class Table:
    """A table or a view."""

    schema: str
    name: str
    primary_key: list[str]
    events: int
    columns: dict[str, TableColumn] = field(default_factory=dict)

    def allows(self, command: int) -> bool:
        """Whether PostgreSQL's command (2 update, 3 insert, 4 delete) is possible; views may not have it."""
        return bool(self.events & (1 << command))


@dataclass(frozen=True)
class Parameter:
    """An input of a function; the name is empty where it has none."""

    name: str
    type: str
    required: bool
    variadic: bool


@dataclass(frozen=True)
class Function:
    """A function. `returns_rows`: a table's row, a composite or OUT parameters, rather than one value.

    `return_type` is the type's name without its schema: a table's, if it returns rows of one.
    """

    schema: str
    name: str
    parameters: tuple[Parameter, ...]
    volatile: bool
    returns_set: bool
    returns_void: bool
    return_type: str
    returns_rows: bool

    @property
    def takes_body(self) -> bool:
        """Whether it has one unnamed json or jsonb parameter, which gets the whole body."""
        only = self.parameters[0] if len(self.parameters) == 1 else None
        return only is not None and not only.name and only.type in ("json", "jsonb")

    def accepts(self, names: set[str]) -> bool:
        """Whether it can be called with arguments of these names."""
        if any(not parameter.name for parameter in self.parameters):
            return False
        required = {p.name for p in self.parameters if p.required}
        return required <= names <= {p.name for p in self.parameters}


@dataclass
class Schema:
    """All tables and functions of the exposed schemas, by schema and name."""

    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    functions: dict[tuple[str, str], list[Function]] = field(default_factory=dict)


async def read_schema(connection: psycopg.AsyncConnection, schemas: Sequence[str]) -> Schema:
    """Reads the catalogs in a transaction of its own, with no search path, so that types' names are complete."""
    schema = Schema()
    async with connection.transaction(), psycopg.AsyncRawCursor(connection, row_factory=dict_row) as cursor:
        await cursor.execute("set local search_path = ''")
        await cursor.execute(_TABLES, [list(schemas)])
        for row in await cursor.fetchall():
            schema.tables[row["schema"], row["name"]] = Table(**row)
        await cursor.execute(_COLUMNS, [list(schemas)])
        for row in await cursor.fetchall():
            table = schema.tables.get((row["schema"], row["table"]))
            if table:
                table.columns[row["name"]] = TableColumn(row["type"], row["default"])
        await cursor.execute(_FUNCTIONS, [list(schemas)])
        for row in await cursor.fetchall():
            parameters = _parameters(row.pop("names"), row.pop("modes"), row.pop("types"), row.pop("defaults"))
            function = Function(parameters=parameters, **row)
            schema.functions.setdefault((function.schema, function.name), []).append(function)
    return schema


def _parameters(names: list[str], modes: list[str], types: list[str], defaults: int) -> tuple[Parameter, ...]:
    """The inputs of a function. PostgreSQL: defaults belong to the last inputs."""
    modes = modes or ["i"] * len(types)
    names = names or [""] * len(types)
    inputs = [(n, m, t) for n, m, t in zip(names, modes, types, strict=True) if m in ("i", "b", "v")]
    first_optional = len(inputs) - defaults
    return tuple(
        Parameter(name, type_, required=index < first_optional, variadic=mode == "v")
        for index, (name, mode, type_) in enumerate(inputs)
    )


class SchemaCache:
    """The schema as it was read last, and when it has to be read again."""

    def __init__(self, read: Callable[[], Awaitable[Schema]]) -> None:
        self._read = read
        self._schema: Schema | None = None
        self._read_at = 0.0
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        """Makes the next request read the catalogs."""
        self._schema = None

    async def get(self, *, not_before: float = 0.0) -> Schema:
        """The schema, read at or after the given moment of `time.monotonic()`."""
        async with self._lock:
            if self._schema is None or self._read_at < not_before:
                moment = time.monotonic()
                self._schema = await self._read()
                self._read_at = moment
            return self._schema
