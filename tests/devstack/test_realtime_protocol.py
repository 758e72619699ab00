"""Realtime's serializers: what goes in comes out, and nothing that comes in breaks them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.realtime.protocol import (
    SERIALIZERS,
    MalformedFrameError,
    Message,
    TextBroadcast,
    UserBroadcast,
    encode_push,
)
from tests.devstack.realtime_client import decode, decode_binary, recorded

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
V1, V2 = SERIALIZERS["1.0.0"], SERIALIZERS["2.0.0"]


@given(topic=TEXT, event=TEXT, payload=JSON, ref=TEXT | st.none(), join_ref=TEXT | st.none())
def test_text_messages_survive_both_serializers(
    topic: str, event: str, payload: object, ref: str | None, join_ref: str | None
) -> None:
    one = json.dumps({"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref})
    two = json.dumps([join_ref, ref, topic, event, payload])
    assert V1.decode(one) == V2.decode(two) == Message(topic, event, payload, ref, join_ref)


@given(topic=TEXT, event=TEXT, payload=JSON, ref=TEXT | st.none(), join_ref=TEXT | st.none())
def test_servers_frames_say_what_they_were_given(
    topic: str, event: str, payload: object, ref: str | None, join_ref: str | None
) -> None:
    expected = {"topic": topic, "event": event, "payload": payload, "ref": ref}
    assert decode(V1.encode(topic, event, payload, ref=ref, join_ref=join_ref)) == expected
    assert decode(V2.encode(topic, event, payload, ref=ref, join_ref=join_ref)) == {**expected, "join_ref": join_ref}


@given(topic=TEXT, event=TEXT, payload=JSON, meta=st.none() | st.dictionaries(TEXT, TEXT, max_size=2))
def test_json_broadcasts_say_the_same_on_both_serializers(
    topic: str, event: str, payload: object, meta: dict[str, str] | None
) -> None:
    broadcast = UserBroadcast(event, json.dumps(payload).encode(), meta=meta)
    inner = {"type": "broadcast", "event": event, "payload": payload}
    if meta is not None:
        inner["meta"] = meta
    text = V1.broadcast(topic, broadcast)
    assert isinstance(text, str)
    assert decode(text)["payload"] == inner
    binary = V2.broadcast(topic, broadcast)
    if max(len(topic.encode()), len(event.encode()), len(json.dumps(meta).encode())) > 255:
        return
    assert isinstance(binary, bytes)
    found = decode_binary(binary)
    assert found["topic"] == topic
    assert found["payload"] == {**inner, "encoding": 1}


@given(topic=TEXT, event=TEXT, payload=st.binary(max_size=100))
def test_bytes_go_out_on_2_0_0_only(topic: str, event: str, payload: bytes) -> None:
    broadcast = UserBroadcast(event, payload, is_json=False)
    assert V1.broadcast(topic, broadcast) is None
    if len(topic.encode()) <= 255 and len(event.encode()) <= 255:
        binary = V2.broadcast(topic, broadcast)
        assert isinstance(binary, bytes)
        assert decode_binary(binary)["payload"] == {
            "type": "broadcast",
            "event": event,
            "payload": list(payload),
            "encoding": 0,
        }


def test_recorded_binary_frames_are_made_byte_for_byte() -> None:
    import base64

    for line in recorded("v2_private"):
        if line["opcode"] != "binary":
            continue
        frame = base64.b64decode(line["b64"])
        found = decode_binary(frame)
        inner = found["payload"]
        payload = frame[-len(frame) + 5 + frame[1] + frame[2] + frame[3] :]
        made = UserBroadcast(inner["event"], payload, is_json=inner["encoding"] == 1, meta=inner["meta"])
        assert V2.broadcast(found["topic"], made) == frame


def test_names_too_long_for_a_binary_frame_are_dropped() -> None:
    assert V2.broadcast("t" * 256, UserBroadcast("e", b"{}")) is None
    assert V2.broadcast("t" * 255, UserBroadcast("e" * 255, b"{}")) is not None
    assert V2.broadcast("t" * 256, TextBroadcast({})) is not None


@given(
    topic=TEXT,
    event=TEXT,
    payload=JSON,
    ref=st.none() | st.text("0123456789", min_size=1, max_size=5),
    meta=st.none() | st.just({"persist": True}),
)
def test_a_clients_binary_broadcast_is_read_as_sent(
    topic: str, event: str, payload: object, ref: str | None, meta: dict[str, bool] | None
) -> None:
    broadcast = UserBroadcast(event, json.dumps(payload).encode(), meta=meta)
    message = Message(topic, "broadcast", broadcast, ref, ref)
    assert V2.decode(encode_push(message)) == message


@given(frame=st.binary() | TEXT | JSON.map(json.dumps))
def test_no_frame_breaks_a_serializer(frame: str | bytes) -> None:
    for serializer in (V1, V2):
        try:
            assert isinstance(serializer.decode(frame), Message)
        except MalformedFrameError:
            continue


@given(frame=st.binary(max_size=60).map(lambda rest: bytes([3]) + rest))
def test_no_binary_broadcast_breaks_a_serializer(frame: bytes) -> None:
    try:
        assert V2.decode(frame).event == "broadcast"
    except MalformedFrameError:
        assert len(frame) < 70


@pytest.mark.parametrize(
    "frame",
    [
        "{not json",
        "[]",
        '"x"',
        "NaN",
        "[" * 100_000,
        '{"topic":"realtime:room:b"}',
        '{"topic":1,"event":"e","payload":{},"ref":null}',
        '{"topic":"t","event":"e","payload":{},"ref":{}}',
        '{"topic":"\\ud800","event":"e","payload":{},"ref":null}',
        '{"topic":"t","event":"e","payload":NaN,"ref":null}',
        '[null,"1","t","e"]',
        '[null,"1",null,"e",{}]',
        b"",
        b"\x03\x05",
        b"\x03\x00\x00\x01\x00\x00\x01\xff{}",
        b"\x03\x00\x00\x01\x01\x00\x01te{not json",
        b"\x09\x00\x00\x00\x00\x00\x00",
    ],
)
def test_malformed_frames_are_refused(frame: str | bytes) -> None:
    for serializer in (V1, V2):
        with pytest.raises(MalformedFrameError):
            serializer.decode(frame)
