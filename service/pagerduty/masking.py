"""Payloads for debug logs: what they hold, without secrets and without personal data.

Masked by the name of the field: secrets (service/redaction/ says which names are a secret's), the receiver's own
URL (its token is in V2's `endpoint_url`), e-mail addresses, phone and conference numbers, and the names of people. A
name that was found that way is masked wherever else it is written, as in a log entry's "Acknowledged by …". What people
wrote themselves stays, for that is what one debugs, except the e-mail addresses, phone numbers and secrets that can be
recognised in it. A string that holds JSON is masked as JSON.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.pagerduty.fields import shorten
from service.redaction import MASK, is_secret_name, redact

MAX_DEPTH = 16
MAX_ITEMS = 100
MAX_STRING = 500
_MAX_SEARCHED = 10 * MAX_STRING
_MAX_NAMES = 100
_SHORTEST_NAME = 3

_PRIVATE = re.compile(r"e_?mail|phone|conference|custom_headers|endpoint_url|avatar|cal_url", re.I)
_PERSON = re.compile(
    r"agent|assign|user|acknowledger|responder|requester|resolved_by|changed?_by|created_by|subscriber|on_?call", re.I
)
_NAMING = frozenset({"name", "summary", "html_url", "display_name", "first_name", "last_name"})

# {"name": "Authorization", "value": …}, as headers, variables and custom fields are written.
_NAMES_VALUE = re.compile(r"(?:name|key|header|field|label|variable|parameter|property|type)\Z", re.I)
_VALUE = re.compile(r"val(?:ue)?s?\Z", re.I)
# ["--password", …], ["Authorization", …]
_NAME_IN_LIST = re.compile(r"-{0,2}[\w.-]{1,64}:?")

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
        return _mask_list(value, is_person, names, depth)
    if isinstance(value, str):
        return _hide(value) if is_person else _mask_text(value, names, depth)
    return value if value is None or isinstance(value, bool | int | float) else MASK


def _mask_list(value: Sequence[Any], is_person: bool, names: re.Pattern[str] | None, depth: int) -> list[Any]:
    masked = [
        _hide(item) if _is_secret_name_in_list(before) else _mask(item, is_person, names, depth + 1)
        for before, item in zip([None, *value[:MAX_ITEMS]], value[:MAX_ITEMS], strict=False)
    ]
    return [*masked, f"… {len(value) - MAX_ITEMS} more"] if len(value) > MAX_ITEMS else masked


def _is_secret_name_in_list(item: Any) -> bool:
    return isinstance(item, str) and bool(_NAME_IN_LIST.fullmatch(item)) and is_secret_name(item)


def _mask_object(value: Mapping[Any, Any], person: bool, names: re.Pattern[str] | None, depth: int) -> dict[str, Any]:
    masked: dict[str, Any] = {}
    holds_secret = _names_secret(value)
    for key, item in _items(value):
        about_person = bool(_PERSON.search(key))
        is_name = (person and key in _NAMING) or (about_person and isinstance(item, str))
        shown = _mask_text(key, names, depth + 1)
        if _is_private(key) or is_name or (holds_secret and _VALUE.search(key)):
            masked[shown] = _hide(item)
        else:
            masked[shown] = _mask(item, not isinstance(item, str) and (person or about_person), names, depth + 1)
    if len(value) > MAX_ITEMS:
        masked["…"] = f"{len(value) - MAX_ITEMS} more"
    return masked


def _names_secret(value: Mapping[Any, Any]) -> bool:
    """Whether an object says that its value is a secret's."""
    return any(
        isinstance(item, str) and _NAMES_VALUE.search(key) and is_secret_name(item) for key, item in _items(value)
    )


def _items(value: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    return [(str(key)[:MAX_STRING], item) for key, item in list(value.items())[:MAX_ITEMS]]


def _is_private(key: str) -> bool:
    return len(key) == MAX_STRING or is_secret_name(key) or bool(_PRIVATE.search(key))  # such a long one was cut


def _hide(value: Any) -> Any:
    # Whether a field was empty is worth seeing, and tells nothing.
    return value if value is None or value in ("", [], {}) else MASK


def _mask_text(value: str, names: re.Pattern[str] | None, depth: int) -> str:
    as_json = _mask_json(value, names, depth)
    if as_json is not None:
        return shorten(as_json, MAX_STRING)
    # More than is shown is searched, so that nothing is cut in half and then missed.
    shown = redact(value[:_MAX_SEARCHED])
    shown = names.sub(MASK, shown) if names else shown
    shown = _PHONE.sub(MASK, _EMAIL.sub(MASK, shown))
    if len(value) > _MAX_SEARCHED:
        shown = shown[:-MAX_STRING] + "…"
    return shorten(shown, MAX_STRING)


def _mask_json(value: str, names: re.Pattern[str] | None, depth: int) -> str | None:
    """A string that is JSON of an object or a list, masked; None where it is not, or holds nothing to mask."""
    if not value.lstrip().startswith(("{", "[")) or depth >= MAX_DEPTH:
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    masked = _mask(found, False, names, depth + 1)
    return None if masked == found else json.dumps(masked, ensure_ascii=False)
