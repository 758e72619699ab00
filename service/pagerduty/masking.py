"""Payloads for debug logs: what they hold, without secrets and without personal data.

Masked by the name of the field: keys, tokens, passwords, signatures, the receiver's own URL (its token is in V2's
`endpoint_url`), e-mail addresses, phone and conference numbers, and the names of people. A name that was found that way
is masked wherever else it is written, as in a log entry's "Acknowledged by …". What people wrote themselves stays, for
that is what one debugs, except the e-mail addresses, phone numbers and credentials that can be recognised in it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from service.pagerduty.fields import shorten

MASK = "***"
MAX_DEPTH = 16
MAX_ITEMS = 100
MAX_STRING = 500
_MAX_NAMES = 100
_SHORTEST_NAME = 3

_SECRET = re.compile(r"key|token|secret|authorization|passw|passphrase|signature|credential|cookie", re.I)
# These keys say which alert this is. They open nothing.
_NO_SECRET = frozenset({"incident_key", "alert_key", "dedup_key"})
_PRIVATE = re.compile(r"e_?mail|phone|conference|custom_headers|endpoint_url|avatar|cal_url", re.I)
_PERSON = re.compile(
    r"agent|assign|user|acknowledger|responder|requester|resolved_by|changed?_by|created_by|subscriber|on_?call", re.I
)
_NAMING = frozenset({"name", "summary", "html_url", "display_name", "first_name", "last_name"})

_CREDENTIAL = re.compile(r"(?i)\b(bearer|token|api[_-]?key|routing[_-]?key|passw(?:or)?d|secret)(\s*[=:]\s*|\s+)\S+")
_EMAIL = re.compile(r"[^\s@<>\"',;:()]{1,64}@[^\s@<>\"',;:()]{1,255}")
_PHONE = re.compile(r"\+\d[\d ().-]{6,20}\d")


def mask(value: Any) -> Any:
    """A masked copy of a JSON value or of headers: at most 16 levels, 100 items a level, 500 characters a string."""
    names = sorted(set(_people(value, False, 0)), key=len, reverse=True)[:_MAX_NAMES]
    pattern = re.compile("|".join(map(re.escape, names))) if names else None
    return _mask(value, False, pattern, 0)


def _people(value: Any, is_person: bool, depth: int) -> Iterator[str]:
    """The names of people anywhere in the value."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        person = _describes_person(value, is_person)
        for key, item in _items(value):
            if (
                person
                and key in _NAMING
                and isinstance(item, str)
                and _SHORTEST_NAME <= len(item.strip()) <= MAX_STRING
            ):
                yield item.strip()
            yield from _people(item, person or bool(_PERSON.search(key)), depth + 1)
    elif isinstance(value, list | tuple):
        for item in value[:MAX_ITEMS]:
            yield from _people(item, is_person, depth + 1)


def _describes_person(value: Mapping[Any, Any], is_person: bool) -> bool:
    """By the object's own type where it has one (an agent may be a service), else by the field it is under."""
    kind = value.get("type")
    if isinstance(kind, str) and kind.endswith("_reference"):
        return "user" in kind
    return is_person or kind == "user"


def _mask(value: Any, is_person: bool, names: re.Pattern[str] | None, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return _mask_object(value, _describes_person(value, is_person), names, depth)
    if isinstance(value, list | tuple):
        masked = [_mask(item, is_person, names, depth + 1) for item in value[:MAX_ITEMS]]
        return [*masked, f"… {len(value) - MAX_ITEMS} more"] if len(value) > MAX_ITEMS else masked
    if isinstance(value, str):
        return _hide(value) if is_person else _mask_text(value, names)
    return value if value is None or isinstance(value, bool | int | float) else MASK


def _mask_object(value: Mapping[Any, Any], person: bool, names: re.Pattern[str] | None, depth: int) -> dict[str, Any]:
    masked: dict[str, Any] = {}
    for key, item in _items(value):
        about_person = bool(_PERSON.search(key))
        is_name = (person and key in _NAMING) or (about_person and isinstance(item, str))
        shown = _mask_text(key, names)
        if _is_private(key) or is_name:
            masked[shown] = _hide(item)
        elif isinstance(item, str):
            masked[shown] = _mask_text(item, names)
        else:
            masked[shown] = _mask(item, person or about_person, names, depth + 1)
    if len(value) > MAX_ITEMS:
        masked["…"] = f"{len(value) - MAX_ITEMS} more"
    return masked


def _items(value: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    return [(str(key)[:MAX_STRING], item) for key, item in list(value.items())[:MAX_ITEMS]]


def _is_private(key: str) -> bool:
    return key not in _NO_SECRET and bool(_SECRET.search(key) or _PRIVATE.search(key))


def _hide(value: Any) -> Any:
    # Whether a field was empty is worth seeing, and tells nothing.
    return value if value is None or value in ("", [], {}) else MASK


def _mask_text(value: str, names: re.Pattern[str] | None) -> str:
    # More than is shown is searched, so that no name or address is cut in half and then missed.
    shown = value[: 10 * MAX_STRING]
    shown = names.sub(MASK, shown) if names else shown
    shown = _CREDENTIAL.sub(rf"\1\2{MASK}", shown)
    shown = _PHONE.sub(MASK, _EMAIL.sub(MASK, shown))
    return shorten(shown, MAX_STRING)
