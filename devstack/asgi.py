"""How uvicorn serves the stack's applications."""

from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http import h11_impl

#: Seconds; longer than the service keeps a connection that is not used (httpx: 5). Were it as long, a server would
#: now and then close one in the moment in which it is used again, and a user be answered 503.
_KEEP_ALIVE = 75
#: What PostgREST answers where a function raises it (`raise sqlstate 'PT999'`), and uvicorn knows no words for.
_NAMELESS = range(600, 1000)


def server_config(app: ASGIApp, **options: Any) -> uvicorn.Config:
    """uvicorn's configuration for an application: with every status of three digits, and without a log of requests.

    The URLs of websockets hold API keys. No pings either: Realtime and its clients have heartbeats of their own.
    `options` are uvicorn's.
    """
    h11_impl.STATUS_PHRASES.update(dict.fromkeys(_NAMELESS, b""))
    return uvicorn.Config(
        app, http="h11", log_level="warning", access_log=False, ws_ping_interval=None,
        timeout_keep_alive=_KEEP_ALIVE, **options,
    )  # fmt: skip
