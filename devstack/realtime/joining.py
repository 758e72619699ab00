"""Joining a channel: what a client asks for, whether it may, and what it missed."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from devstack.keys import Keys
from devstack.realtime.authorization import Authorizer, DatabaseUnavailableError
from devstack.realtime.channels import Channel, Hub, Outlet
from devstack.realtime.listener import Listener, StoredBroadcast, replay
from devstack.realtime.protocol import Message
from devstack.realtime.rates import RateCounter
from devstack.realtime.tokens import Token, TokenError, check_token

NO_DATABASE = "Realtime was unable to connect to the project database"
NEW_API_KEY_PREFIX = "sb_"
LATEST_REPLAY_MS = 253_402_300_799_999  # the end of the year 9999


@dataclass(frozen=True)
class Settings:
    """How the stand-in behaves in time, in seconds, and what it takes; the defaults are the real server's.

    `max_events_per_second` (each message, and each delivery of it to a channel) and `max_joins_per_second` hold for
    the project, `max_channels` for a socket. Rates are averages over the last `rate_ticks` times `rate_tick` seconds.
    """

    refusal_delay: float = 5.0
    connect_refusal_delay: float = 2.0
    idle_timeout: float = 60.0
    max_channels: int = 100
    max_events_per_second: float = 100
    max_joins_per_second: float = 100
    rate_tick: float = 5.0
    rate_ticks: int = 12

    def rate_counter(self, limit: float) -> RateCounter:
        """A counter that averages as these settings say."""
        return RateCounter(limit, self.rate_tick, self.rate_ticks)


@dataclass(frozen=True)
class Backend:
    """What sockets share."""

    keys: Keys
    pool: AsyncConnectionPool
    authorizer: Authorizer
    hub: Hub
    listener: Listener
    settings: Settings
    events: RateCounter
    joins: RateCounter
    now: Callable[[], float] = time.time


class JoinRefusedError(Exception):
    """A join was refused; the message is the reason that the client is told."""


class TooManyJoinsError(JoinRefusedError):
    """The project's limit; it ends the socket, too."""

    def __init__(self) -> None:
        super().__init__("ClientJoinRateLimitReached: Too many joins per second")


@dataclass(frozen=True)
class JoinConfig:
    """The `config` of a join. Realtime forgives values in it that it cannot read, and so does this."""

    private: bool
    acknowledge: bool
    receive_own: bool
    wants_ready: bool
    postgres_changes: list[Any]
    asks_for_replay: bool
    replay: dict[str, Any] | None

    @classmethod
    def of(cls, payload: dict[str, Any]) -> "JoinConfig":
        """Reads the payload of a `phx_join`. Raises JoinRefusedError where `config` or `broadcast` is no object."""
        config = _object(payload.get("config"))
        broadcast = _object(config.get("broadcast"))
        changes = config.get("postgres_changes")
        wanted = broadcast.get("replay")
        return cls(
            private=_flag(config.get("private")),
            acknowledge=_flag(broadcast.get("ack")),
            receive_own=_flag(broadcast.get("self")),
            wants_ready=bool(broadcast.get("replication_ready")),
            postgres_changes=[change for change in changes if change is not None] if isinstance(changes, list) else [],
            asks_for_replay="replay" in broadcast,
            replay=wanted if isinstance(wanted, dict) else None,
        )


@dataclass(frozen=True)
class Joined:
    """A join that was allowed."""

    channel: Channel
    missed: list[StoredBroadcast]
    wants_ready: bool


async def join(
    backend: Backend, outlet: Outlet, name: str, message: Message, api_token: str, headers: dict[str, str]
) -> Joined:
    """Checks a join and makes its channel, which does not hear anything yet. Raises JoinRefusedError.

    `name` is the topic without `realtime:`, `api_token` what the socket was opened with: it counts where the join
    brings no token of its own.
    """
    payload = message.payload
    if not isinstance(payload, dict):
        shown = "nil" if payload is None else json.dumps(payload)
        raise JoinRefusedError(f"UnknownErrorOnChannel: expected params to be a :map, got: `{shown}`")
    try:
        token = check_token(token_of(payload, api_token), backend.keys, backend.now)
        config = JoinConfig.of(payload)
        if config.postgres_changes:
            raise JoinRefusedError(
                "PostgresChangesUnsupported: this stand-in does not support postgres_changes; use broadcasts"
            )
        if config.private and not await backend.authorizer.may_read(name, token.claims, headers):
            raise JoinRefusedError(f"Unauthorized: {no_permission(name)}")
    except TokenError as error:
        raise JoinRefusedError(error.join_reason) from error
    except DatabaseUnavailableError as error:
        raise JoinRefusedError(f"UnableToConnectToProject: {NO_DATABASE}") from error
    missed = await _missed(backend.pool, name, config)
    channel = Channel(
        outlet=outlet,
        name=name,
        join_ref=message.join_ref if message.join_ref is not None else message.ref,
        token=token,
        private=config.private,
        acknowledge=config.acknowledge,
        receive_own=config.receive_own,
        replayed=frozenset(stored.id for stored in missed),
    )
    return Joined(channel, missed, config.wants_ready)


async def refresh(backend: Backend, channel: Channel, text: str, headers: dict[str, str]) -> Token:
    """Checks a new token for a joined channel and asks its policies again.

    Raises TokenError, whose `refresh_message` the client is told.
    """
    token = check_token(text, backend.keys, backend.now)
    if channel.private:
        try:
            allowed = await backend.authorizer.may_read(channel.name, token.claims, headers)
        except DatabaseUnavailableError as error:
            raise TokenError("UnableToConnectToProject", NO_DATABASE) from error
        if not allowed:
            raise TokenError("Unauthorized", no_permission(channel.name))
    return token


def no_permission(name: str) -> str:
    """What a client that may not listen is told."""
    return f"You do not have permissions to read from this Channel topic: {name}"


def token_of(payload: dict[str, Any], api_token: str) -> str:
    """The token a join goes by: its own, unless that is a new-style API key or none."""
    for field in ("user_token", "access_token"):
        token = payload.get(field)
        if isinstance(token, str):
            return api_token if token.startswith(NEW_API_KEY_PREFIX) else token
    return api_token


async def _missed(pool: AsyncConnectionPool, name: str, config: JoinConfig) -> list[StoredBroadcast]:
    wanted = config.replay
    if config.asks_for_replay and not config.private:
        raise JoinRefusedError("UnableToReplayMessages: Replay is not allowed for public channels")
    if wanted is None:
        return []
    since, limit = wanted.get("since"), wanted.get("limit") or 25
    if not _is_whole(since) or not _is_whole(limit) or abs(since) > LATEST_REPLAY_MS:
        raise JoinRefusedError("UnableToReplayMessages: Replay params are not valid")
    try:
        return await replay(pool, name, since, limit)
    except psycopg.DataError as error:  # a time that no calendar has
        raise JoinRefusedError("UnableToReplayMessages: Replay params are not valid") from error
    except (psycopg.Error, PoolTimeout) as error:
        raise JoinRefusedError("UnableToReplayMessages: Realtime was unable to replay messages") from error


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _object(value: object) -> dict[str, Any]:
    """An object that may be left out. Realtime trips over anything else in its place, and refuses in these words."""
    if value is not None and not isinstance(value, dict):
        raise JoinRefusedError("UnknownErrorOnChannel: no function clause matching in Access.get/3")
    return value or {}


def _flag(value: object) -> bool:
    """Realtime's FlexibleBoolean: also the texts "true" and "false"."""
    return value is True or (isinstance(value, str) and value.lower() == "true")
