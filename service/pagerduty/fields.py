"""Tolerant access to JSON that somebody else wrote.

Webhook payloads change over time, and any nullable object may be null (PagerDuty: Webhooks overview), so every function
here takes whatever a field holds and answers the wanted type or "absent" (None, or empty); none of them raises.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from service.vocabulary import ID_LIMIT, URL_LIMIT

NAME_LIMIT = 255

# PostgreSQL's jsonb takes neither a NUL nor half of a surrogate pair; U+FFFD stands for what cannot be kept.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROL_IN_LINES = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")

# Best first.
_NAMES = ("display_name", "name", "summary")

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_CLOCK_SKEW = timedelta(days=1)
# Beyond this a float no longer holds every whole number.
_EXACT = 2.0**53
# Numbers of seconds since 1970 stay below this until the year 5138; more must be milliseconds.
_MILLISECONDS_FROM = 1e11


def clean_text(value: str) -> str:
    """The string with every NUL and lone surrogate replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", value)


def clean(value: Any) -> Any:
    """A copy of a JSON value that PostgreSQL's jsonb can store. Its depth must already be bounded."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def deeper_than(value: Any, limit: int) -> bool:
    """Whether arrays and objects are nested more than `limit` levels deep."""
    level = [value]
    for _ in range(limit + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return False
        level = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    return True


def shorten(value: str, limit: int) -> str:
    """The string in at most `limit` characters; what was cut ends in "…"."""
    return value if len(value) <= limit else value[: limit - 1].rstrip() + "…"


def one_line(value: str) -> str:
    """The string without line breaks and control characters."""
    return " ".join(_CONTROL.sub(" ", value).split())


def lines(value: str) -> str:
    """The string with its lines, ended by "\\n", and without other control characters than those and tabs."""
    return _CONTROL_IN_LINES.sub(" ", _LINE_BREAK.sub("\n", value)).strip()


def spelled(value: Any) -> Any:
    """A number as its digits, for where PagerDuty's schema has a string; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else str(value)


def text(value: Any, limit: int) -> str | None:
    """A string without surrounding white space, at most `limit` characters long; None if it is blank or no string.

    A number counts as its digits.
    """
    written = spelled(value)
    stripped = clean_text(written).strip() if isinstance(written, str) else ""
    return shorten(stripped, limit) if stripped else None


def line(value: Any, limit: int) -> str | None:
    """A text on one line without control characters, as a title or a name must be."""
    written = spelled(value)
    return text(one_line(written), limit) if isinstance(written, str) else None


def identifier(value: Any) -> str | None:
    """An id as PagerDuty wrote it; a number is its digits.

    One that had to be cut or mended could equal another's, so it counts as absent.
    """
    written = spelled(value)
    if not isinstance(written, str) or len(written) > ID_LIMIT or "\ufffd" in clean_text(written):
        return None
    stripped = written.strip()
    return stripped if stripped and not _CONTROL.search(stripped) else None


def obj(value: Any) -> dict[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in an array; empty if it is no array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: Any) -> int | None:
    """An incident's number: a whole number, or its digits, that fits PostgreSQL's integer."""
    digits = spelled(value)
    if not isinstance(digits, str) or not digits.isascii() or not digits.isdecimal() or len(digits) > 10:
        return None
    return int(digits) if int(digits) < 2**31 else None


def choice(value: Any, allowed: Collection[str]) -> str | None:
    """One of a few known words, in lower case."""
    word = value.strip().lower() if isinstance(value, str) else ""
    return word if word in allowed else None


def name(value: Any) -> str | None:
    """What a referenced object is called, on one line.

    V3's custom fields and types have a `display_name`, V1 and V2 a `name`, V2's and V3's references a `summary`. A
    string in place of the object is its name.
    """
    if not isinstance(value, dict):
        return line(value, NAME_LIMIT) if isinstance(value, str) else None
    return next((found for key in _NAMES if (found := line(value.get(key), NAME_LIMIT))), None)


def name_or_id(value: Any) -> str | None:
    """What a referenced object is called; where the reference does not say, its id."""
    return name(value) or identifier(obj(value).get("id"))


def names(value: Any) -> tuple[str, ...]:
    """What the objects of an array (or the only one, without an array) are called, each once."""
    entries = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(found for found in map(name_or_id, entries) if found))


def web_url(value: Any) -> str | None:
    """A URL that is safe to link to: absolute, http or https, at most 2048 printable characters."""
    if not isinstance(value, str) or len(value) > URL_LIMIT or "\\" in value:
        return None
    if not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        return value if parts.scheme.lower() in ("http", "https") and parts.hostname else None
    except ValueError:  # such as an IPv6 address without its closing bracket
        return None


def moment(value: Any, now: datetime | None = None) -> datetime | None:
    """A point in time, in UTC: ISO 8601 (without an offset: UTC), RFC 5322, or seconds or milliseconds since 1970.

    A time ahead of `now` counts as now, the time of arrival: a clock that runs ahead must not make every later event of
    its incident look outdated. None for what is not a time, lies before 2000, or is more than a day ahead.
    """
    latest = now or datetime.now(UTC)
    try:
        found = _from_text(value) if isinstance(value, str) else _from_number(value)
        if found is None:
            return None
        in_utc = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None
    return min(in_utc, latest) if _EARLIEST <= in_utc <= latest + _CLOCK_SKEW else None


def _from_text(value: str) -> datetime | None:
    stripped = value.strip()
    if len(stripped) > 64:
        return None
    try:
        return datetime.fromisoformat(stripped)
    except ValueError:
        return parsedate_to_datetime(stripped)


def _from_number(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS_FROM else value, UTC)
