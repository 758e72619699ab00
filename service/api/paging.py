"""Lists, page by page: by keyset, so that nothing is missed or repeated while rows are added."""

import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from postgrest import SyncSelectRequestBuilder

from service.problems import BAD_CURSOR
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
    found = rows(ordered.limit(limit + 1))
    items = [with_cursor(row) for row in found[:limit]]
    return Page(items, items[-1]["cursor"] if len(found) > limit else None)


def with_cursor(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with `cursor`, its opaque place in such a list."""
    place = base64.urlsafe_b64encode(f"{row['created_at']}|{row['id']}".encode()).decode().rstrip("=")
    return {**row, "cursor": place}


def _beyond(cursor: str, name: str, operator: str) -> str:
    """A PostgREST `or` filter: rows on one side of the cursor."""
    moment, row_id = _read_cursor(cursor, name)
    return f'created_at.{operator}."{moment}",and(created_at.eq."{moment}",id.{operator}.{row_id})'


def _read_cursor(cursor: str, name: str) -> tuple[str, str]:
    """created_at (ISO 8601, with a zone) and id: whatever else somebody wrote into it never reaches the filter."""
    try:
        moment, _, row_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None:
            raise ValueError(moment)
        return parsed.isoformat(), str(uuid.UUID(row_id))
    except (ValueError, binascii.Error, UnicodeError):
        raise BAD_CURSOR(f"{name} is not a cursor that a list answered.") from None
