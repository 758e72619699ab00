"""What the handlers of tables and of functions share: the request as it was understood, and its answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from devstack.rest.answers import ApiError, is_status, not_single, range_error
from devstack.rest.auth import Identity
from devstack.rest.database import Database, Row, Transaction
from devstack.rest.preferences import Preferences
from devstack.rest.request import OBJECT, Media, Query, Window


@dataclass(frozen=True)
class Context:
    """A request, read and authenticated; `name` is the table's or the function's."""

    database: Database
    method: str
    schema: str
    name: str
    identity: Identity
    preferences: Preferences
    query: Query
    window: Window
    accept: str | None
    content_type: str | None
    body: bytes
    settings: Mapping[str, str]
    max_rows: int
    arrived: float

    @property
    def reading(self) -> bool:
        """Whether the method only reads."""
        return self.method in ("GET", "HEAD")


async def finish(context: Context, transaction: Transaction, row: Row, media: Media) -> None:
    """Checks what only the result can tell, before the transaction ends. Raises PGRST116."""
    if media.kind == OBJECT and row.page_rows != 1:
        raise not_single(row.page_rows)
    if context.preferences.tx == "rollback":
        await transaction.roll_back_at_end()


def check_affected(preferences: Preferences, rows: int) -> None:
    """Raises PGRST124 if more rows are affected than the client wants (`handling=strict,max-affected=N`)."""
    limit = preferences.max_affected
    if preferences.strict and limit is not None and rows > limit:
        message = "Query result exceeds max-affected preference constraint"
        raise ApiError(400, "PGRST124", message, f"The query affects {rows} rows")


def page_answer(
    context: Context, row: Row, total: int | None, headers: Mapping[str, str | None], media: Media | None
) -> Response:
    """The answer of a window of rows: 200, or 206 if there are more than it holds.

    416 for a window past the end: its body tells the error, all else is as PostgREST answers rows.
    """
    first = context.window.offset
    status = 200 if total is None or row.page_rows >= total else 206
    if total is not None and first > total:
        error = range_error(f"An offset of {first} was requested, but there are only {total} rows.")
        status, row = error.status, replace(row, body=error.body)
    headers = {"Content-Range": content_range(first, row.page_rows, total), **headers}
    return answer(row, 204 if media is None else status, headers, media)


def content_range(first: int, rows: int, total: int | None) -> str:
    """The value of `Content-Range`: `0-9/42`, with `*` for what there is not or is not known."""
    there = f"{first}-{first + rows - 1}" if rows > 0 and total != 0 else "*"
    return f"{there}/{'*' if total is None else total}"


def answer(row: Row, status: int, headers: Mapping[str, str | None], media: Media | None) -> Response:
    """The answer, with what functions set in `response.status` and `response.headers` in its stead.

    Without a media type there is no body.
    """
    merged = {name: value for name, value in headers.items() if value is not None}
    if media is not None:
        merged["Content-Type"] = media.header
    made = _guc_headers(row.headers)
    set_names = {name.lower() for name, _ in made}
    response = Response(row.body if media is not None else b"", _guc_status(row.status) or status)
    if media is None:
        del response.headers["content-length"]
    for name, value in merged.items():
        if name.lower() not in set_names:
            response.headers[name] = value
    for name, value in made:
        response.headers.append(name, value)
    return response


def _guc_status(setting: str | None) -> int | None:
    if setting is None:
        return None
    if not (setting.isascii() and setting.isdigit() and is_status(int(setting))):
        raise ApiError(500, "PGRST112", "response.status guc must be a valid status code")
    return int(setting)


def _guc_headers(setting: str | None) -> list[tuple[str, str]]:
    try:
        items: Any = json.loads(setting or "[]")
        pairs = [(str(name), str(value)) for item in items for name, value in item.items()]
        for name, value in pairs:
            name.encode("ascii"), value.encode("latin-1")
    except (ValueError, AttributeError, TypeError) as error:
        message = "response.headers guc must be a JSON array composed of objects with a single key and a string value"
        raise ApiError(500, "PGRST111", message) from error
    return pairs
