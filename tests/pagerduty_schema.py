"""PagerDuty's own schema of its REST API, as a judge of what is sent to it and of what the sandbox answers."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

FILE = Path(__file__).parent / "data/pagerduty-api/openapi.json"
HOST = "https://api.pagerduty.com"


class Request:
    """A request as openapi-core takes one."""

    host_url = HOST
    full_url_pattern: str

    def __init__(self, method: str, path: str, query: str, headers: dict[str, str], body: str) -> None:
        self.method, self.path = method.lower(), path
        self.full_url_pattern = f"{HOST}{path}"
        self.body = body.encode() or None
        self.content_type = headers.get("content-type", "application/json")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(query, keep_blank_values=True)), header=Headers(headers)
        )


class Response:
    """An answer as openapi-core takes one."""

    def __init__(self, status: int, content: bytes) -> None:
        self.status_code, self.data = status, content
        self.content_type = "application/json"
        self.headers = Headers()


@functools.cache
def schema() -> OpenAPI:
    # It calls the id and the type of a reference read-only, and its own examples send them.
    return OpenAPI.from_dict(_without(json.loads(FILE.read_text()), lambda name, _: name == "readOnly"))


def _without(document: Any, unwanted: Callable[[str, Any], bool]) -> Any:
    if isinstance(document, dict):
        kept = {name: value for name, value in document.items() if not unwanted(name, value)}
        return {name: _without(value, unwanted) for name, value in kept.items()}
    return [_without(value, unwanted) for value in document] if isinstance(document, list) else document


def check_request(asked: dict[str, Any]) -> None:
    """Raises openapi-core's errors if a request, as the sandbox records one, is not valid by PagerDuty's schema."""
    told = (asked[name] for name in ("method", "path", "query", "headers", "body"))
    schema().validate_request(Request(*told))


def check_response(asked: dict[str, Any], status: int, content: bytes) -> None:
    """Raises openapi-core's errors if an answer is not what PagerDuty's schema says of it."""
    told = (asked[name] for name in ("method", "path", "query", "headers", "body"))
    # It says of few fields that they may be null, and PagerDuty answers null for many.
    told_of = json.dumps(_without(json.loads(content), lambda _, value: value is None)).encode() if content else b""
    schema().validate_response(Request(*told), Response(status, told_of))
