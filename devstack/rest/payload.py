"""The body of a request. Source: PostgREST, "Insert" (bulk insert, specifying columns) and "Functions as RPC"."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import parse_qsl

from devstack.rest.answers import invalid_body, unsupported
from devstack.rest.request import CSV, FORM, JSON, media_of


@dataclass(frozen=True)
class Payload:
    """A body: JSON as text, whether it is one object, and the keys of its objects."""

    text: str
    is_object: bool
    keys: tuple[str, ...]


#: What PostgREST makes of a body that is neither an object nor an array.
NOTHING = Payload("[]", is_object=False, keys=())


def parse_payload(
    raw: bytes, content_type: str | None, columns: Sequence[str] | None, *, empty: bytes = b""
) -> Payload:
    """Reads a body; `columns` (the parameter of that name) stand for the keys, and the body is not looked at then.

    `empty` is what an empty body stands for. Without a Content-Type the body is JSON; an empty one names no media
    type. Raises PGRST102, and 501 for CSV.
    """
    media = media_of(JSON if content_type is None else content_type)
    if media.kind == FORM:
        return _parse_json(json.dumps(dict(parse_qsl(_text(raw), keep_blank_values=True))))
    if media.kind == CSV:
        raise unsupported(f"a body of the media type {CSV}")
    if media.kind != JSON:
        raise invalid_body(f"Content-Type not acceptable: {media.name}")
    text = _text(raw or empty)
    if columns is not None:
        return Payload(text, text.lstrip(" \t\r\n").startswith("{"), tuple(sorted(set(columns))))
    return _parse_json(text)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise invalid_body("Empty or invalid json") from error


def _parse_json(text: str) -> Payload:
    try:  # numbers stay text: only the keys are looked at
        value = json.loads(text, parse_constant=_no_constant, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise invalid_body("Empty or invalid json") from error
    if isinstance(value, dict):
        return Payload(text, is_object=True, keys=tuple(sorted(value)))
    if not isinstance(value, list) or not value:
        return NOTHING
    keys = value[0].keys() if isinstance(value[0], dict) else None
    if keys is None or not all(isinstance(row, dict) and row.keys() == keys for row in value):
        raise invalid_body("All object keys must match")
    return Payload(text, is_object=False, keys=tuple(sorted(keys)))


def _no_constant(name: str) -> NoReturn:
    """NaN and the infinities are no JSON, though Python reads them."""
    raise ValueError(name)
