"""JSON that somebody else wrote, as text that people can read.

PagerDuty's details are text or an object (Events API v2: `custom_details`), its custom fields' values of many types.
"""

import json
from collections.abc import Iterator
from typing import Any

from service.pagerduty.fields import clean_text, lines, name, one_line, shorten, spelled

# Deeper than this, indentation no longer helps.
_DEEPEST = 4
_INDENT = "  "
_MOST = 20


def prose(value: Any) -> str:
    """Text as it is; an object or array as one line for each thing in it, indented where it goes deeper.

    What is empty is left out.
    """
    return "\n".join(_outline(value, 0)).strip() if _is_told(value) else ""


def _outline(value: Any, depth: int) -> Iterator[str]:
    indent = _INDENT * depth
    if depth == _DEEPEST and isinstance(value, dict | list):
        yield indent + json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _labelled(f"{indent}{one_line(key)}:", item, depth)
    elif isinstance(value, list):
        for item in value:
            yield from _labelled(f"{indent}-", item, depth)
    else:
        yield from (indent + line for line in lines(_scalar(value)).split("\n") if line.strip() or depth == 0)


def _labelled(label: str, item: Any, depth: int) -> Iterator[str]:
    if not _is_told(item):
        return
    below = list(_outline(item, depth + 1))
    if len(below) == 1 and not isinstance(item, dict | list):
        yield f"{label} {below[0].strip()}"
    elif below:
        yield label
        yield from below


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(spelled(value))


def said(value: Any, limit: int) -> str:
    """A custom field's value on one line of at most `limit` characters; empty if there is none."""
    if isinstance(value, list):
        return shorten(", ".join(filter(None, (said(item, limit) for item in value[:_MOST]))), limit)
    if isinstance(value, dict):
        return name(value) or said(value.get("value"), limit) or _compact(value, limit)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shorten(one_line(_scalar(value)), limit)


def _compact(value: dict[str, Any], limit: int) -> str:
    return shorten(one_line(json.dumps(value, ensure_ascii=False)), limit) if any(map(_is_told, value.values())) else ""


def _is_told(value: Any) -> bool:
    return value not in (None, "", [], {})
