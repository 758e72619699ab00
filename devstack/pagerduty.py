"""A sandbox of PagerDuty's REST API v2, for development and tests.

Two base URLs stand for PagerDuty's two regions: `/us` and `/eu`. It answers what this service asks and, like PagerDuty,
errors as `{"error": {"code", "message", "errors"}}`; whatever else it is asked it answers 501 and names the route.
Each key below behaves in its own way. Nothing is stored between requests but the log of calls.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

FULL_ACCESS_KEY = "sandbox-full-access"
READ_ONLY_KEY = "sandbox-read-only"
USER_KEY = "sandbox-user"
RATE_LIMITED_KEY = "sandbox-rate-limited"
UNAVAILABLE_KEY = "sandbox-unavailable"
FORBIDDEN_KEY = "sandbox-forbidden"
EU_KEY = "sandbox-eu"

RATE_LIMIT_RESET = 42
ACCOUNT = "sandbox"
USER_EMAIL = "earline.greenholt@example.com"


@dataclass(frozen=True)
class Key:
    """What an API key may do. `fails_with` is the status of every answer, for keys that are there to fail."""

    region: str = "us"
    may_write: bool = True
    of_user: bool = False
    fails_with: int | None = None


KEYS: Mapping[str, Key] = MappingProxyType(
    {
        FULL_ACCESS_KEY: Key(),
        READ_ONLY_KEY: Key(may_write=False),
        USER_KEY: Key(of_user=True),
        RATE_LIMITED_KEY: Key(fails_with=429),
        UNAVAILABLE_KEY: Key(fails_with=503),
        FORBIDDEN_KEY: Key(fails_with=403),
        EU_KEY: Key(region="eu"),
    }
)


@dataclass
class Sandbox:
    """One sandbox: the keys that it knows and the requests that it got, as "GET /us/abilities", oldest first."""

    keys: dict[str, Key] = field(default_factory=lambda: dict(KEYS))
    calls: list[str] = field(default_factory=list)


Handler = Callable[[Request, Key], Awaitable[Response]]


def create_app(state: Sandbox | None = None) -> Starlette:
    """The sandbox as an ASGI app. `state` lets a test see the calls or add keys."""
    sandbox = state or Sandbox()
    regions = [Mount(f"/{region}", routes=_routes(sandbox, region)) for region in ("us", "eu")]
    return Starlette(routes=regions, exception_handlers={404: _unsupported, 405: _unsupported})


def _routes(sandbox: Sandbox, region: str) -> list[Route]:
    """PagerDuty's routes for one region; each handler gets the request and the key that it came with."""
    handlers = (
        ("GET", "/abilities", _abilities),
        ("GET", "/users/me", _me),
        ("GET", "/users", _users),
        ("POST", "/webhook_subscriptions", _create_subscription),
    )

    def route(method: str, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            sandbox.calls.append(f"{method} /{region}{path}")
            key = _key(sandbox, region, request)
            if key is None:
                return _error(401, 2006, "Unauthorized", ["Invalid API token"])
            return _failure(key) or await handler(request, key)

        return Route(path, endpoint, methods=[method])

    return [route(*handler) for handler in handlers]


def _key(sandbox: Sandbox, region: str, request: Request) -> Key | None:
    """The key in `Authorization: Token token=<key>`, if it is one of this region."""
    scheme, _, value = request.headers.get("authorization", "").partition("=")
    key = sandbox.keys.get(value) if scheme == "Token token" else None
    return key if key and key.region == region else None


def _failure(key: Key) -> Response | None:
    if key.fails_with == 403:
        return _error(403, 2010, "Access Denied")
    if key.fails_with == 429:
        headers = {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": str(RATE_LIMIT_RESET)}
        return _error(429, 2020, "Rate Limit Exceeded", headers=headers)
    if key.fails_with is not None:
        return _error(key.fails_with, 2000, "Internal Error")
    return None


async def _abilities(_: Request, __: Key) -> Response:
    return JSONResponse({"abilities": ["teams", "read_only_users", "service_support_hours", "urgencies"]})


async def _me(_: Request, key: Key) -> Response:
    if not key.of_user:
        message = "You must authenticate as a user: this key belongs to the account"
        return _error(400, 2001, "Invalid Input Provided", [message])
    return JSONResponse({"user": _user(key)})


async def _users(_: Request, key: Key) -> Response:
    return JSONResponse({"users": [_user(key)], "limit": 1, "offset": 0, "more": False, "total": None})


def _user(key: Key) -> dict[str, Any]:
    host = f"{ACCOUNT}.eu.pagerduty.com" if key.region == "eu" else f"{ACCOUNT}.pagerduty.com"
    return {
        "id": "PXPGF42",
        "type": "user",
        "summary": "Earline Greenholt",
        "name": "Earline Greenholt",
        "email": USER_EMAIL,
        "role": "admin",
        "html_url": f"https://{host}/users/PXPGF42",
    }


async def _create_subscription(request: Request, key: Key) -> Response:
    if not key.may_write:
        return _error(403, 2010, "Access Denied", ["This API key is read-only"])
    try:
        body = json.loads(await request.body())
    except ValueError:
        return _error(400, 2001, "Invalid Input Provided", ["The body is not JSON"])
    if not isinstance(body, dict) or not isinstance(body.get("webhook_subscription"), dict):
        return _error(400, 2001, "Invalid Input Provided", ["webhook_subscription is required"])
    return _error(501, 2000, "The sandbox does not create webhook subscriptions")


async def _unsupported(request: Request, _: Exception) -> Response:
    return _error(501, 2000, f"The sandbox does not support {request.method} {request.url.path}")


def _error(
    status: int, code: int, message: str, errors: list[str] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "errors": errors or []}}, status, headers)
