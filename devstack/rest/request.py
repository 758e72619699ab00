"""What a request asks for, read from its query string and headers; no database in sight.

Sources: PostgREST, "Tables and Views", "Pagination and Count", "Media Type Handlers", "Schemas".
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote_plus, urlencode

from devstack.rest.answers import ApiError, not_embedded, range_error, unsupported
from devstack.rest.grammar import (
    parse_columns,
    parse_logic,
    parse_operation,
    parse_order,
    parse_path,
    parse_select,
)
from devstack.rest.scanner import GrammarError
from devstack.rest.terms import Aggregate, Column, Condition, Embedding, Filter, OrderTerm, SelectItem

Parsed = TypeVar("Parsed")

_HEADER_RANGE = re.compile(r"(\d{1,15})-(\d{0,15})", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,15}", re.ASCII)
_MEDIA_TYPE = re.compile(r"([^\W_.]|[.*])+/([^\W_]|[.*+-])+")
_PARAMETER = re.compile(r'\s*;\s*((?:[^\W_]|-)+)\s*=\s*(?:"([^"]*)"|((?:[^\W_]|[|-])+))')

JSON = "application/json"
OBJECT = "application/vnd.pgrst.object+json"
ARRAY = "application/vnd.pgrst.array+json"
CSV = "text/csv"
FORM = "application/x-www-form-urlencoded"
GEO_JSON = "application/geo+json"
#: The media types that PostgREST knows by name, whatever their parameters, and their other spellings.
KNOWN = {
    **{name: name for name in (JSON, GEO_JSON, CSV, FORM, "text/plain", "text/xml", "application/octet-stream")},
    **dict.fromkeys((OBJECT, "application/vnd.pgrst.object"), OBJECT),
    **dict.fromkeys((ARRAY, "application/vnd.pgrst.array"), ARRAY),
    "application/openapi+json": "application/openapi+json",
    "*/*": "*/*",
}


@dataclass(frozen=True)
class Window:
    """The rows asked for: the first one's number, from 0, and how many (None: all)."""

    offset: int = 0
    limit: int | None = None

    def capped(self, rows: int) -> "Window":
        """The window with at most so many rows."""
        return Window(self.offset, rows if self.limit is None else min(self.limit, rows))


@dataclass
class Query:
    """The query string. `arguments` are a function's, by GET: the parameters that are no filters."""

    select: list[SelectItem] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    order: list[OrderTerm] = field(default_factory=list)
    columns: list[str] | None = None
    on_conflict: list[str] | None = None
    arguments: dict[str, list[str]] = field(default_factory=dict)
    limit: int | None = None
    offset: int | None = None
    canonical: str = ""

    def refuse_embedding(self) -> None:
        """Raises 501 if the select list embeds a resource."""
        for item in self.select:
            if isinstance(item, Embedding):
                raise unsupported(f"embedding the resource '{item.relation}' in select")

    @property
    def selected(self) -> list[Column]:
        """The columns of the select list; an empty one means all of them.

        Raises PGRST123 for an aggregate (PostgREST's default: not allowed) and 501 for an embedded resource.
        """
        self.refuse_embedding()
        if any(isinstance(item, Aggregate) for item in self.select):
            raise ApiError(400, "PGRST123", "Use of aggregate functions is not allowed")
        return [item for item in self.select if isinstance(item, Column)]

    @property
    def primary_key_filters(self) -> dict[str, str] | None:
        """Column to value, where every condition is a plain `column=eq.value`; None otherwise."""
        found = {}
        for condition in self.conditions:
            if not isinstance(condition, Filter) or condition.field.path:
                return None
            operation = condition.operation
            if operation.operator != "eq" or operation.negated or operation.modifier:
                return None
            found[condition.field.name] = operation.value
        return found


def parse_query(raw: str, *, with_arguments: bool = False) -> Query:
    """Reads a query string; `with_arguments` where it may carry a function's arguments (GET on `/rpc/`).

    Raises ApiError (PGRST100) for what is not in the grammar.
    """
    query = Query()
    pairs = [
        (unquote_plus(name), unquote_plus(value))
        for name, separator, value in (part.partition("=") for part in raw.split("&"))
        if separator
    ]
    query.canonical = urlencode(sorted(pairs))
    once = dict(reversed(pairs))
    query.select = _parsed(parse_select, once.get("select", "*"), "select parameter")
    if "columns" in once:
        query.columns = _parsed(parse_columns, once["columns"], "columns parameter")
    if "on_conflict" in once:
        query.on_conflict = _parsed(parse_columns, once["on_conflict"], "on_conflict parameter")
    for name, value in pairs:
        if name not in ("select", "columns", "on_conflict"):
            _add(query, name, value, with_arguments=with_arguments)
    return query


def _add(query: Query, name: str, value: str, *, with_arguments: bool) -> None:
    last = name.rsplit(".", 1)[-1]
    if last in ("and", "or"):
        path, negated = _logic_path(name)
        label = f"failed to parse logic tree ({value})"
        tree = _parsed(lambda text: parse_logic(last, text, negated=negated), value, label, labelled=True)
        query.conditions.append(_at_root(query, path, tree))
    elif last == "order":
        _at_root(query, _path(name)[:-1], None)
        query.order = _parsed(parse_order, value, "order")
    elif last in ("limit", "offset"):
        _at_root(query, _path(name)[:-1], None)
        number = int(value) if _INTEGER.fullmatch(value) else None
        if number is not None and last == "limit":
            query.limit = number
        elif number is not None:
            query.offset = max(number, 0)
    else:
        _add_filter(query, name, value, with_arguments=with_arguments)


def _add_filter(query: Query, name: str, value: str, *, with_arguments: bool) -> None:
    path, column = _parsed(parse_path, name, "tree path")
    try:
        operation = _parsed(parse_operation, value, "filter")
    except ApiError:
        if not with_arguments:
            raise
        query.arguments.setdefault(column.name, []).append(value)
        return
    query.conditions.append(_at_root(query, path, Filter(column, operation)))


def _path(name: str) -> list[str]:
    path, column = _parsed(parse_path, name, "tree path")
    return [*path, column.name]


def _logic_path(name: str) -> tuple[list[str], bool]:
    *path, _ = _path(name)
    return [part for part in path if part != "not"], "not" in path


def _at_root(query: Query, path: Sequence[str], parsed: Parsed) -> Parsed:
    """What was parsed, if it is for the table itself and not for an embedded resource."""
    if path:
        query.refuse_embedding()
        raise not_embedded(path[0])
    return parsed


def _parsed(parse: Callable[[str], Parsed], text: str, what: str, *, labelled: bool = False) -> Parsed:
    try:
        return parse(text)
    except GrammarError as error:
        label = what if labelled else f"failed to parse {what} ({text})"
        message = f'"{label}" (line 1, column {error.column})'
        raise ApiError(400, "PGRST100", message, error.details) from error


def window_of(query: Query, range_header: str | None) -> Window:
    """The rows asked for by limit, offset and the `Range` header (which counts for GET only; pass None otherwise).

    Raises PGRST103 for a window that cannot be.
    """
    lower, upper = 0, None
    header = _HEADER_RANGE.fullmatch(range_header) if range_header else None
    if header:
        lower, upper = int(header[1]), int(header[2]) if header[2] else None
        if upper is not None and upper < lower:
            raise range_error(
                "The lower boundary must be lower than or equal to the upper boundary in the Range header."
            )
    if query.limit == 0 and not query.offset:
        return Window(0, 0)
    offset = query.offset or 0
    if query.limit is not None:
        last = offset + query.limit - 1
        upper = last if upper is None else min(upper, last)
    lower = max(lower, offset)
    if upper is not None and upper < lower:
        raise range_error("Limit should be greater than or equal to zero.")
    return Window(lower, None if upper is None else upper - lower + 1)


@dataclass(frozen=True)
class Media:
    """A media type: one of KNOWN, or the text of another."""

    kind: str
    nulls_stripped: bool = False

    @property
    def name(self) -> str:
        """The media type as PostgREST writes it."""
        return f"{self.kind}{';nulls=stripped' if self.nulls_stripped else ''}"

    @property
    def header(self) -> str:
        """The value of `Content-Type`."""
        return f"{self.name}; charset=utf-8"


def media_of(text: str) -> Media:
    """The media type that a text names. Source: PostgREST, decodeMediaType; an array with its nulls is plain JSON."""
    found = _MEDIA_TYPE.match(text)
    kind = KNOWN.get(found[0].lower()) if found else None
    if found is None or kind is None:
        return Media(text)
    parameters: dict[str, str] = {}
    position = found.end()
    while parameter := _PARAMETER.match(text, position):
        parameters[parameter[1].lower()] = parameter[2] or parameter[3] or ""
        position = parameter.end()
    stripped = parameters.get("nulls") == "stripped"
    if kind == ARRAY and not stripped:
        return Media(JSON)
    return Media(kind, stripped and kind in (ARRAY, OBJECT))


def negotiate(accept: str | None, kinds: Sequence[str] = (JSON, CSV, OBJECT, ARRAY)) -> Media:
    """The best of the media types that the client accepts (all, without the header), if there are answers of its kind.

    Raises PGRST107 (406) if none can be had, and 501 for those that PostgREST has built in and this has not. Only
    `*/*` stands for others: `application/*` is a media type that nobody has.
    """
    wanted = [Media("*/*")] if accept is None else _by_quality(accept)
    for media in wanted:
        if media.kind == "*/*":
            return Media(JSON)
        if media.kind in kinds:
            return media
        if media.kind == GEO_JSON:
            raise unsupported(f"answers of the media type {media.kind}")
    names = ", ".join(media.name for media in wanted)
    raise ApiError(406, "PGRST107", f"None of these media types are available: {names}")


def _by_quality(accept: str) -> list[Media]:
    """The media types of an `Accept` header, best first; more parameters are better. Source: WAI, parseHttpAccept."""
    found = []
    for item in accept.replace(" ", "").split(",") if accept else ():
        text, _, quality = item.partition(";q=")
        found.append((_quality(quality.partition(";")[0]), text.count(";") - text.count("*"), media_of(text)))
    found.sort(key=lambda entry: entry[:2], reverse=True)  # stable: the client's order among equals
    return [media for _, _, media in found]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
