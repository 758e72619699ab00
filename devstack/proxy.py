"""Passing requests on to a real PostgREST or Realtime that stands in the place of a stand-in."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Self
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from devstack.realtime_server import tenant_host

#: RFC 9110, 7.6.1: what concerns one connection only. The client library decides the length and encoding anew.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
}
#: What the gateway says for itself in every answer.
ITS_OWN = {"date", "server"}


class HttpProxy:
    """An ASGI app that answers what the server at `url` answers; 502 when it cannot be reached."""

    def __init__(self, url: str, host: str | None = None) -> None:
        # No encoding that the client did not ask for.
        headers = {"accept-encoding": "identity"} | ({"host": host} if host else {})
        self._client = httpx.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=60, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.aclose()

    async def answers(self) -> bool:
        """Whether the server is there, and not in trouble itself."""
        try:
            return (await self._client.head("/", timeout=2)).status_code < 500
        except httpx.TransportError:
            return False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, whose path is the one below the mount."""
        response = await self._pass_on(Request(scope, receive), _path_below_mount(scope))
        await response(scope, receive, send)

    async def _pass_on(self, request: Request, path: str) -> Response:
        headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() not in HOP_BY_HOP]
        url = f"{path}?{request.url.query}" if request.url.query else path
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        outgoing = self._client.build_request(
            request.method, url, headers=headers, content=request.stream() if has_body else None
        )
        try:
            answer = await self._client.send(outgoing, stream=True)
        except httpx.TransportError as error:
            return JSONResponse({"message": f"the server behind the gateway cannot be reached: {error}"}, 502)
        response = StreamingResponse(_stream(answer), answer.status_code)
        response.raw_headers = [
            (name.lower(), value)
            for name, value in answer.headers.raw
            if name.decode().lower() not in HOP_BY_HOP | ITS_OWN
        ]
        return response


class RealtimeProxy(HttpProxy):
    """HTTP and websockets of a real Realtime, whose tenant is named by the host.

    As Supabase's gateway does, `/api/…` is passed on as it is, and the rest (`/websocket`) goes to `/socket/…`.
    """

    def __init__(self, url: str, tenant: str) -> None:
        super().__init__(url, tenant_host(tenant))
        self._url = urlsplit(url.rstrip("/"))
        self._host = tenant_host(tenant)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or serves one websocket."""
        path = _path_below_mount(scope)
        if not path.startswith("/api/"):
            path = f"/socket{path}"
        if scope["type"] == "websocket":
            await self._serve(WebSocket(scope, receive, send), path)
        else:
            response = await self._pass_on(Request(scope, receive), path)
            await response(scope, receive, send)

    async def is_healthy(self) -> bool:
        """Whether it answers, and knows the tenant."""
        try:
            return (await self._client.get("/api/ping", timeout=2)).is_success
        except httpx.TransportError:
            return False

    async def _serve(self, client: WebSocket, path: str) -> None:
        scheme = self._url.scheme.replace("http", "ws")
        headers = [(name, value) for name, value in client.headers.items() if name.startswith("x-")]
        try:
            async with connect(
                f"{scheme}://{self._host}{self._url.path}{path}?{client.url.query}",
                host=self._url.hostname,
                port=self._url.port or (443 if scheme == "wss" else 80),
                additional_headers=headers,
                max_size=None,
                proxy=None,
                ping_interval=None,  # Realtime closes silent sockets: a ping of ours would keep them alive
            ) as server:
                await client.accept()
                await _pump(client, server)
        except InvalidStatus as error:
            kind = error.response.headers.get("content-type")
            refusal = Response(bytes(error.response.body or b""), error.response.status_code, media_type=kind)
            await client.send_denial_response(refusal)
        except OSError as error:
            await client.send_denial_response(JSONResponse({"error": f"Realtime cannot be reached: {error}"}, 502))


async def _pump(client: WebSocket, server: ClientConnection) -> None:
    """Passes frames both ways until one side closes, and the close on to the other."""
    tasks = [asyncio.create_task(_to_server(client, server)), asyncio.create_task(_to_client(client, server))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _to_server(client: WebSocket, server: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while (event := await client.receive())["type"] != "websocket.disconnect":
            await server.send(event["text"] if event.get("text") is not None else event["bytes"])


async def _to_client(client: WebSocket, server: ClientConnection) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        try:
            async for frame in server:
                kind = "text" if isinstance(frame, str) else "bytes"
                await client.send({"type": "websocket.send", kind: frame})
        except ConnectionClosed:
            pass
        await client.close(server.close_code or 1011, server.close_reason)


def _path_below_mount(scope: Scope) -> str:
    """The path without the mount's, percent-encoded as it came."""
    path: str = scope["raw_path"].decode("ascii")
    return path.removeprefix(scope.get("root_path", "")) or "/"


async def _stream(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()
