"""Realtime's wire: Phoenix's serializers 1.0.0 and 2.0.0, and Realtime's binary broadcasts. Pure functions of frames.

1.0.0 frames are objects `{"topic", "event", "payload", "ref"}`, the server's without a `join_ref`. 2.0.0 frames are
arrays `[join_ref, ref, topic, event, payload]`, and two kinds of binary frame (Supabase: Realtime's V2Serializer):

- 3, a client's broadcast: the lengths of join_ref, ref, topic, event and meta, the encoding, then these and the
  payload;
- 4, a broadcast to a client: the lengths of topic, event and meta, the encoding, then these and the payload.

Lengths are one byte each; the encoding is 1 for JSON, 0 for bytes.
"""

import json
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

USER_BROADCAST_PUSH = 3
USER_BROADCAST = 4
MAX_FIELD_BYTES = 255


class MalformedFrameError(ValueError):
    """A frame that cannot be understood; Realtime ignores such frames."""


@dataclass(frozen=True)
class UserBroadcast:
    """A broadcast whose payload is passed on as it is: `payload` is JSON text in UTF-8, or any bytes."""

    event: str
    payload: bytes
    is_json: bool = True
    meta: dict[str, Any] | None = None


@dataclass(frozen=True)
class TextBroadcast:
    """A broadcast that goes out as a text frame on every serializer; `payload` has `type`, `event`, `payload`."""

    payload: dict[str, Any]


Broadcast = UserBroadcast | TextBroadcast


#: What a client numbers its messages with: text from the official clients, echoed as it came.
Ref = str | int | None


@dataclass(frozen=True)
class Message:
    """What a client sent. `payload` is whatever its JSON held, or the broadcast of a binary frame."""

    topic: str
    event: str
    payload: Any
    ref: Ref = None
    join_ref: Ref = None


class Serializer(Protocol):
    """One version of the framing."""

    def decode(self, frame: str | bytes) -> Message:
        """Raises MalformedFrameError."""

    def encode(self, topic: str, event: str, payload: Any, *, ref: Ref, join_ref: Ref) -> str:
        """A text frame from the server."""

    def broadcast(self, topic: str, broadcast: Broadcast, join_ref: Ref = None) -> str | bytes | None:
        """A broadcast's frame; None where this version cannot carry it (Realtime then drops it)."""


class SerializerV1:
    """Serializer 1.0.0."""

    def decode(self, frame: str | bytes) -> Message:
        """See Serializer."""
        if isinstance(frame, bytes):
            raise MalformedFrameError("binary frames are unknown to serializer 1.0.0")
        found = _parse(frame)
        if not isinstance(found, dict) or not {"topic", "event", "payload", "ref"} <= found.keys():
            raise MalformedFrameError("expected an object with topic, event, payload and ref")
        return _message(found.get("join_ref"), found["ref"], found["topic"], found["event"], found["payload"])

    def encode(self, topic: str, event: str, payload: Any, *, ref: Ref, join_ref: Ref) -> str:
        """See Serializer; 1.0.0 tells no client its `join_ref`."""
        return _dumps({"ref": ref, "event": event, "payload": payload, "topic": topic})

    def broadcast(self, topic: str, broadcast: Broadcast, join_ref: Ref = None) -> str | None:
        """See Serializer; 1.0.0 cannot carry bytes."""
        if isinstance(broadcast, TextBroadcast):
            return self.encode(topic, "broadcast", broadcast.payload, ref=None, join_ref=None)
        if not broadcast.is_json:
            return None
        meta = f'"meta":{_dumps(broadcast.meta)},' if broadcast.meta is not None else ""
        inner = f'"event":{_dumps(broadcast.event)},{meta}"payload":{broadcast.payload.decode()},"type":"broadcast"'
        return f'{{"ref":null,"event":"broadcast","payload":{{{inner}}},"topic":{_dumps(topic)}}}'


class SerializerV2:
    """Serializer 2.0.0."""

    def decode(self, frame: str | bytes) -> Message:
        """See Serializer."""
        if isinstance(frame, bytes):
            return _decode_push(frame)
        found = _parse(frame)
        if not isinstance(found, list) or len(found) < 5:
            raise MalformedFrameError("expected an array of five")
        return _message(*found[:5])

    def encode(self, topic: str, event: str, payload: Any, *, ref: Ref, join_ref: Ref) -> str:
        """See Serializer."""
        return _dumps([join_ref, ref, topic, event, payload])

    def broadcast(self, topic: str, broadcast: Broadcast, join_ref: Ref = None) -> str | bytes | None:
        """See Serializer; binary, except those that were text before."""
        if isinstance(broadcast, TextBroadcast):
            return self.encode(topic, "broadcast", broadcast.payload, ref=None, join_ref=join_ref)
        meta = _dumps(broadcast.meta).encode() if broadcast.meta is not None else b""
        parts = [topic.encode(), broadcast.event.encode(), meta]
        if any(len(part) > MAX_FIELD_BYTES for part in parts):
            return None
        head = bytes([USER_BROADCAST, *map(len, parts), int(broadcast.is_json)])
        return b"".join([head, *parts, broadcast.payload])


#: Which `vsn` a client may ask for.
SERIALIZERS: dict[str, Serializer] = {"1.0.0": SerializerV1(), "2.0.0": SerializerV2()}


def encode_push(message: Message) -> bytes:
    """A client's broadcast as a binary 2.0.0 frame (what supabase-js sends); `payload` is a UserBroadcast."""
    broadcast = message.payload
    if not isinstance(broadcast, UserBroadcast):
        raise TypeError("only a UserBroadcast goes into a binary frame")
    meta = _dumps(broadcast.meta) if broadcast.meta else ""
    texts = [str(message.join_ref or ""), str(message.ref or ""), message.topic, broadcast.event, meta]
    parts = [text.encode() for text in texts]
    if any(len(part) > MAX_FIELD_BYTES for part in parts):
        raise ValueError("a field is longer than 255 bytes")
    head = bytes([USER_BROADCAST_PUSH, *map(len, parts), int(broadcast.is_json)])
    return b"".join([head, *parts, broadcast.payload])


def _decode_push(frame: bytes) -> Message:
    if len(frame) < 7 or frame[0] != USER_BROADCAST_PUSH:
        raise MalformedFrameError("unknown kind of binary frame")
    fields, rest = [], frame[7:]
    for length in frame[1:6]:
        if length > len(rest):
            raise MalformedFrameError("the binary frame is shorter than it says")
        fields.append(rest[:length])
        rest = rest[length:]
    try:
        join_ref, ref, topic, event, meta = (field.decode() for field in fields)
    except UnicodeDecodeError as error:
        raise MalformedFrameError("the binary frame's texts are not UTF-8") from error
    is_json = frame[6] != 0
    if is_json:
        try:
            _parse(rest.decode())
        except UnicodeDecodeError as error:
            raise MalformedFrameError("the payload is not UTF-8") from error
    broadcast = UserBroadcast(event, rest, is_json, _parse(meta) if meta else None)
    return Message(topic, "broadcast", broadcast, ref or None, join_ref or None)


def _message(join_ref: Any, ref: Any, topic: Any, event: Any, payload: Any) -> Message:
    if not isinstance(topic, str) or not isinstance(event, str):
        raise MalformedFrameError("topic and event must be text")
    for name in (join_ref, ref):
        if name is not None and not isinstance(name, str | int):
            raise MalformedFrameError("refs must be text, a number or null")
    try:
        f"{topic}{event}{ref}{join_ref}".encode()
    except UnicodeEncodeError as error:
        raise MalformedFrameError("a name holds half of a surrogate pair") from error
    return Message(topic, event, payload, ref, join_ref)


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedFrameError(str(error)) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
