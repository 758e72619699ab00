"""The sandbox as an ASGI application: who may ask, how often, and which handler answers."""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from devstack.pagerduty import directory, incident_calls, subscription_calls
from devstack.pagerduty.account import SUBDOMAIN
from devstack.pagerduty.calls import Call, Handler
from devstack.pagerduty.clock import parsed, precise
from devstack.pagerduty.console import routes as console_routes
from devstack.pagerduty.errors import Refused, invalid
from devstack.pagerduty.keys import CLIENT_ID, CLIENT_SECRET, RATE_LIMIT_RESET, Key
from devstack.pagerduty.sandbox import REGIONS, Sandbox

#: Method, path, scope of an OAuth app (PagerDuty's schema: x-pd-requires-scope), handler.
_ROUTES: tuple[tuple[str, str, str | None, Handler], ...] = (
    ("GET", "/abilities", "abilities.read", directory.abilities),
    ("GET", "/users/me", None, directory.me),
    ("GET", "/users", "users.read", directory.users),
    ("GET", "/users/{id}", "users.read", directory.user),
    ("GET", "/teams", "teams.read", directory.teams),
    ("GET", "/teams/{id}/members", "teams.read", directory.team_members),
    ("GET", "/services", "services.read", directory.services),
    ("GET", "/services/{id}", "services.read", directory.service),
    ("GET", "/escalation_policies", "escalation_policies.read", directory.policies),
    ("GET", "/escalation_policies/{id}", "escalation_policies.read", directory.policy),
    ("GET", "/oncalls", "oncalls.read", directory.on_calls),
    ("GET", "/priorities", "priorities.read", directory.priorities),
    ("GET", "/incidents/types", "incident_types.read", directory.incident_types),
    ("GET", "/incidents/types/{id}/custom_fields", "custom_fields.read", directory.fields),
    ("GET", "/incidents", "incidents.read", incident_calls.list_incidents),
    ("POST", "/incidents", "incidents.write", incident_calls.create_incident),
    ("PUT", "/incidents", "incidents.write", incident_calls.update_incidents),
    ("GET", "/incidents/{id}", "incidents.read", incident_calls.get_incident),
    ("PUT", "/incidents/{id}", "incidents.write", incident_calls.update_incident),
    ("GET", "/incidents/{id}/notes", "incidents.read", incident_calls.list_notes),
    ("POST", "/incidents/{id}/notes", "incidents.write", incident_calls.add_note),
    ("PUT", "/incidents/{id}/notes/{note_id}", "incidents.write", incident_calls.edit_note),
    ("DELETE", "/incidents/{id}/notes/{note_id}", "incidents.write", incident_calls.delete_note),
    ("POST", "/incidents/{id}/snooze", "incidents.write", incident_calls.snooze),
    ("PUT", "/incidents/{id}/merge", "incidents.write", incident_calls.merge),
    ("POST", "/incidents/{id}/responder_requests", "incidents.write", incident_calls.request_responders),
    ("POST", "/incidents/{id}/status_updates", "incidents.write", incident_calls.publish),
    ("GET", "/incidents/{id}/custom_fields/values", "incidents.read", incident_calls.field_values),
    ("PUT", "/incidents/{id}/custom_fields/values", "incidents.write", incident_calls.set_field_values),
    ("GET", "/incidents/{id}/log_entries", "incidents.read", incident_calls.log_of_incident),
    ("GET", "/log_entries", "incidents.read", incident_calls.log),
    ("GET", "/webhook_subscriptions", "webhook_subscriptions.read", subscription_calls.list_subscriptions),
    ("POST", "/webhook_subscriptions", "webhook_subscriptions.write", subscription_calls.create_subscription),
    ("GET", "/webhook_subscriptions/{id}", "webhook_subscriptions.read", subscription_calls.get_subscription),
    ("PUT", "/webhook_subscriptions/{id}", "webhook_subscriptions.write", subscription_calls.update_subscription),
    ("DELETE", "/webhook_subscriptions/{id}", "webhook_subscriptions.write", subscription_calls.delete_subscription),
    ("POST", "/webhook_subscriptions/{id}/ping", "webhook_subscriptions.write", subscription_calls.ping),
    ("POST", "/webhook_subscriptions/{id}/enable", "webhook_subscriptions.write", subscription_calls.enable),
)
#: Requests a minute and key; some have less (PagerDuty docs: Rate Limits, which give no numbers for those).
_MOST_A_MINUTE, _MOST_OF_THE_DEAR = 960, 240
_DEAR = frozenset({("POST", "/incidents"), ("PUT", "/incidents"), ("GET", "/oncalls")})
_MOST_AT_ONCE = 2  # of one key; "make requests serially"
_TOKEN_LASTS = timedelta(days=1)


def create_app(state: Sandbox | None = None) -> Starlette:
    """The sandbox as an ASGI app. `state` lets a test see the calls or add keys."""
    sandbox = state or Sandbox()
    api = _Api(sandbox)
    regions = [Mount(f"/{region}", routes=[api.route(region, *route) for route in _ROUTES]) for region in REGIONS]
    identity = Route("/identity/oauth/token", api.token, methods=["POST"])

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sandbox.start()
        yield
        await sandbox.stop()

    return Starlette(
        routes=[*regions, identity, *console_routes(sandbox)],
        exception_handlers={404: _unsupported, 405: _unsupported}, lifespan=lifespan,
    )  # fmt: skip


class _Api:
    """The REST API, with what it counts."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._counted: dict[tuple[str, bool], deque[datetime]] = {}
        self._at_once: dict[str, int] = {}

    def route(self, region: str, method: str, path: str, scope: str | None, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            self._sandbox.start()
            body = await request.body()
            self._sandbox.asked(f"{method} /{region}{path}", **_told(request, body, region))
            name, key = self._key(region, request)
            try:
                if key is None:
                    raise Refused(401, "Unauthorized", "Invalid API token")
                self._check(name, key, method, path, scope)
                return await self._answer(request, body, region, name, key, handler)
            except Refused as refused:
                return refused.response()

        return Route(path, endpoint, methods=[method])

    async def token(self, request: Request) -> Response:
        """A token of a scoped app (PagerDuty docs: Obtaining an OAuth Token via Client Credentials)."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode(errors="replace")).items()}
        asked = form.get("scope", "").split()
        account, _, subdomain = (asked[0] if asked else "").removeprefix("as_account-").partition(".")
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if not (_same(form.get("client_id"), CLIENT_ID) and _same(form.get("client_secret"), CLIENT_SECRET)):
            return JSONResponse({"error": "invalid_client"}, 401)
        place = next((p for p in self._sandbox.places.values() if p.account.subdomain == subdomain), None)
        if account not in REGIONS or place is None:
            return JSONResponse({"error": "invalid_scope"}, 400)
        token = f"pdus+{secrets.token_urlsafe(24)}"
        expires = self._sandbox.clock.now() + _TOKEN_LASTS
        own = None if subdomain == SUBDOMAIN else subdomain
        kept = {"id": token, "region": account, "account": own, "scopes": asked[1:], "expires_at": precise(expires)}
        self._sandbox.store.put("token", kept)
        seconds = int(_TOKEN_LASTS.total_seconds())
        return JSONResponse(
            {"access_token": token, "scope": " ".join(asked), "token_type": "bearer", "expires_in": seconds}
        )

    async def _answer(
        self, request: Request, body: bytes, region: str, name: str, key: Key, handler: Handler
    ) -> Response:
        at_once = self._at_once.get(name, 0) + 1
        if at_once > _MOST_AT_ONCE:
            raise Refused(429, "Rate Limit Exceeded")  # for these PagerDuty does not say when
        self._at_once[name] = at_once
        try:
            if self._sandbox.latency:
                await asyncio.sleep(self._sandbox.latency)
            here = self._sandbox.place_of(region, key)
            call = Call(
                here.account, here.incidents, here.deliveries, key, request.path_params, request.query_params,
                request.headers.get("from"), _json(body), self._sandbox.switches["agent_of_account_key"],
            )  # fmt: skip
            with self._sandbox.store.together():
                status, answer = handler(call)
        finally:
            self._at_once[name] -= 1
        return Response(status_code=status) if answer is None else JSONResponse(answer, status)

    def _key(self, region: str, request: Request) -> tuple[str, Key | None]:
        """The key in `Authorization: Token token=<key>`, or what an app's token stands for, if of this region."""
        authorization = request.headers.get("authorization", "")
        scheme, _, value = authorization.partition("=")
        if scheme == "Token token":
            key = self._sandbox.keys.get(value)
        elif authorization.startswith("Bearer "):
            value = authorization.removeprefix("Bearer ")
            key = self._token_key(value)
        else:
            key = None
        return value, key if key and key.region == region else None

    def _token_key(self, token: str) -> Key | None:
        kept = self._sandbox.store.get("token", token)
        if kept is None or parsed(kept["expires_at"]) <= self._sandbox.clock.now():
            return None
        return Key(region=kept["region"], account=kept["account"], scopes=frozenset(kept["scopes"]))

    def _check(self, name: str, key: Key, method: str, path: str, scope: str | None) -> None:
        """Raises Refused for what this key may not do, or not now."""
        if self._sandbox.switches["rest"] == "down" or key.fails_with == 503:
            raise Refused(503, "Internal Error")
        if key.fails_with == 429:
            headers = {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": str(RATE_LIMIT_RESET)}
            raise Refused(429, "Rate Limit Exceeded", headers=headers if key.says_when else None)
        if key.fails_with is not None:
            raise Refused(key.fails_with, "Access Denied" if key.fails_with == 403 else "Unauthorized")
        if key.scopes is not None and scope is not None and scope not in key.scopes:
            raise Refused(403, "Access Denied", f"This token lacks the scope {scope}")
        if not key.may_write and method != "GET":
            raise Refused(403, "Access Denied", "This API key is read-only")
        self._count(name, (method, path) in _DEAR)

    def _count(self, name: str, is_dear: bool) -> None:
        now = self._sandbox.clock.now()
        counted = self._counted.setdefault((name, is_dear), deque())
        while counted and counted[0] <= now - timedelta(minutes=1):
            counted.popleft()
        most = _MOST_OF_THE_DEAR if is_dear else _MOST_A_MINUTE
        if len(counted) >= most:
            reset = int((counted[0] + timedelta(minutes=1) - now).total_seconds()) + 1
            headers = {"ratelimit-limit": str(most), "ratelimit-remaining": "0", "ratelimit-reset": str(reset)}
            raise Refused(429, "Rate Limit Exceeded", headers=headers)
        counted.append(now)


async def _unsupported(request: Request, _: Exception) -> Response:
    return Refused(501, f"The sandbox does not support {request.method} {request.url.path}").response()


def _json(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        raise invalid("The body is not JSON") from None


def _told(request: Request, body: bytes, region: str) -> dict[str, Any]:
    """A request as a validator needs it; never its key."""
    headers = {name: value for name, value in request.headers.items() if name != "authorization"}
    path = request.url.path.removeprefix(f"/{region}")
    return {
        "method": request.method, "path": path, "query": request.url.query, "headers": headers,
        "body": body.decode(errors="replace"),
    }  # fmt: skip


def _same(given: str | None, known: str) -> bool:
    return secrets.compare_digest((given or "").encode(), known.encode())
