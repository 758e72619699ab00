"""Joined channels, and the hub that knows which of them a broadcast concerns."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Protocol

from devstack.realtime.protocol import Broadcast, Ref, Serializer, TextBroadcast
from devstack.realtime.rates import RateCounter
from devstack.realtime.tokens import Token

PREFIX = "realtime:"
TOO_MANY_EVENTS = "Too many messages per second"


class Outlet(Protocol):
    """Where a channel's frames go: its socket."""

    serializer: Serializer

    def send(self, frame: str | bytes) -> None:
        """Puts a frame into the socket's queue."""

    def shut(self, channel: "Channel", reason: str) -> None:
        """Closes one of its channels, and tells the client why."""


@dataclass(eq=False)
class Channel:
    """One joined channel of one socket. `name` is the topic without its `realtime:`."""

    outlet: Outlet
    name: str
    join_ref: Ref
    token: Token
    private: bool
    acknowledge: bool
    receive_own: bool
    replayed: frozenset[str] = frozenset()
    may_write: bool | None = None  # null until asked; asked again with each token
    expiry: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def topic(self) -> str:
        """The topic as it stands in frames."""
        return PREFIX + self.name

    def push(self, event: str, payload: object) -> None:
        """Sends the client a message of this channel."""
        self.outlet.send(self.outlet.serializer.encode(self.topic, event, payload, ref=None, join_ref=self.join_ref))

    def system(self, status: str, message: str) -> None:
        """Sends the client a `system` message."""
        self.push("system", {"message": message, "status": status, "extension": "system", "channel": self.name})

    def close(self) -> None:
        """Tells the client that the channel is closed."""
        frame = self.outlet.serializer.encode(self.topic, "phx_close", {}, ref=self.join_ref, join_ref=self.join_ref)
        self.outlet.send(frame)


class Hub:
    """Every joined channel, by topic; private and public channels of one topic do not hear each other.

    `events` counts messages and their deliveries; over its limit, a channel that still hears one is closed.
    """

    def __init__(self, events: RateCounter) -> None:
        self.events = events
        self._channels: defaultdict[tuple[str, bool], set[Channel]] = defaultdict(set)

    def add(self, channel: Channel) -> None:
        """From now on the channel hears broadcasts."""
        self._channels[channel.name, channel.private].add(channel)

    def remove(self, channel: Channel) -> None:
        """From now on it does not."""
        key = channel.name, channel.private
        listeners = self._channels.get(key, set())
        listeners.discard(channel)
        if not listeners:
            self._channels.pop(key, None)

    def broadcast(self, name: str, private: bool, broadcast: Broadcast, sender: Channel | None = None) -> None:
        """Sends it to every channel of the topic, to the sender's own only if it asked for that.

        A frame is encoded once for each serializer, however many listen.
        """
        self.events.add()
        frames: dict[int, str | bytes | None] = {}
        row = broadcast.meta.get("id") if not isinstance(broadcast, TextBroadcast) and broadcast.meta else None
        for channel in list(self._channels.get((name, private), ())):
            if (channel is sender and not channel.receive_own) or (row is not None and row in channel.replayed):
                continue
            serializer = channel.outlet.serializer
            if id(serializer) not in frames:
                frames[id(serializer)] = serializer.broadcast(channel.topic, broadcast)
            frame = frames[id(serializer)]
            if frame is not None:
                channel.outlet.send(frame)
            self.events.add()
            if self.events.exceeded:
                channel.outlet.shut(channel, TOO_MANY_EVENTS)
