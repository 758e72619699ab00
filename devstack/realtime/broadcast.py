"""Broadcasts by HTTP: `POST /api/broadcast` and `POST /api/broadcast/<topic>/events/<event>`.

The gateway has checked the API key and turned it, or the user's session, into a bearer token.
"""

import json
from collections import defaultdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from devstack.realtime.authorization import DatabaseUnavailableError
from devstack.realtime.joining import NO_DATABASE, Backend
from devstack.realtime.protocol import TextBroadcast, UserBroadcast
from devstack.realtime.tokens import Token, TokenError, check_token

#: Realtime's own limit on small plans is 256 KB a message.
MAX_BODY = 3_000_000
OVER_LIMIT = "You have exceeded your rate limit"
BLANK = "can't be blank"
INVALID = "is invalid"


class _TooLargeError(Exception):
    pass


async def batch(request: Request, backend: Backend) -> Response:
    """`{"messages": [{"topic", "event", "payload", "private"}]}` → 202; 422 names what is wrong with each message.

    Private messages that no policy lets the caller write are dropped without a word, as recorded.
    """
    token = _authenticate(request, backend)
    if token is None:
        return _unauthorized()
    try:
        body = await _json(request)
    except _TooLargeError:
        return Response(status_code=413)
    except ValueError:
        return JSONResponse({"message": "the body is not JSON"}, status_code=400)
    errors = batch_errors(body)
    if errors is not None:
        return JSONResponse({"errors": {"messages": errors}}, status_code=422)
    rate, limit = backend.events.average, backend.settings.max_events_per_second
    if rate > limit:
        return _too_many(OVER_LIMIT)
    if rate + len(body["messages"]) > limit:
        return _too_many("Too many messages to broadcast, please reduce the batch size")
    try:
        await _send_batch(body["messages"], token, _headers(request), backend)
    except DatabaseUnavailableError:
        return JSONResponse({"message": NO_DATABASE}, status_code=503)
    return Response(status_code=202)


async def _send_batch(messages: list[dict[str, Any]], token: Token, headers: dict[str, str], backend: Backend) -> None:
    """Public messages first, then private ones by topic: the real server's order."""
    private: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for message in messages:
        if message.get("private"):
            private[message["topic"]].append(message)
        else:
            _send(backend, message, private=False)
    for topic, addressed in private.items():
        if await backend.authorizer.may_write(topic, token.claims, headers):
            for message in addressed:
                _send(backend, message, private=True)


async def single(request: Request, backend: Backend) -> Response:
    """The body, JSON or `application/octet-stream`, is the payload → 202; 403 where no policy lets the caller write."""
    token = _authenticate(request, backend)
    if token is None:
        return _unauthorized()
    kind = _media_type(request)
    if kind not in (None, "application/json", "application/octet-stream"):
        error = "Unsupported Media Type. Use application/json or application/octet-stream"
        return JSONResponse({"error": error}, status_code=415)
    is_json = kind != "application/octet-stream"
    try:
        body = json.dumps(await _json(request), separators=(",", ":")).encode() if is_json else await _body(request)
    except _TooLargeError:
        return Response(status_code=413)
    except ValueError:
        return JSONResponse({"message": "the body is not JSON"}, status_code=400)
    if backend.events.exceeded:
        return _too_many(OVER_LIMIT)
    topic, event = request.path_params["topic"], request.path_params["event"]
    private = request.query_params.get("private") == "true"
    if private:
        try:
            if not await backend.authorizer.may_write(topic, token.claims, _headers(request)):
                return JSONResponse({"message": "Unauthorized"}, status_code=403)
        except DatabaseUnavailableError:
            return JSONResponse({"message": "Tenant database unavailable"}, status_code=422)
    backend.hub.broadcast(topic, private, UserBroadcast(event, body, is_json))
    return Response(status_code=202)


def batch_errors(body: object) -> list[Any] | None:
    """What is wrong with a batch, in the shape of Realtime's `errors.messages`; None if nothing is."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if messages is None or messages == []:
        return [BLANK]
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return [INVALID]
    found = [_message_errors(message) for message in messages]
    return found if any(found) else None


def _message_errors(message: dict[str, Any]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for field, kind in (("topic", str), ("event", str), ("payload", dict)):
        value = message.get(field)
        if value is None or (isinstance(value, str) and not value.strip()):
            errors[field] = [BLANK]
        elif not isinstance(value, kind):
            errors[field] = [INVALID]
    if not isinstance(message.get("private", False), bool | None):
        errors["private"] = [INVALID]
    return errors


def _send(backend: Backend, message: dict[str, Any], private: bool) -> None:
    payload = {"event": message["event"], "payload": message["payload"], "type": "broadcast"}
    backend.hub.broadcast(message["topic"], private, TextBroadcast(payload))


def _authenticate(request: Request, backend: Backend) -> Token | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        return check_token(token.strip(), backend.keys, backend.now)
    except TokenError:
        return None


def _unauthorized() -> Response:
    return JSONResponse({"message": "Unauthorized"}, status_code=401)


def _too_many(message: str) -> Response:
    return JSONResponse({"message": message}, status_code=429)


def _media_type(request: Request) -> str | None:
    named = request.headers.get("content-type")
    return None if named is None else named.partition(";")[0].strip().lower()


async def _json(request: Request) -> Any:
    """The body, read by the real server only where it is called JSON: else it stands for an empty object.

    Raises ValueError, and _TooLargeError.
    """
    body = await _body(request)
    if not (_media_type(request) or "").endswith(("/json", "+json")):
        return {}
    found = json.loads(body or b"{}")
    return found if isinstance(found, dict) else {"_json": found}


def _headers(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name.startswith("x-")}


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise _TooLargeError
    return body
