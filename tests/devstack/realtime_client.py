"""A raw websocket client of Realtime for tests, and the recording of the real server."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

from devstack.realtime.protocol import USER_BROADCAST
from tests.devstack.gateway_fixtures import ANNA, Gateway

RECORDING = Path(__file__).parents[1] / "data" / "realtime" / "frames.jsonl"
OWN_TOPIC = f"realtime:user:{ANNA}"
SILENCE = 0.3  # seconds in which nothing may come, where nothing should

Frame = dict[str, Any]


def recorded(scenario: str) -> list[Frame]:
    """What the real server and its client said, in order, in one scenario."""
    lines = [json.loads(line) for line in RECORDING.read_text().splitlines()]
    return [line for line in lines if line["scenario"] == scenario]


def decode(frame: str | bytes) -> Frame:
    """A server's frame of either serializer, as its parts."""
    if isinstance(frame, bytes):
        return decode_binary(frame)
    found = json.loads(frame)
    if isinstance(found, dict):
        return found
    join_ref, ref, topic, event, payload = found
    return {"join_ref": join_ref, "ref": ref, "topic": topic, "event": event, "payload": payload}


def decode_binary(frame: bytes) -> Frame:
    """A binary broadcast, read as its description says (not by the code under test)."""
    kind, topic_length, event_length, meta_length, encoding = frame[:5]
    assert kind == USER_BROADCAST
    rest, parts = frame[5:], []
    for length in (topic_length, event_length, meta_length):
        parts.append(rest[:length].decode())
        rest = rest[length:]
    topic, event, meta = parts
    payload = json.loads(rest) if encoding == 1 else list(rest)
    inner = {"type": "broadcast", "event": event, "payload": payload, "encoding": encoding}
    if meta:
        inner["meta"] = json.loads(meta)
    return {"ref": None, "topic": topic, "event": "broadcast", "payload": inner}


def config(private: bool = True, **broadcast: Any) -> Frame:
    """The payload of a join, without a token."""
    return {
        "config": {
            "broadcast": {"ack": False, "self": False, **broadcast},
            "presence": {"key": "", "enabled": False},
            "postgres_changes": [],
            "private": private,
        }
    }


class RawClient:
    """A socket on which frames are sent and awaited as they are."""

    def __init__(self, gateway: Gateway, vsn: str = "1.0.0", apikey: str | None = None) -> None:
        self.gateway = gateway
        self.vsn = vsn
        key = gateway.keys.publishable_key if apikey is None else apikey
        self.socket: ClientConnection = connect(f"{gateway.websocket_url}?apikey={key}&vsn={vsn}", ping_interval=None)
        self._ref = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, topic: str, event: str, payload: Any, join_ref: str | None = None) -> str:
        """Sends a message; its ref."""
        self._ref += 1
        ref = str(self._ref)
        if self.vsn == "1.0.0":
            message = {"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref}
            self.socket.send(json.dumps(message))
        else:
            self.socket.send(json.dumps([join_ref, ref, topic, event, payload]))
        return ref

    def receive(self, timeout: float = 10) -> Frame:
        """The next frame."""
        return decode(self.socket.recv(timeout))

    def join(
        self, /, topic: str = OWN_TOPIC, token: str | None = None, private: bool = True, **broadcast: Any
    ) -> Frame:
        """Joins with a token of Anna's, or another; the payload of the reply."""
        payload = {**config(private, **broadcast), "access_token": self.gateway.token() if token is None else token}
        ref = str(self._ref + 1)
        self.send(topic, "phx_join", payload, join_ref=ref)
        reply = self.receive()
        assert (reply["event"], reply["ref"], reply["topic"]) == ("phx_reply", ref, topic)
        answered: Frame = reply["payload"]
        return answered

    def heartbeat(self) -> None:
        """Checks that nothing waits before a heartbeat's reply."""
        ref = self.send("phoenix", "heartbeat", {})
        reply = self.receive()
        assert (reply["topic"], reply["ref"], reply["event"]) == ("phoenix", ref, "phx_reply")

    def assert_silence(self) -> None:
        """Checks that nothing comes for a while."""
        deadline = time.monotonic() + SILENCE
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame = self.socket.recv(left)
            except TimeoutError:
                return
            raise AssertionError(f"unexpected frame {frame!r}")
