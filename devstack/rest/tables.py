"""Requests on tables and views: select, insert, upsert, update, delete. Source: PostgREST, "Tables and Views"."""

import difflib
from urllib.parse import urlencode

from starlette.responses import Response

from devstack.rest.answers import ApiError
from devstack.rest.context import Context, answer, check_affected, content_range, finish, page_answer
from devstack.rest.database import Row
from devstack.rest.payload import Payload, parse_payload
from devstack.rest.request import Media, negotiate
from devstack.rest.schema import Table, TableColumn
from devstack.rest.statements import (
    Conflict,
    Returned,
    Statement,
    count_query,
    counting,
    delete,
    insert,
    read,
    update,
)

UPDATE, INSERT, DELETE = 2, 3, 4  # PostgreSQL's CmdType


async def find_table(context: Context) -> Table:
    """The table of the request, looked for a second time in a fresh cache. Raises PGRST205."""
    key = (context.schema, context.name)
    for moment in (0.0, context.arrived):
        schema = await context.database.cache.get(not_before=moment)
        if key in schema.tables:
            return schema.tables[key]
    near = difflib.get_close_matches(context.name, [name for owner, name in schema.tables if owner == context.schema])
    hint = f"Perhaps you meant the table '{context.schema}.{near[0]}'" if near else None
    message = f"Could not find the table '{context.schema}.{context.name}' in the schema cache"
    raise ApiError(404, "PGRST205", message, hint=hint)


async def handle_table(context: Context) -> Response:
    """Answers a request on a table."""
    table = await find_table(context)
    if context.reading:
        return await _read(context, table)
    writers = {"POST": _insert, "PATCH": _update, "DELETE": _delete, "PUT": _put}
    return await writers[context.method](context, table)


async def allowed_methods(context: Context) -> str:
    """The value of `Allow` for a table, by what PostgreSQL can do with it."""
    table = await find_table(context)
    methods = ["OPTIONS", "GET", "HEAD"]
    methods += ["POST"] if table.allows(INSERT) else []
    methods += ["PUT"] if table.allows(INSERT) and table.allows(UPDATE) and table.primary_key else []
    methods += ["PATCH"] if table.allows(UPDATE) else []
    methods += ["DELETE"] if table.allows(DELETE) else []
    return ",".join(methods)


async def _read(context: Context, table: Table) -> Response:
    preferences, window = context.preferences, context.window
    media = negotiate(context.accept)
    counted = counting(preferences.count, context.max_rows)
    statement = read(table, context.query, window.capped(context.max_rows), media, counted)
    async with context.database.transaction(context.settings, read_only=True) as transaction:
        row = await transaction.run(statement)
        await finish(context, transaction, row, media)
        total = row.total
        if preferences.count == "planned" or (
            total is not None and total > context.max_rows and preferences.count == "estimated"
        ):
            total = max(total or 0, await transaction.planned_rows(count_query(table, context.query)))
    headers = {
        "Content-Location": f"/{table.name}" + (f"?{context.query.canonical}" if context.query.canonical else ""),
        "Preference-Applied": preferences.applied(),
    }
    return page_answer(context, row, total, headers, media)


def _returned(context: Context) -> Returned:
    preferences = context.preferences
    return Returned(negotiate(context.accept), preferences.representation, preferences.returning == "headers-only")


async def _payload(context: Context, table: Table) -> tuple[Payload, dict[str, TableColumn], Table]:
    """The body, and the table's columns that it writes. Raises PGRST204 for one that the table does not have."""
    columns = None if context.method == "PUT" else context.query.columns
    payload = parse_payload(context.body, context.content_type, columns)
    if not set(payload.keys) <= table.columns.keys():  # the column may be newer than the cache
        schema = await context.database.cache.get(not_before=context.arrived)
        table = schema.tables.get((table.schema, table.name), table)
    for key in payload.keys:
        if key not in table.columns:
            message = f"Could not find the '{key}' column of '{table.name}' in the schema cache"
            raise ApiError(400, "PGRST204", message)
    return payload, {key: table.columns[key] for key in payload.keys}, table


async def _write(context: Context, statement: Statement, media: Media, *, limited: bool = False) -> Row:
    async with context.database.transaction(context.settings, read_only=False) as transaction:
        row = await transaction.run(statement)
        if context.method == "PUT":
            if row.page_rows != 1:
                message = "Payload values do not match URL in primary key column(s)"
                raise ApiError(400, "PGRST115", message)
            media = Media("application/json")  # its one row is single already
        if limited:
            check_affected(context.preferences, row.page_rows)
        await finish(context, transaction, row, media)
    return row


def _representation(context: Context, media: Media) -> Media | None:
    return media if context.preferences.representation else None


def _total(context: Context, row: Row) -> int | None:
    return row.page_rows if context.preferences.count in ("exact", "estimated") else None


async def _insert(context: Context, table: Table) -> Response:
    preferences = context.preferences
    payload, columns, table = await _payload(context, table)
    returned = _returned(context)
    merge = preferences.resolution == "merge-duplicates"
    conflict = Conflict(merge, context.query.on_conflict or table.primary_key) if preferences.resolution else None
    statement = insert(
        table,
        context.query,
        payload,
        columns,
        returned,
        conflict=conflict,
        defaults=preferences.missing == "default",
    )
    row = await _write(context, statement, returned.media)
    resolved = ("resolution",) if table.primary_key or context.query.on_conflict else ()
    headers = {
        "Location": _location(table, row),
        "Content-Range": content_range(0, 0, _total(context, row)),
        "Preference-Applied": preferences.applied(*resolved, "missing", "return"),
    }
    status = 200 if merge and int(row.inserted or 0) <= 0 else 201
    return answer(row, status, headers, _representation(context, returned.media))


def _location(table: Table, row: Row) -> str | None:
    if not row.location:
        return None
    return f"/{table.name}?" + urlencode([pair.partition("=")[::2] for pair in row.location])


async def _put(context: Context, table: Table) -> Response:
    if context.query.limit is not None or context.query.offset:
        raise ApiError(400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT")
    filters = context.query.primary_key_filters
    if not table.primary_key or filters is None or set(filters) != set(table.primary_key):
        message = "Filters must include all and only primary key columns with 'eq' operators"
        raise ApiError(405, "PGRST105", message)
    payload, columns, table = await _payload(context, table)
    returned = _returned(context)
    conflict = Conflict(True, table.primary_key)
    statement = insert(table, context.query, payload, columns, returned, conflict=conflict, put=True)
    row = await _write(context, statement, returned.media)
    media = _representation(context, returned.media)
    status = 204 if media is None else 201 if int(row.inserted or 0) > 0 else 200
    return answer(row, status, {"Preference-Applied": context.preferences.applied("return")}, media)


async def _update(context: Context, table: Table) -> Response:
    payload, columns, table = await _payload(context, table)
    returned = _returned(context)
    defaults = context.preferences.missing == "default"
    statement = update(table, context.query, payload, columns, returned, defaults=defaults)
    row = await _write(context, statement, returned.media, limited=True)
    headers = {
        "Content-Range": content_range(0, row.page_rows, _total(context, row)),
        "Preference-Applied": context.preferences.applied("missing", "return", "max-affected"),
    }
    media = _representation(context, returned.media)
    return answer(row, 200 if media else 204, headers, media)


async def _delete(context: Context, table: Table) -> Response:
    returned = _returned(context)
    row = await _write(context, delete(table, context.query, returned), returned.media, limited=True)
    headers = {
        "Content-Range": content_range(0, 0, _total(context, row)),
        "Preference-Applied": context.preferences.applied("return", "max-affected"),
    }
    media = _representation(context, returned.media)
    return answer(row, 200 if media else 204, headers, media)
