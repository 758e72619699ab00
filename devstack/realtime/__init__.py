"""The stand-in for Supabase Realtime: private and public broadcast channels on `/websocket`, broadcasts by HTTP.

Not supported, and said so: `postgres_changes` (the join is refused) and presence events (answered with an error).
The limits of a small hosted project are imitated: see Settings.
"""

import contextlib
from collections.abc import AsyncIterator

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from devstack.keys import Keys
from devstack.realtime import broadcast, socket
from devstack.realtime.authorization import Authorizer
from devstack.realtime.channels import Hub
from devstack.realtime.joining import Backend, Settings
from devstack.realtime.listener import Listener

__all__ = ["Settings", "create_app"]


def create_app(dsn: str, keys: Keys, settings: Settings | None = None) -> Starlette:
    """The app to be mounted at `/realtime/v1`; `dsn` is the superuser's. Its lifespan opens the connections."""
    settings = settings or Settings()
    pool = AsyncConnectionPool(
        dsn, min_size=2, max_size=8, open=False, timeout=5, kwargs={"autocommit": True}, name="realtime",
        check=AsyncConnectionPool.check_connection,  # PostgreSQL may have been restarted since
    )  # fmt: skip
    events = settings.rate_counter(settings.max_events_per_second)
    hub = Hub(events)
    listener = Listener(dsn, pool, hub)
    joins = settings.rate_counter(settings.max_joins_per_second)
    backend = Backend(keys, pool, Authorizer(pool), hub, listener, settings, events, joins)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with pool:
            await listener.start()
            try:
                yield
            finally:
                await listener.stop()

    async def websocket(client: WebSocket) -> None:
        await socket.serve(client, backend)

    async def send_batch(request: Request) -> Response:
        return await broadcast.batch(request, backend)

    async def send_single(request: Request) -> Response:
        return await broadcast.single(request, backend)

    routes = [
        WebSocketRoute("/websocket", websocket),
        Route("/api/broadcast", send_batch, methods=["POST"]),
        Route("/api/broadcast/{topic}/events/{event}", send_single, methods=["POST"]),
        Route("/api/ping", _ping),
        Route("/{path:path}", _unsupported, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.listener = listener
    return app


async def _ping(request: Request) -> Response:
    return JSONResponse({"message": "Success"})


async def _unsupported(request: Request) -> Response:
    message = f"{request.method} {request.url.path} is not supported by the local stand-in for Realtime"
    return JSONResponse({"message": message}, status_code=501)
