"""The statements of a request. Each answers one row: see `Statement`.

They have the shape of PostgREST's own: a common table expression `pgrst_source` that reads or writes, and around
it a select that counts and builds the body.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg.sql import SQL, Composable, Composed, Identifier

from devstack.rest.payload import Payload
from devstack.rest.request import Media, Query, Window
from devstack.rest.schema import Function, Table, TableColumn
from devstack.rest.sql import (
    Relation,
    Values,
    array_literal,
    body,
    fields_of,
    joined,
    limited,
    order_by,
    select_list,
    where,
)
from devstack.rest.terms import Column

#: The rows of every statement: counts, the body as text, the primary key for `Location`, settings that functions
#: may have made, and how many rows an upsert inserted (PostgREST: response.headers, response.status).
_ANSWER = """
select
  {total}::bigint as total,
  count(*) as page_rows,
  {body} as body,
  {location} as location,
  nullif(current_setting('response.headers', true), '') as headers,
  nullif(current_setting('response.status', true), '') as status,
  nullif(current_setting('pgrst.inserted', true), '') as inserted
from pgrst_page
"""
_NO_TOTAL = SQL("null")
_NO_LOCATION = SQL("null::text[]")
_NO_BODY = SQL("''")


@dataclass(frozen=True)
class Statement:
    """A statement with its parameters. Its row: total, page_rows, body, location, headers, status, inserted."""

    text: Composed
    values: list[str]


def _answer(total: Composable, content: Composable, location: Composable = _NO_LOCATION) -> Composed:
    return SQL(_ANSWER).format(total=total, body=content, location=location)


def count_query(table: Table, query: Query) -> Statement:
    """One row for each row that the conditions let through; for explain and for counting."""
    values = Values()
    relation = Relation(table.schema, table.name, columns=table.columns)
    text = SQL("select 1 from {}{}").format(relation.name, where(relation, query.conditions, values))
    return Statement(text, values.items)


def read(table: Table, query: Query, window: Window, media: Media, count: Composable | None) -> Statement:
    """A select. `count` limits what is counted (see `counting`); None counts nothing."""
    values = Values()
    relation = Relation(table.schema, table.name, columns=table.columns)
    source = SQL("select {} from {}{}{}{}").format(
        select_list(relation, query.selected, values),
        relation.name,
        where(relation, query.conditions, values),
        order_by(relation, query.order, values),
        limited(window),
    )
    total: Composable = _NO_TOTAL
    if count is not None:
        total = SQL("(select count(*) from (select 1 from {}{}{}) as counted)").format(
            relation.name, where(relation, query.conditions, values), count
        )
    text = SQL("with pgrst_source as ({}), pgrst_page as (select * from pgrst_source)").format(source)
    return Statement(text + _answer(total, body(media)), values.items)


def counting(preference: str | None, max_rows: int) -> Composable | None:
    """The limit of what is counted: none for `exact`, just past `max_rows` for `estimated`."""
    if preference == "exact":
        return SQL("")
    return SQL(f" limit {max_rows + 1}") if preference == "estimated" else None


def _rows_of(payload: Payload, columns: dict[str, TableColumn], values: Values, *, defaults: bool) -> Composable:
    """`from …` that makes the payload's rows available as `pgrst_body`.

    `defaults`: a column that a row does not have gets its default, not null (PostgREST: missing=default).
    """
    if not columns and payload.is_object:  # `{}` is one row of defaults
        return SQL(" from (values (1)) as pgrst_body")
    kind = "jsonb" if defaults else "json"
    data: Composable = SQL("{}::{}").format(values.add_whole(payload.text), SQL(kind))
    if not columns:  # `[{},{}]` are two
        return SQL(" from {}({}) as pgrst_body").format(SQL(f"{kind}_array_elements"), data)
    if defaults:
        data = _with_defaults(data, columns, values, is_object=payload.is_object)
    function = SQL(f"{kind}_to_record" + ("" if payload.is_object else "set"))
    typed = joined([SQL("{} {}").format(Identifier(n), SQL(c.type)) for n, c in columns.items()])
    return SQL(" from {}({}) as pgrst_body({})").format(function, data, typed)


def _with_defaults(data: Composable, columns: dict[str, TableColumn], values: Values, *, is_object: bool) -> Composable:
    """The object, or the array of objects, with the columns' defaults under what it has itself."""
    made = [
        SQL("{}::text, {}").format(values.add(name), SQL(column.default))
        for name, column in columns.items()
        if column.default
    ]
    defaults = SQL("jsonb_build_object({})").format(joined(made))
    if is_object:
        return SQL("({} || {})").format(defaults, data)
    each = SQL("(select jsonb_agg({} || element) from jsonb_array_elements({}) as element)")
    return each.format(defaults, data)


def _returning(relation: Relation, names: Sequence[str]) -> Composable:
    """Returns only the columns that are needed: more would need more privileges."""
    if not names:
        return SQL(" returning 1")
    return SQL(" returning ") + joined([relation.column(name) for name in names])


def _needed(columns: Sequence[Column], more: Iterable[str]) -> list[str]:
    """What is returned for a select list, all if that is among it. Source: PostgREST, inferColsEmbedNeeds."""
    names = {column.field.name for column in columns}
    return ["*"] if "*" in names else sorted(names.union(more))


@dataclass(frozen=True)
class Returned:
    """What a writing statement gives back: the rows (`representation`), the primary key, or only their number."""

    media: Media
    representation: bool = False
    location: bool = False


def _written(source: Composable, table: Table, query: Query, returned: Returned, values: Values) -> Statement:
    page: Composable = SQL("select * from pgrst_source")
    content: Composable = _NO_BODY
    if returned.representation:
        relation = Relation(table.name, columns=table.columns)
        page = SQL("select {} from pgrst_source as {}{}").format(
            select_list(relation, query.selected, values), relation.name, order_by(relation, query.order, values)
        )
        content = body(returned.media)
    location: Composable = _NO_LOCATION
    if returned.location and table.primary_key:
        location = SQL(_LOCATION).format(values.add(array_literal(table.primary_key)))
    text = SQL("with pgrst_source as ({}), pgrst_page as ({})").format(source, page)
    return Statement(text + _answer(_NO_TOTAL, content, location), values.items)


_LOCATION = """(
  select array_agg(pair.key || '=' || coalesce('eq.' || pair.value, 'is.null'))
  from pgrst_source, json_each_text(row_to_json(pgrst_source)) as pair
  where pair.key = any({}::text[])
  and (select count(*) from pgrst_source) = 1
)"""


def _names_returned(table: Table, query: Query, returned: Returned) -> list[str]:
    """The columns that the statement returns: what is not among them cannot be ordered by."""
    needed = _needed(query.selected, table.primary_key)  # refuses what no select list may hold, answered or not
    return needed if returned.representation or returned.location else []


#: Counts, in a setting of the transaction, the rows that an upsert inserts rather than updates: plus one for every
#: row that is tried, minus one for every row that is updated. Both conditions are always true.
_COUNT = """set_config(
  'pgrst.inserted',
  (coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0) {})::text,
  true
) <> {}"""
_TRIED = SQL(_COUNT).format(SQL("+ 1"), SQL("'0'"))
_UPDATED = SQL(_COUNT).format(SQL("- 1"), SQL("'-1'"))


@dataclass(frozen=True)
class Conflict:
    """What an insert does about rows that exist: `merge` (or ignore), by the columns of a unique constraint."""

    merge: bool
    columns: list[str]


def insert(
    table: Table,
    query: Query,
    payload: Payload,
    columns: dict[str, TableColumn],
    returned: Returned,
    *,
    conflict: Conflict | None = None,
    defaults: bool = False,
    put: bool = False,
) -> Statement:
    """An insert or an upsert; `put`: only a row that the conditions (on the primary key) hold for."""
    values = Values()
    relation = Relation(table.schema, table.name, columns=table.columns)
    names = joined([Identifier(name) for name in columns])
    into = SQL("({}) ").format(names) if columns else SQL(" ")
    picked = joined([Identifier("pgrst_body", name) for name in columns])
    merging = conflict is not None and conflict.merge
    guards: Composable = SQL(" where ") + _TRIED if merging else SQL("")
    rows = _rows_of(payload, columns, values, defaults=defaults)
    if put:
        kept = where(Relation("pgrst_body", columns=table.columns), query.conditions, values)
        rows = SQL(" from (select pgrst_body.*{}{}) as pgrst_body").format(rows, kept)
    source = SQL("insert into {}{}select {}{}{}{}{}").format(
        relation.name,
        into,
        picked,
        rows,
        guards,
        _on_conflict(conflict, columns),
        _returning(relation, _names_returned(table, query, returned)),
    )
    return _written(source, table, query, returned, values)


def _on_conflict(conflict: Conflict | None, columns: dict[str, TableColumn]) -> Composable:
    if conflict is None or not conflict.columns:
        return SQL("")
    target = SQL(" on conflict ({}) do ").format(joined([Identifier(name) for name in conflict.columns]))
    if not conflict.merge or not columns:
        return target + SQL("nothing")
    changes = joined([SQL("{0} = excluded.{0}").format(Identifier(name)) for name in columns])
    return target + SQL("update set {} where {}").format(changes, _UPDATED)


def update(
    table: Table,
    query: Query,
    payload: Payload,
    columns: dict[str, TableColumn],
    returned: Returned,
    *,
    defaults: bool = False,
) -> Statement:
    """An update of the rows that the conditions hold for; without columns it changes (and finds) nothing."""
    values = Values()
    relation = Relation(table.schema, table.name, columns=table.columns)
    names = _names_returned(table, query, returned)
    if not columns:
        picked = joined([relation.column(name) for name in names]) if names else SQL("1")
        source: Composable = SQL("select {} from {} where false").format(picked, relation.name)
        return _written(source, table, query, returned, values)
    changes = joined([SQL("{} = {}").format(Identifier(n), Identifier("pgrst_body", n)) for n in columns])
    rows = _rows_of(payload, columns, values, defaults=defaults)
    source = SQL("update {} set {} from (select pgrst_body.*{} limit 1) as pgrst_body{}{}").format(
        relation.name, changes, rows, where(relation, query.conditions, values), _returning(relation, names)
    )
    return _written(source, table, query, returned, values)


def delete(table: Table, query: Query, returned: Returned) -> Statement:
    """A delete of the rows that the conditions hold for."""
    values = Values()
    relation = Relation(table.schema, table.name, columns=table.columns)
    source = SQL("delete from {}{}{}").format(
        relation.name,
        where(relation, query.conditions, values),
        _returning(relation, _names_returned(table, query, returned)),
    )
    return _written(source, table, query, returned, values)


def call(
    function: Function,
    query: Query,
    arguments: Payload | dict[str, str],
    window: Window,
    media: Media,
    *,
    count: bool,
) -> Statement:
    """A call of a function, with its result filtered, ordered and cut if it returns rows.

    `arguments`: a JSON body, or text values by name (from a query string).
    """
    values = Values()
    given, origin = _arguments(function, arguments, values)
    name = Identifier(function.schema, function.name)
    lateral = SQL("lateral ") if origin.as_string() else SQL("")
    if function.returns_rows:
        columns = _needed(query.selected, fields_of(query.conditions)) if query.selected else ["*"]
        picked = joined([Relation("pgrst_call").column(column) for column in columns])
        called = SQL("select {} from {}{}{}({}) as pgrst_call").format(picked, origin, lateral, name, given)
    else:
        called = SQL("select pgrst_call.pgrst_scalar from {}{}(select {}({}) as pgrst_scalar) as pgrst_call").format(
            origin, lateral, name, given
        )
    relation = Relation(function.return_type if function.returns_rows else function.name)
    filters = where(relation, query.conditions, values)
    page = SQL("select {} from pgrst_source as {}{}{}{}").format(
        select_list(relation, query.selected, values),
        relation.name,
        filters,
        order_by(relation, query.order, values),
        limited(window),
    )
    counted = SQL("(select count(*) from pgrst_source as {}{})").format(relation.name, filters)
    total = counted if count else _NO_TOTAL
    content = body(media, scalar=not function.returns_rows, single=not function.returns_set)
    text = SQL("with pgrst_source as ({}), pgrst_page as ({})").format(called, page)
    return Statement(text + _answer(total, content), values.items)


def _arguments(
    function: Function, arguments: Payload | dict[str, str], values: Values
) -> tuple[Composable, Composable]:
    """The arguments of the call, and the from item that they come from, if any (with its comma)."""
    if isinstance(arguments, Payload) and function.takes_body:
        type_ = SQL(function.parameters[0].type)
        return SQL("{}::{}").format(values.add(arguments.text), type_), SQL("")
    names = set(arguments.keys if isinstance(arguments, Payload) else arguments)
    wanted = [parameter for parameter in function.parameters if parameter.name in names]
    if not wanted:
        return SQL(""), SQL("")
    given: list[Composable] = []
    for parameter in wanted:
        value: Composable = Identifier("pgrst_body", parameter.name)
        if not isinstance(arguments, Payload):
            add = values.add_whole if parameter.variadic else values.add
            value = SQL("{}::{}").format(add(arguments[parameter.name]), SQL(parameter.type))
        variadic = SQL("variadic ") if parameter.variadic else SQL("")
        given.append(SQL("{}{} => {}").format(variadic, Identifier(parameter.name), value))
    if not isinstance(arguments, Payload):
        return joined(given), SQL("")
    columns = {parameter.name: TableColumn(parameter.type, None) for parameter in wanted}
    rows = _rows_of(arguments, columns, values, defaults=False)
    return joined(given), SQL("(select pgrst_body.*{} limit 1) as pgrst_body, ").format(rows)
