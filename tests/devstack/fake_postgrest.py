"""A program that takes a PostgREST's settings and answers as one: the stand-in, told nothing but PGRST_ variables.

Run with `python -m tests.devstack.fake_postgrest`. It prints a line for each request, as PostgREST does, and ends when
a setting that it needs is missing.
"""

import json
import os
import threading
from typing import Any

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from devstack import rest
from devstack.asgi import server_config


def setting(name: str) -> str:
    """A setting as PostgREST names it in its documentation. Raises KeyError."""
    return os.environ[f"PGRST_{name.upper().replace('-', '_')}"]


def verify(token: str) -> dict[str, Any]:
    """The claims of a token that a key of the JWK set signed, whatever they say."""
    header = jwt.get_unverified_header(token)
    for key in jwt.PyJWKSet.from_json(setting("jwt-secret")).keys:
        if key.algorithm_name == header["alg"] and header.get("kid") in (None, key.key_id):
            claims: dict[str, Any] = json.loads(jwt.api_jws.decode(token, key, algorithms=[header["alg"]]))
            return claims
    raise jwt.InvalidAlgorithmError("no key for it")


class Printed:
    """Prints the requests on an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            print(scope["method"], scope["path"], flush=True)  # noqa: T201 -- its log
        await self._app(scope, receive, send)


def main() -> None:
    """Serves until told to stop; beside it, its health check."""
    app = rest.create_app(
        setting("db-uri"),
        verify,
        schemas=setting("db-schemas").split(","),
        anon_role=setting("db-anon-role"),
        max_rows=int(setting("db-max-rows")),
        audience=os.environ.get("PGRST_JWT_AUD"),
        allow_tx_override=os.environ.get("PGRST_DB_TX_END", "").endswith("-allow-override"),
    )
    host = setting("server-host")
    server = uvicorn.Server(server_config(Printed(app), host=host, port=int(setting("server-port"))))

    async def ready(_: Request) -> Response:
        return Response(status_code=200 if server.started else 503)

    admin = Starlette(routes=[Route("/ready", ready)])
    beside = uvicorn.Server(server_config(admin, host=host, port=int(setting("admin-server-port"))))
    threading.Thread(target=beside.run, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
