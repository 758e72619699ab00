"""The limits of a small hosted project, imitated by the stand-in for Realtime: too many messages, too many joins."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from devstack.realtime import Settings
from devstack.realtime.rates import RateCounter
from tests.devstack.gateway_fixtures import QUICK, Gateway, wait_until
from tests.devstack.realtime_client import RawClient

StartGateway = Callable[..., contextlib.AbstractContextManager[Gateway]]
#: Averages over a second, where Realtime takes a minute.
SHORT = replace(QUICK, rate_tick=0.1, rate_ticks=10)
SENT = {"type": "broadcast", "event": "hi", "payload": {}}


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_defaults_are_a_small_projects() -> None:
    settings = Settings()
    assert (settings.max_events_per_second, settings.max_joins_per_second, settings.max_channels) == (100, 100, 100)
    assert settings.rate_tick * settings.rate_ticks == 60


def test_a_rate_is_averaged_over_a_minute_and_changes_every_five_seconds() -> None:
    clock = Clock()
    counter = RateCounter(100, now=clock)
    clock.now = 60  # twelve empty buckets
    counter.add(5999)
    clock.now = 64.9
    assert (counter.average, counter.exceeded) == (0, False)
    clock.now = 65
    assert not counter.exceeded
    counter.add(1)
    clock.now = 70
    assert (counter.average, counter.exceeded) == (100, True)
    clock.now = 124.9
    assert counter.exceeded
    clock.now = 125
    assert counter.average == pytest.approx(1 / 60)
    clock.now = 10_000
    assert counter.average == 0


def test_a_storm_is_dropped_without_a_word_until_it_is_over(start_gateway: StartGateway) -> None:
    """Four messages to four listeners count for twenty."""
    settings = replace(SHORT, max_events_per_second=20)
    with start_gateway(settings) as limited, contextlib.ExitStack() as clients:
        listeners = [clients.enter_context(RawClient(limited)) for _ in range(4)]
        for listener in listeners:
            listener.join("realtime:room:storm")

        def is_dropped() -> bool:
            limited.database.send("room:storm", "storm")
            limited.database.send("room:calm", "nobody hears it")
            return not all(hears(listener) for listener in listeners)

        wait_until(is_dropped)
        for listener in listeners:
            listener.heartbeat()  # nothing was said, and the channel is open

        def is_over() -> bool:
            limited.database.send("room:storm", "calm")
            return hears(listeners[0])

        wait_until(is_over)


def hears(client: RawClient) -> bool:
    """Whether a broadcast comes at once."""
    try:
        return bool(client.receive(0.2)["event"] == "broadcast")
    except TimeoutError:
        return False


def test_a_client_that_speaks_too_much_loses_the_channels_that_hear_it(start_gateway: StartGateway) -> None:
    settings = replace(SHORT, max_events_per_second=50)
    with start_gateway(settings) as limited, RawClient(limited) as speaker, RawClient(limited) as listener:
        for client in (speaker, listener):
            client.join("realtime:room:loud", private=False)

        def said() -> str:
            speaker.send("realtime:room:loud", "broadcast", SENT)
            return str(listener.receive()["event"])

        wait_until(lambda: said() == "system")
        assert listener.receive()["event"] == "phx_close"
        listener.heartbeat()
        speaker.heartbeat()


def test_the_reason_of_a_channel_that_was_shut(start_gateway: StartGateway) -> None:
    with start_gateway(replace(SHORT, max_events_per_second=0)) as silent, RawClient(silent) as client:
        client.join("realtime:room:none", private=False, self=True)
        client.send("realtime:room:none", "broadcast", SENT)
        assert client.receive()["event"] == "broadcast"
        assert client.receive()["payload"] == {
            "message": "Too many messages per second", "status": "error", "extension": "system", "channel": "room:none",
        }  # fmt: skip


def test_broadcasts_by_http_are_refused_over_the_limit(start_gateway: StartGateway) -> None:
    message = {"topic": "room:http", "event": "e", "payload": {}}
    single = "/realtime/v1/api/broadcast/room%3Ahttp/events/e"
    with start_gateway(replace(SHORT, max_events_per_second=10)) as limited, limited.client() as client:
        answer = client.post("/realtime/v1/api/broadcast", json={"messages": [message] * 11})
        assert answer.status_code == 429
        assert answer.json() == {"message": "Too many messages to broadcast, please reduce the batch size"}
        answers: list[httpx.Response] = []

        def is_refused() -> bool:
            answers.append(client.post(single, json={}))
            return answers[-1].status_code == 429

        wait_until(is_refused)
        assert answers[-1].json() == {"message": "You have exceeded your rate limit"}
        wait_until(lambda: client.post(single, json={}).status_code == 202)


def test_too_many_joins_end_the_socket_and_keep_new_ones_out(start_gateway: StartGateway) -> None:
    settings = replace(SHORT, max_joins_per_second=0.5, rate_ticks=100, max_channels=100_000)
    with start_gateway(settings) as limited, RawClient(limited) as client:
        reasons: list[str] = []

        def refused() -> bool:
            reply = client.join(f"realtime:room:{len(reasons)}", private=False)
            reasons.append(reply["response"].get("reason", ""))
            return bool(reply["status"] == "error")

        wait_until(refused)
        assert reasons[-1] == "ClientJoinRateLimitReached: Too many joins per second"
        with pytest.raises(ConnectionClosed):
            client.receive()
        with pytest.raises(InvalidStatus) as refusal:
            RawClient(limited)
        assert refusal.value.response.status_code == 429
        assert refusal.value.response.body == b'{"error":"Too many joins per second"}'
