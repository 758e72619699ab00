"""The one origin of the embedded stack (SUPABASE_URL): `/rest/v1`, `/auth/v1` and `/realtime/v1` behind API keys.

API keys become roles as in Supabase's gateway: the key in the header `apikey` says who may call at all, and a request
without a user's bearer token gets a token of the key's role. What stands behind verifies tokens, never keys, and so a
real PostgREST or Realtime can take the place of the stand-ins.
"""

import contextlib
import hmac
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from devstack import auth, realtime, rest
from devstack.asgi import server_config
from devstack.keys import Keys
from devstack.mailbox import Mailbox
from devstack.proxy import HttpProxy, RealtimeProxy

KEYLESS_PATHS = ("/auth/v1/.well-known/jwks.json", "/auth/v1/health", "/auth/v1/verify")
WEBSOCKET_PATH = "/realtime/v1/websocket"
ROLE_TOKEN_LIFETIME = 300  # seconds
#: Response headers that scripts of other origins may read: PostgREST's and Supabase's.
EXPOSED_HEADERS = (
    "Content-Encoding",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "Location",
    "Preference-Applied",
    "Range-Unit",
    "Server",
    "Transfer-Encoding",
    "X-Sb-Error-Code",
    "X-Supabase-Api-Version",
)


@dataclass(frozen=True)
class GatewayConfig:
    """What a gateway needs. `public_url` is the origin without a slash at its end; lifetimes are in seconds.

    The logins of the three DSNs: `authenticator`, `supabase_auth_admin`, and a superuser for Realtime. With
    `postgrest_url` or `realtime_url` (the servers' own roots) those answer instead of the stand-ins, Realtime as its
    `realtime_tenant`. `schemas` are those that the REST API exposes;
    `site_url` is the app's origin, where mailed links lead.
    """

    public_url: str
    authenticator_dsn: str
    auth_dsn: str
    realtime_dsn: str
    keys: Keys
    access_token_lifetime: int = 3600
    postgrest_url: str | None = None
    realtime_url: str | None = None
    realtime_tenant: str = ""
    schemas: tuple[str, ...] = ("public",)
    site_url: str = "http://localhost:3000"
    realtime_settings: realtime.Settings = field(default_factory=realtime.Settings)


def create_app(config: GatewayConfig) -> Starlette:
    """The gateway as an ASGI app; its lifespan opens and closes everything behind it.

    Besides the mounted services, `GET /health` answers 200, or 503 naming what does not work, and `/mail` shows what
    Auth would have mailed.
    """
    keys = config.keys
    mailbox = Mailbox()
    auth_app = auth.create_app(
        config.auth_dsn,
        keys,
        f"{config.public_url}/auth/v1",
        config.access_token_lifetime,
        site_url=config.site_url,
        mailbox=mailbox,
    )
    rest_app: Starlette | HttpProxy
    realtime_app: Starlette | RealtimeProxy
    if config.postgrest_url:
        rest_app = HttpProxy(config.postgrest_url)
    else:
        rest_app = rest.create_app(config.authenticator_dsn, keys.read, schemas=config.schemas)
    if config.realtime_url:
        realtime_app = RealtimeProxy(config.realtime_url, config.realtime_tenant)
    else:
        realtime_app = realtime.create_app(config.realtime_dsn, keys, config.realtime_settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for part in (auth_app, rest_app, realtime_app):
                if isinstance(part, Starlette):
                    await stack.enter_async_context(part.router.lifespan_context(part))
                else:
                    await stack.enter_async_context(part)
            yield

    async def health(request: Request) -> Response:
        problems = [
            *([] if await _database_answers(auth_app) else ["database"]),
            *([] if await _rest_answers(rest_app) else ["rest"]),
            *([] if await _realtime_answers(realtime_app) else ["realtime"]),
        ]
        status = "unavailable" if problems else "ok"
        return JSONResponse({"status": status, "problems": problems}, status_code=503 if problems else 200)

    routes = [
        Route("/health", health),
        *mailbox.routes(),
        Mount("/rest/v1", app=rest_app),
        Mount("/auth/v1", app=auth_app),
        Mount("/realtime/v1", app=realtime_app),
        Route("/{service}/v1/{path:path}", _unsupported, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
        max_age=3600,
    )
    return Starlette(routes=routes, middleware=[cors, Middleware(ApiKeys, keys=keys)], lifespan=lifespan)


async def _database_answers(auth_app: Starlette) -> bool:
    try:
        async with auth_app.state.pool.connection(timeout=2) as connection:
            await connection.execute("select 1")
    except Exception:  # whatever it is, the database does not answer
        return False
    return True


async def _rest_answers(rest_app: Starlette | HttpProxy) -> bool:
    return not isinstance(rest_app, HttpProxy) or await rest_app.answers()


async def _realtime_answers(realtime_app: Starlette | RealtimeProxy) -> bool:
    if isinstance(realtime_app, RealtimeProxy):
        return await realtime_app.is_healthy()
    return bool(realtime_app.state.listener.connected.is_set())


def create_server(config: GatewayConfig, port: int = 0) -> uvicorn.Server:
    """The gateway as a server on 127.0.0.1; `run()` serves until `should_exit` is set."""
    settings = server_config(
        create_app(config), host="127.0.0.1", port=port, timeout_graceful_shutdown=2, ws_per_message_deflate=False
    )
    return uvicorn.Server(settings)


class ApiKeys:
    """Middleware that takes API keys off requests and leaves them a bearer token.

    401 for a request without a key, or with one that is not ours. The websocket's key is in its URL; Realtime itself
    refuses one that is wrong.
    """

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._tokens: dict[str, tuple[float, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it."""
        refusal = None
        if scope["type"] == "websocket":
            scope = self._with_key_as_token(scope)
        elif scope["type"] == "http" and "/v1/" in scope["path"] and scope["path"] not in KEYLESS_PATHS:
            scope, refusal = self._with_bearer(scope)
        await (refusal or self._app)(scope, receive, send)

    def role_of(self, key: str) -> str | None:
        """The role an API key of either kind stands for; None if it is none of ours."""
        known = {
            self._keys.publishable_key: "anon",
            self._keys.anon_jwt: "anon",
            self._keys.secret_key: "service_role",
            self._keys.service_role_jwt: "service_role",
        }
        given = key.encode()
        matches = [role for ours, role in known.items() if hmac.compare_digest(ours.encode(), given)]
        return matches[0] if matches else None

    def token_of(self, role: str) -> str:
        """A short-lived token of a role; one serves for a while, since signing costs more than all else here."""
        now = time.time()
        expires, token = self._tokens.get(role, (0.0, ""))
        if expires - now < ROLE_TOKEN_LIFETIME / 2:
            expires = now + ROLE_TOKEN_LIFETIME
            token = self._keys.sign({"role": role, "iat": int(now), "exp": int(expires)})
            self._tokens[role] = expires, token
        return token

    def _with_bearer(self, scope: Scope) -> tuple[Scope, Response | None]:
        scope = {**scope, "headers": list(scope["headers"])}
        headers = MutableHeaders(scope=scope)
        key = headers.get("apikey")
        if key is None:
            hint = "No `apikey` request header or url param was found."
            return scope, JSONResponse({"message": "No API key found in request", "hint": hint}, status_code=401)
        role = self.role_of(key)
        if role is None:
            hint = "Double check your Supabase `anon` or `service_role` API key."
            return scope, JSONResponse({"message": "Invalid API key", "hint": hint}, status_code=401)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if not bearer or (scheme.lower() == "bearer" and bearer.strip() == key):
            headers["authorization"] = f"Bearer {self.token_of(role)}"
        return scope, None

    def _with_key_as_token(self, scope: Scope) -> Scope:
        """Puts the long-lived token of its role in the place of a new-style key: a channel may live as long."""
        legacy = {"anon": self._keys.anon_jwt, "service_role": self._keys.service_role_jwt}
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        passed = []
        for name, value in query:
            role = self.role_of(value) if name == "apikey" else None
            passed.append((name, legacy[role] if role else value))
        return {**scope, "query_string": urlencode(passed).encode()}


async def _unsupported(request: Request) -> Response:
    message = f"{request.url.path} is not part of the local stack"
    return JSONResponse({"message": message}, status_code=501)
