"""Requests on functions, below `/rpc/`. Source: PostgREST, "Functions as RPC"."""

import difflib
from collections.abc import Iterable

from starlette.responses import Response

from devstack.rest.answers import ApiError, unsupported
from devstack.rest.context import Context, check_affected, finish, page_answer
from devstack.rest.payload import Payload, parse_payload
from devstack.rest.request import media_of, negotiate
from devstack.rest.schema import Function, Schema
from devstack.rest.sql import array_literal
from devstack.rest.statements import call

#: Bodies that go whole into a single unnamed parameter of type text, xml or bytea.
RAW_TYPES = ("text/plain", "text/xml", "application/octet-stream")


async def handle_function(context: Context) -> Response:
    """Answers a call. By GET the arguments stand in the query string and the transaction only reads."""
    payload = None if context.reading else _payload(context)
    names = set(context.query.arguments if payload is None else payload.keys)
    function = await _find_function(context, names, by_body=payload is not None)
    arguments = _texts(function, context.query.arguments) if payload is None else payload
    media = negotiate(context.accept)
    preferences, window = context.preferences, context.window
    if preferences.strict and preferences.max_affected is not None and not function.returns_set:
        message = "Function must return SETOF or TABLE when max-affected preference is used with handling=strict"
        raise ApiError(400, "PGRST128", message)
    counted = preferences.count in ("exact", "estimated")
    statement = call(function, context.query, arguments, window.capped(context.max_rows), media, count=counted)
    read_only = context.reading or not function.volatile
    async with context.database.transaction(context.settings, read_only=read_only) as transaction:
        row = await transaction.run(statement)
        check_affected(preferences, row.page_rows)
        await finish(context, transaction, row, media)
    headers = {"Preference-Applied": preferences.applied("max-affected")}
    return page_answer(context, row, row.total, headers, None if function.returns_void else media)


async def allowed_methods(context: Context) -> str:
    """The value of `Allow` for a function. It is looked for as one that is called without arguments."""
    function = await _find_function(context, set(), by_body=False)
    negotiate(context.accept)
    return "OPTIONS,POST" if function.volatile else "OPTIONS,GET,HEAD,POST"


def _payload(context: Context) -> Payload:
    kind = media_of(context.content_type or "").kind
    if kind in RAW_TYPES:
        raise unsupported(f"a function's body of the media type {kind}")
    return parse_payload(context.body, context.content_type, context.query.columns, empty=b"{}")


def _texts(function: Function, arguments: dict[str, list[str]]) -> dict[str, str]:
    """The arguments by name as text; of one that is given again the last counts, a variadic one takes all."""
    variadic = {parameter.name for parameter in function.parameters if parameter.variadic}
    return {name: array_literal(values) if name in variadic else values[-1] for name, values in arguments.items()}


async def _find_function(context: Context, names: set[str], *, by_body: bool) -> Function:
    """The one function that takes these arguments, looked for a second time in a fresh cache.

    Raises PGRST202 if there is none and PGRST203 if there are several.
    """
    for moment in (0.0, context.arrived):
        schema = await context.database.cache.get(not_before=moment)
        overloads = schema.functions.get((context.schema, context.name), [])
        found = [function for function in overloads if function.accepts(names)]
        found = found or [function for function in overloads if by_body and function.takes_body]
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(found)
    raise _not_found(context, schema, sorted(names), by_body=by_body)


def _ambiguous(functions: Iterable[Function]) -> ApiError:
    described = ", ".join(
        f"{f.schema}.{f.name}({', '.join(f'{p.name} => {p.type}' for p in f.parameters)})" for f in functions
    )
    hint = "Try renaming the parameters or the function itself in the database so function overloading can be resolved"
    return ApiError(300, "PGRST203", f"Could not choose the best candidate function between: {described}", hint=hint)


def _not_found(context: Context, schema: Schema, names: Iterable[str], *, by_body: bool) -> ApiError:
    names = list(names)
    full_name = f"{context.schema}.{context.name}"
    called = f"({', '.join(names)})" if names else " without parameters"
    searched = f" with parameter{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else " without parameters"
    body = " or with a single unnamed json/jsonb parameter" if by_body else ""
    return ApiError(
        404,
        "PGRST202",
        f"Could not find the function {full_name}{called} in the schema cache",
        f"Searched for the function {full_name}{searched}{body}, but no matches were found in the schema cache.",
        _hint(context, schema),
    )


def _hint(context: Context, schema: Schema) -> str | None:
    overloads = schema.functions.get((context.schema, context.name), [])
    if overloads:
        parameters = ", ".join(sorted(parameter.name for parameter in overloads[0].parameters))
        return f"Perhaps you meant to call the function {context.schema}.{context.name}({parameters})"
    near = difflib.get_close_matches(context.name, [n for owner, n in schema.functions if owner == context.schema])
    return f"Perhaps you meant to call the function {context.schema}.{near[0]}" if near else None
