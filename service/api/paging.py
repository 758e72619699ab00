"""Lists, page by page: by keyset, so that nothing is missed or repeated while rows are added."""

import base64
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from postgrest import SyncSelectRequestBuilder

from service.problems import BAD_CURSOR, Problem
from service.rest import rows


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the list's order, each with its `cursor`; `next` is the last one's, if there is more behind it."""

    items: list[dict[str, Any]]
    next: str | None


def read_page(
    listed: SyncSelectRequestBuilder,
    limit: int,
    *,
    before: str | None = None,
    after: str | None = None,
    newest_first: bool = True,
) -> Page:
    """A page of at most `limit` rows, ordered by created_at and id.

    Raises Problem (bad-cursor), and what `rows` raises. `before` and `after` are cursors: only what is older, or newer.
    """
    if before:
        listed = listed.or_(_beyond(before, "before", "lt"))
    if after:
        listed = listed.or_(_beyond(after, "after", "gt"))
    ordered = listed.order("created_at", desc=newest_first).order("id", desc=newest_first)
    return page_of(rows(ordered.limit(limit + 1)), limit, with_cursor)


def page_of(
    found: Sequence[Mapping[str, Any]], limit: int, placed: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Page:
    """The first `limit` of the rows, of which one more was asked for; `placed` gives each its `cursor`."""
    items = [placed(row) for row in found[:limit]]
    return Page(items, items[-1]["cursor"] if len(found) > limit else None)


def with_cursor(row: Mapping[str, Any], moment: str = "created_at") -> dict[str, Any]:
    """The row with `cursor`, its opaque place in a list that is ordered by the column `moment` and id."""
    return {**row, "cursor": _encoded(f"{row[moment]}|{row['id']}")}


def with_seq_cursor(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with `cursor`, its opaque place in a list that is ordered by loud_seq."""
    return {**row, "cursor": _encoded(f"{row['loud_seq']}")}


def read_seq_cursor(cursor: str, name: str) -> int:
    """The loud_seq of a cursor. Raises Problem (bad-cursor)."""
    try:
        place = _decoded(cursor)
    except ValueError:
        raise _bad_cursor(name) from None
    if not re.fullmatch(r"[0-9]{1,18}", place, re.ASCII):
        raise _bad_cursor(name)
    return int(place)


def _beyond(cursor: str, name: str, operator: str) -> str:
    """A PostgREST `or` filter: rows on one side of the cursor."""
    moment, row_id = read_cursor(cursor, name)
    return f'created_at.{operator}."{moment}",and(created_at.eq."{moment}",id.{operator}.{row_id})'


def read_cursor(cursor: str, name: str) -> tuple[str, str]:
    """created_at (ISO 8601, with a zone) and id: whatever else somebody wrote into it never reaches the filter."""
    try:
        moment, _, row_id = _decoded(cursor).partition("|")
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None:
            raise ValueError(moment)
        return parsed.isoformat(), str(uuid.UUID(row_id))
    except ValueError:
        raise _bad_cursor(name) from None


def _encoded(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> str:
    """Raises ValueError, as base64 and UTF-8 do."""
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()


def _bad_cursor(name: str) -> Problem:
    return BAD_CURSOR(f"{name} is not a cursor that a list answered.")
