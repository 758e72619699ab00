"""The ASGI application: from an HTTP request to the handlers of tables and functions, and back.

Source of the order in which things are checked: PostgREST (token, path, schema, query string, body, then the
schema cache). The order is seen where a request is wrong in two ways.
"""

import contextlib
import functools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from devstack.rest import functions, tables
from devstack.rest.answers import ApiError, body_too_large, of_postgres, unsupported
from devstack.rest.auth import Identity, Verify, identify
from devstack.rest.context import Context
from devstack.rest.database import Database, request_settings
from devstack.rest.preferences import parse_preferences
from devstack.rest.request import JSON, Media, Window, negotiate, parse_query, window_of

#: Bytes of a request's body that are taken.
MAX_BODY = 10 * 1024 * 1024
TABLE_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS")
FUNCTION_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
OPENAPI = "application/openapi+json"
ROOT_TYPES = (OPENAPI, JSON)
EXPOSED_HEADERS = (
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, "
    "Transfer-Encoding, Range-Unit"
)


@dataclass(frozen=True)
class Settings:
    """How the stand-in is set up; the names are PostgREST's."""

    verify: Verify
    audience: str | None
    schemas: tuple[str, ...]
    anon_role: str
    max_rows: int
    allow_tx_override: bool


def create_app(
    dsn: str,
    verify: Verify,
    *,
    audience: str | None = None,
    schemas: Sequence[str] = ("public",),
    anon_role: str = "anon",
    max_rows: int = 1000,
    allow_tx_override: bool = False,
) -> Starlette:
    """PostgREST's root as an ASGI application, to be mounted anywhere.

    `dsn` logs in as the authenticator; `verify` answers the claims of a token whose signature holds or raises one of
    `jwt.exceptions`: what the claims say is judged here. The connections live as long as the application's lifespan:
    see `lifespan` for one that is mounted.
    """
    database = Database(dsn, schemas)
    # As PostgREST remembers what it has verified (jwt-cache-max-entries); what the claims say is judged each time.
    remembering = functools.lru_cache(1000)(verify)
    settings = Settings(remembering, audience, tuple(schemas), anon_role, max_rows, allow_tx_override)

    @contextlib.asynccontextmanager
    async def opened(_: Starlette) -> AsyncIterator[None]:
        async with database.opened():
            yield

    return Starlette(routes=[Mount("/", app=RestApp(database, settings))], lifespan=opened)


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Runs the lifespan of an application of `create_app` that is mounted: Starlette runs only the outermost's."""
    async with app.router.lifespan_context(app):
        yield


class RestApp:
    """Answers every request, errors included."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers an HTTP request; bodies of answers to HEAD are left out."""
        if scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ApiError as error:
            response = error.response()
        if request.method == "HEAD":
            response.body = b""
            del response.headers["content-length"]
        if "origin" in request.headers:
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            return _preflight(request)
        settings = self._settings
        bearer = request.headers.get("authorization")
        identity = identify(bearer, settings.verify, settings.audience, settings.anon_role)
        try:
            return await self._dispatch(request, identity)
        except psycopg.Error as error:
            anonymous = identity.role == settings.anon_role
            raise of_postgres(error, anonymous=anonymous) from error

    async def _dispatch(self, request: Request, identity: Identity) -> Response:
        segments = _segments(_path(request))
        if not segments:
            return _root(request)
        is_function = len(segments) == 2 and segments[0] == "rpc"
        if not is_function and len(segments) != 1:
            raise ApiError(404, "PGRST125", "Invalid path specified in request URL")
        _check_method(request.method, is_function=is_function)
        context = await self._context(request, identity, segments[-1], is_function=is_function)
        if request.method == "OPTIONS":
            allowed = functions.allowed_methods if is_function else tables.allowed_methods
            return Response(headers={"Allow": await allowed(context), "Access-Control-Allow-Origin": "*"})
        handle = functions.handle_function if is_function else tables.handle_table
        response = await handle(context)
        response.headers.setdefault("Vary", "Accept, Prefer, Range")
        if "content-type" in response.headers and (len(self._settings.schemas) > 1 or _profile(request) is not None):
            response.headers["Content-Profile"] = context.schema
        return response

    async def _context(self, request: Request, identity: Identity, name: str, *, is_function: bool) -> Context:
        settings = self._settings
        preferences = parse_preferences(request.headers.getlist("prefer"), allow_tx_override=settings.allow_tx_override)
        schema = _schema(request, settings.schemas)
        reading = request.method in ("GET", "HEAD")
        raw_query = request.scope["query_string"].decode("latin-1")
        query = parse_query(raw_query, with_arguments=is_function and reading)
        window = window_of(query, request.headers.get("range") if request.method == "GET" else None)
        return Context(
            database=self._database,
            method=request.method,
            schema=schema,
            name=name,
            identity=identity,
            preferences=preferences,
            query=query,
            window=window if reading or is_function else Window(),
            accept=request.headers.get("accept"),
            content_type=request.headers.get("content-type"),
            body=b"" if reading else await _body(request),
            settings=request_settings(
                schema=schema,
                role=identity.role,
                claims=identity.claims,
                method=request.method,
                path=_path(request),
                headers=request.headers,
                cookies=request.cookies,
                timezone=preferences.timezone,
            ),
            max_rows=settings.max_rows,
            arrived=time.monotonic(),
        )


def _path(request: Request) -> str:
    """The path below where the application is mounted, as `/notes`."""
    return str(request.scope["path"]).removeprefix(request.scope.get("root_path", "")) or "/"


def _segments(path: str) -> list[str]:
    return [] if path in ("", "/") else path.removeprefix("/").split("/")


def _check_method(method: str, *, is_function: bool) -> None:
    if is_function and method not in FUNCTION_METHODS:
        raise ApiError(405, "PGRST101", f"Cannot use the {method} method on RPC")
    if method not in TABLE_METHODS:
        raise ApiError(405, "PGRST117", f"Unsupported HTTP method: {method}")


def _profile(request: Request) -> str | None:
    writing = request.method in ("POST", "PATCH", "PUT", "DELETE")
    return request.headers.get("content-profile" if writing else "accept-profile")


def _schema(request: Request, schemas: Sequence[str]) -> str:
    """The schema that the client chose by its profile header, or the first. Raises PGRST106."""
    profile = _profile(request)
    if profile is not None and profile not in schemas:
        hint = f"Only the following schemas are exposed: {', '.join(schemas)}"
        raise ApiError(406, "PGRST106", f"Invalid schema: {profile}", hint=hint)
    return profile or schemas[0]


def _root(request: Request) -> Response:
    """The root is there (clients ask it with HEAD whether the server is); its description is not made."""
    if request.method in ("HEAD", "GET"):
        negotiate(request.headers.get("accept"), ROOT_TYPES)
    if request.method == "HEAD":
        return Response(headers={"Content-Type": Media(OPENAPI).header})
    if request.method == "OPTIONS":
        return Response(headers={"Allow": "OPTIONS,GET,HEAD", "Access-Control-Allow-Origin": "*"})
    if request.method == "GET":
        raise unsupported("the OpenAPI description at the root")
    raise ApiError(405, "PGRST117", f"Unsupported HTTP method: {request.method}")


def _preflight(request: Request) -> Response:
    wanted = request.headers.get("access-control-request-headers")
    headers = {
        "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD",
        "Access-Control-Allow-Headers": f"Authorization, {wanted}" if wanted else "Authorization",
        "Access-Control-Max-Age": "86400",
    }
    return Response(headers=headers)


async def _body(request: Request) -> bytes:
    """The body, up to MAX_BODY bytes. Raises 413 before the rest is read."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:18]) > MAX_BODY:
        raise body_too_large(MAX_BODY)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise body_too_large(MAX_BODY)
    return bytes(body)
