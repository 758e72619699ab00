"""One client's websocket: heartbeats, joins, tokens, broadcasts, leaves; and the HTTP answers to a refused connect.

Messages are handled one after the other, as Phoenix does: a join that is refused holds up what the client sends
after it, since its answer is held back.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from devstack.realtime.authorization import DatabaseUnavailableError
from devstack.realtime.channels import PREFIX, Channel
from devstack.realtime.joining import (
    NEW_API_KEY_PREFIX,
    Backend,
    Joined,
    JoinRefusedError,
    TooManyJoinsError,
    join,
    refresh,
)
from devstack.realtime.listener import StoredBroadcast
from devstack.realtime.protocol import (
    SERIALIZERS,
    Broadcast,
    MalformedFrameError,
    Message,
    Serializer,
    TextBroadcast,
    UserBroadcast,
)
from devstack.realtime.tokens import TokenError, check_token, expired

log = logging.getLogger(__name__)

#: Frames that may wait for a client that does not read; then its socket is closed.
MAX_QUEUED = 10_000
READY_TIMEOUT = 60.0  # seconds


async def serve(websocket: WebSocket, backend: Backend) -> None:
    """Answers a connect to `/websocket?apikey=…&vsn=…`, where `apikey` is a token by now, and serves the socket."""
    api_token = websocket.query_params.get("apikey")
    serializer = SERIALIZERS.get(websocket.query_params.get("vsn", "1.0.0"))
    if serializer is None:
        await websocket.send_denial_response(Response(status_code=403))
        return
    try:
        if api_token is None:
            raise TokenError("MissingAPIKey", "API key is missing")
        check_token(api_token, backend.keys, backend.now)
    except TokenError as error:
        await _refuse(websocket, backend, 401, error.connect_error)
        return
    if backend.joins.exceeded:
        await _refuse(websocket, backend, 429, "Too many joins per second")
        return
    await websocket.accept()
    headers = {name: value for name, value in websocket.headers.items() if name.startswith("x-")}
    await Socket(websocket, serializer, api_token, headers, backend).run()


async def _refuse(websocket: WebSocket, backend: Backend, status: int, error: str) -> None:
    await asyncio.sleep(backend.settings.connect_refusal_delay)
    await websocket.send_denial_response(JSONResponse({"error": error}, status_code=status))


class Socket:
    """A connected client and its channels. It is the Outlet of its channels."""

    def __init__(
        self, websocket: WebSocket, serializer: Serializer, api_token: str, headers: dict[str, str], backend: Backend
    ) -> None:
        self.serializer = serializer
        self._websocket = websocket
        self._api_token = api_token
        self._headers = headers
        self._backend = backend
        self._channels: dict[str, Channel] = {}
        self._queue: asyncio.Queue[str | bytes | None] = asyncio.Queue()  # null: the end
        self._too_slow = asyncio.Event()
        self._waiting: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serves the client until it goes, is silent for too long, or reads too slowly."""
        parts = [asyncio.create_task(part) for part in (self._write(), self._read(), self._wait_too_slow())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for channel in list(self._channels.values()):
                self._drop(channel)
            parts += self._waiting
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    def send(self, frame: str | bytes) -> None:
        """Queues a frame; a client that reads nothing for too long is let go."""
        if self._queue.qsize() >= MAX_QUEUED:
            self._too_slow.set()
        else:
            self._queue.put_nowait(frame)

    def shut(self, channel: Channel, reason: str) -> None:
        """Closes a channel that is not to go on, and says why; the socket stays open."""
        if self._channels.get(channel.topic) is channel:
            self._drop(channel)
            channel.system("error", reason)
            channel.close()

    async def _wait_too_slow(self) -> None:
        await self._too_slow.wait()

    async def _write(self) -> None:
        """Sends what is queued. Ends when the client is gone, or is to go."""
        with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect):
            while (frame := await self._queue.get()) is not None:
                kind = "text" if isinstance(frame, str) else "bytes"
                await self._websocket.send({"type": "websocket.send", kind: frame})
            await self._websocket.close(1000)

    async def _read(self) -> None:
        """Handles what comes in. Ends when the client is gone or silent."""
        while True:
            try:
                event = await asyncio.wait_for(self._websocket.receive(), self._backend.settings.idle_timeout)
            except TimeoutError:
                with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect):
                    await self._websocket.close(1000)
                return
            if event["type"] == "websocket.disconnect":
                return
            frame = event.get("text") if event.get("text") is not None else event.get("bytes")
            try:
                await self._handle(self.serializer.decode(frame or ""))
            except MalformedFrameError as error:
                log.info("MalformedWebSocketMessage: %s", error)  # ignored, as recorded
            except Exception:
                log.exception("UnknownErrorOnWebSocketMessage")  # the real server, too, logs it and goes on

    async def _handle(self, message: Message) -> None:
        if message.topic == "phoenix" and message.event == "heartbeat":
            self._reply(Message("phoenix", "heartbeat", {}, message.ref), "ok", {})
        elif message.event == "phx_join" and message.topic.startswith(PREFIX):
            await self._join(message)
        elif (channel := self._channels.get(message.topic)) is not None:
            if message.event == "phx_leave" and message.join_ref not in (None, channel.join_ref):
                return  # of a channel that was closed before: this one has been joined since
            await self._handle_joined(channel, message)
        elif message.event == "phx_leave":
            self._reply(message, "ok", {})
        else:
            unmatched = Message(message.topic, message.event, {}, message.ref)
            self._reply(unmatched, "error", {"reason": "unmatched topic"})

    async def _handle_joined(self, channel: Channel, message: Message) -> None:
        payload = message.payload
        # Replies carry the channel's own reference, whatever the message's was.
        message = replace(message, join_ref=channel.join_ref)
        if message.event == "phx_leave":
            self._drop(channel)
            self._reply(message, "ok", {})
            channel.close()
        elif message.event == "access_token":
            text = payload.get("access_token") if isinstance(payload, dict) else None
            if isinstance(text, str) and text != channel.token.text and not text.startswith(NEW_API_KEY_PREFIX):
                await self._refresh(channel, text)
        elif message.event == "broadcast":
            await self._broadcast(channel, message)
        elif message.event == "presence":
            reason = "PresenceUnsupported: this stand-in does not support presence"
            self._reply(message, "error", {"reason": reason})
        # Anything else is ignored without an answer, as recorded.

    async def _join(self, message: Message) -> None:
        previous = self._channels.get(message.topic)
        if previous is not None:
            self._drop(previous)
        try:
            joined = await self._try_join(message)
        except JoinRefusedError as error:
            await asyncio.sleep(self._backend.settings.refusal_delay)
            self._reply(message, "error", {"reason": str(error)})
            if isinstance(error, TooManyJoinsError):
                self._queue.put_nowait(None)
        else:
            self._enter(message, joined)
        if previous is not None:
            previous.close()

    async def _try_join(self, message: Message) -> Joined:
        name = message.topic.removeprefix(PREFIX)
        if not name:
            raise JoinRefusedError("TopicNameRequired: You must provide a topic name")
        if self._backend.joins.exceeded:
            raise TooManyJoinsError
        self._backend.joins.add()
        if len(self._channels) >= self._backend.settings.max_channels:
            raise JoinRefusedError("ChannelRateLimitReached: Too many channels")
        return await join(self._backend, self, name, message, self._api_token, self._headers)

    def _enter(self, message: Message, joined: Joined) -> None:
        channel = joined.channel
        self._channels[channel.topic] = channel
        self._backend.hub.add(channel)
        self._watch_expiry(channel)
        self._reply(message, "ok", {"postgres_changes": []})
        for missed in joined.missed:
            self._replay(channel, missed)
        if joined.wants_ready:
            self._in_background(self._announce_ready(channel))

    def _replay(self, channel: Channel, missed: StoredBroadcast) -> None:
        """Replayed broadcasts are text on both serializers, unless they are bytes."""
        meta = {"id": missed.id, "replayed": True}
        broadcast: Broadcast
        if missed.binary is not None:
            broadcast = UserBroadcast(missed.event, missed.binary, is_json=False, meta=meta)
        else:
            payload = json.loads(missed.payload or "null")
            broadcast = TextBroadcast({"event": missed.event, "meta": meta, "payload": payload, "type": "broadcast"})
        frame = self.serializer.broadcast(channel.topic, broadcast, channel.join_ref)
        if frame is not None:
            self.send(frame)

    async def _refresh(self, channel: Channel, text: str) -> None:
        try:
            channel.token = await refresh(self._backend, channel, text, self._headers)
        except TokenError as error:
            self.shut(channel, error.refresh_message)
            return
        channel.may_write = None
        if self._channels.get(channel.topic) is channel:  # it may have expired meanwhile
            self._watch_expiry(channel)

    async def _broadcast(self, channel: Channel, message: Message) -> None:
        """A client's own broadcast: to private channels only where a policy lets it write, else dropped silently."""
        if channel.private:
            if channel.may_write is None:
                try:
                    channel.may_write = await self._backend.authorizer.may_write(
                        channel.name, channel.token.claims, self._headers
                    )
                except DatabaseUnavailableError:
                    log.warning("UnableToHandleBroadcast: the database cannot be reached")
            if not channel.may_write:
                return
        payload = message.payload
        if isinstance(payload, UserBroadcast):
            sent = UserBroadcast(payload.event, payload.payload, payload.is_json)
            self._backend.hub.broadcast(channel.name, channel.private, sent, channel)
        elif isinstance(payload, dict):
            self._backend.hub.broadcast(channel.name, channel.private, TextBroadcast(payload), channel)
        if channel.acknowledge:
            self._reply(message, "ok", {})

    async def _announce_ready(self, channel: Channel) -> None:
        try:
            await asyncio.wait_for(self._backend.listener.connected.wait(), READY_TIMEOUT)
        except TimeoutError:
            self.shut(channel, "Replication connection was not established in time")
            return
        if self._channels.get(channel.topic) is channel:
            channel.system("ok", "Replication connection established")

    def _watch_expiry(self, channel: Channel) -> None:
        if channel.expiry is not None:
            channel.expiry.cancel()
        delay = max(0.0, channel.token.expires_at - self._backend.now())
        channel.expiry = asyncio.get_running_loop().call_later(delay, self._expire, channel)

    def _expire(self, channel: Channel) -> None:
        self.shut(channel, expired(channel.token.expires_at, self._backend.now).refresh_message)

    def _drop(self, channel: Channel) -> None:
        self._backend.hub.remove(channel)
        if channel.expiry is not None:
            channel.expiry.cancel()
        self._channels.pop(channel.topic, None)

    def _reply(self, message: Message, status: str, response: dict[str, Any]) -> None:
        payload = {"status": status, "response": response}
        frame = self.serializer.encode(message.topic, "phx_reply", payload, ref=message.ref, join_ref=message.join_ref)
        self.send(frame)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
