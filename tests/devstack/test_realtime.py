"""The stand-in for Realtime beyond the recording: who hears what, tokens, limits, losses, and how fast it is."""

import asyncio
import contextlib
import json
import statistics
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import jwt
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from devstack.realtime import Settings
from devstack.realtime.channels import Hub
from devstack.realtime.joining import Backend
from devstack.realtime.protocol import SERIALIZERS, Message, UserBroadcast, encode_push
from devstack.realtime.rates import RateCounter
from devstack.realtime.socket import MAX_QUEUED, Socket
from tests.devstack.gateway_fixtures import ANNA, BEN, Gateway, wait_until
from tests.devstack.realtime_client import OWN_TOPIC, RawClient, config

StartGateway = Callable[..., contextlib.AbstractContextManager[Gateway]]


def test_a_broadcast_reaches_its_user_and_nobody_else(gateway: Gateway) -> None:
    with RawClient(gateway) as anna, RawClient(gateway, "2.0.0") as ben:
        assert anna.join()["status"] == "ok"
        assert ben.join(f"realtime:user:{BEN}", gateway.token(BEN))["status"] == "ok"
        gateway.database.send(f"user:{ANNA}", payload='{"for": "anna"}')
        assert anna.receive()["payload"]["payload"]["for"] == "anna"
        ben.assert_silence()
        gateway.database.send(f"user:{BEN}", payload='{"for": "ben"}')
        assert ben.receive()["payload"]["payload"]["for"] == "ben"
        anna.assert_silence()


def test_private_and_public_channels_do_not_hear_each_other(gateway: Gateway) -> None:
    with RawClient(gateway) as private, RawClient(gateway) as public:
        private.join("realtime:room:split")
        public.join("realtime:room:split", private=False)
        gateway.database.send("room:split", "private")
        assert private.receive()["payload"]["event"] == "private"
        gateway.database.send("room:split", "public", private=False)
        assert public.receive()["payload"]["event"] == "public"
        private.assert_silence()
        public.assert_silence()


def test_the_policy_is_asked_with_the_claims_and_the_topic(gateway: Gateway) -> None:
    with RawClient(gateway) as client:
        refused = client.join(OWN_TOPIC, gateway.token(BEN))
        assert refused["status"] == "error"
        assert refused["response"]["reason"].startswith("Unauthorized: You do not have permissions to read")
        assert client.join(OWN_TOPIC, gateway.token(ANNA))["status"] == "ok"
        assert client.join("realtime:secret")["status"] == "error"
        assert client.join("realtime:it's; \"odd\" 'τ'")["status"] == "error"
        assert client.join("realtime:null\x00byte")["status"] == "error"
    assert gateway.database.execute("select 1 from realtime.messages where event is null") == [], "probes are undone"


def test_the_service_role_may_listen_to_everything(gateway: Gateway) -> None:
    with RawClient(gateway, apikey=gateway.keys.secret_key) as client:
        assert client.join("realtime:anything", gateway.keys.secret_key)["status"] == "ok"


@pytest.mark.parametrize("key", ["publishable_key", "anon_jwt"])
def test_without_a_session_a_join_goes_by_the_api_key(gateway: Gateway, key: str) -> None:
    value = getattr(gateway.keys, key)
    with RawClient(gateway, apikey=value) as client:
        assert client.join("realtime:room:anon", value, private=False)["status"] == "ok"
        assert client.join("realtime:room:anon2", value)["status"] == "error"


def test_a_token_of_an_unknown_key_names_the_kid(gateway: Gateway) -> None:
    other = gateway.keys.create("https://elsewhere.example")
    with RawClient(gateway) as client:
        token = other.sign({"sub": ANNA, "role": "authenticated", "exp": int(time.time()) + 60})
        assert other.kid in client.join(token=token)["response"]["reason"]


def signed(gateway: Gateway, algorithm: str, headers: dict[str, str] | None = None, **claims: Any) -> str:
    """A token of Anna's that one of the gateway's keys signed."""
    keys = gateway.keys
    key = keys.jwt_secret if algorithm.startswith("HS") else keys.signing_key_pem
    made = {"sub": ANNA, "role": "authenticated", "exp": int(time.time()) + 60, **claims}
    return jwt.encode(made, key, algorithm=algorithm, headers=headers)


def test_times_but_the_expiry_do_not_count(gateway: Gateway) -> None:
    later = int(time.time()) + 60
    with RawClient(gateway) as client:
        assert client.join(token=gateway.token(iat=later, nbf=later))["status"] == "ok"


def test_the_secret_needs_no_kid_and_a_key_does(gateway: Gateway) -> None:
    no_signer = "JwtSignerError: Failed to generate JWT signer, check your JWT secret or JWKS configuration"
    with RawClient(gateway) as client:
        assert client.join("realtime:room:1", signed(gateway, "HS256"))["status"] == "ok"
        assert client.join("realtime:room:2", signed(gateway, "HS512"))["status"] == "ok"
        assert client.join("realtime:room:3", signed(gateway, "HS256", {"kid": "any"}))["status"] == "ok"
        assert client.join("realtime:room:4", signed(gateway, "ES256"))["response"] == {"reason": no_signer}
    with pytest.raises(InvalidStatus) as refusal:
        RawClient(gateway, apikey=signed(gateway, "ES256"))
    assert json.loads(bytes(refusal.value.response.body or b"")) == {"error": no_signer.partition(": ")[2]}


def test_an_empty_api_key_is_no_token(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        RawClient(gateway, apikey="")
    assert refusal.value.response.status_code == 401
    assert json.loads(bytes(refusal.value.response.body or b"")) == {"error": "The token provided is not a valid JWT"}


def test_a_refused_join_is_held_back(start_gateway: StartGateway) -> None:
    assert Settings().refusal_delay == 5
    with start_gateway(Settings(refusal_delay=0.4)) as slow, RawClient(slow) as client:
        began = time.monotonic()
        assert client.join("realtime:secret")["status"] == "error"
        assert time.monotonic() - began >= 0.4


def test_what_is_not_supported_is_named(gateway: Gateway) -> None:
    with RawClient(gateway) as client:
        payload = config()
        payload["config"]["postgres_changes"] = [{"event": "*", "schema": "public", "table": "notes"}]
        client.send(OWN_TOPIC, "phx_join", {**payload, "access_token": gateway.token()})
        reply = client.receive()["payload"]
        assert reply["status"] == "error"
        assert "postgres_changes" in reply["response"]["reason"]
        payload = config()
        payload["config"]["presence"] = {"key": "me", "enabled": True}
        client.send(OWN_TOPIC, "phx_join", {**payload, "access_token": gateway.token()})
        assert client.receive()["payload"]["status"] == "ok"
        client.send(OWN_TOPIC, "presence", {"type": "presence", "event": "track", "payload": {}})
        reply = client.receive()["payload"]
        assert reply["status"] == "error"
        assert "presence" in reply["response"]["reason"]


@pytest.mark.parametrize(
    "config",
    [
        None,
        {"broadcast": None},
        {"private": 1, "presence": 1, "postgres_changes": 1},
        {"broadcast": {"ack": [], "self": "TRUE"}},
        {"postgres_changes": [None]},
    ],
)
def test_what_cannot_be_read_in_a_join_is_forgiven(gateway: Gateway, config: object) -> None:
    with RawClient(gateway) as client:
        client.send("realtime:room:odd", "phx_join", {"config": config})
        assert client.receive()["payload"]["status"] == "ok"


NO_OBJECT = "UnknownErrorOnChannel: no function clause matching in Access.get/3"
NO_OBJECTS: tuple[object, ...] = ("text", 1, 0, False, [])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, "UnknownErrorOnChannel: expected params to be a :map, got: `nil`"),
        ([], "UnknownErrorOnChannel: expected params to be a :map, got: `[]`"),
        ("text", 'UnknownErrorOnChannel: expected params to be a :map, got: `"text"`'),
        (1, "UnknownErrorOnChannel: expected params to be a :map, got: `1`"),
        *((odd, NO_OBJECT) for wrong in NO_OBJECTS for odd in ({"config": wrong}, {"config": {"broadcast": wrong}})),
        ({"access_token": ""}, "MalformedJWT: The token provided is not a valid JWT"),
    ],
)
def test_joins_with_another_shape_are_refused(gateway: Gateway, payload: object, reason: str) -> None:
    with RawClient(gateway) as client:
        client.send("realtime:room:odd", "phx_join", payload)
        assert client.receive()["payload"] == {"status": "error", "response": {"reason": reason}}
        client.heartbeat()


def test_a_leave_of_a_channel_that_was_joined_again_since_is_ignored(gateway: Gateway) -> None:
    topic = "realtime:room:leave"
    with RawClient(gateway, "2.0.0") as client:
        client.join(topic)
        client.send(topic, "phx_leave", {}, join_ref="of another join")
        client.heartbeat()
        gateway.database.send("room:leave", "still")
        assert client.receive()["payload"]["event"] == "still"
        client.send(topic, "phx_leave", {})
        assert client.receive()["join_ref"] == "1", "without a reference it means the channel as it is"
        assert client.receive()["event"] == "phx_close"


def test_replies_carry_the_channels_own_join_ref(gateway: Gateway) -> None:
    with RawClient(gateway, "2.0.0") as client:
        client.join("realtime:room:refs", private=False, ack=True)
        sent = {"type": "broadcast", "event": "hi", "payload": {}}
        for join_ref in (None, "77"):
            ref = client.send("realtime:room:refs", "broadcast", sent, join_ref=join_ref)
            reply = client.receive()
            assert (reply["event"], reply["ref"], reply["join_ref"]) == ("phx_reply", ref, "1")


@pytest.mark.parametrize(
    ("replay", "private", "reason"),
    [
        ({"since": "yesterday"}, True, "Replay params are not valid"),
        ({}, True, "Replay params are not valid"),
        ({"since": 10**30}, True, "Replay params are not valid"),
        ({"since": 0, "limit": "all"}, True, "Replay params are not valid"),
        ({"since": 0}, False, "Replay is not allowed for public channels"),
        (None, False, "Replay is not allowed for public channels"),
    ],
)
def test_replays_that_cannot_be(gateway: Gateway, replay: object, private: bool, reason: str) -> None:
    with RawClient(gateway) as client:
        reply = client.join("realtime:room:replay", private=private, replay=replay)
        assert reply["response"]["reason"] == f"UnableToReplayMessages: {reason}"


def test_replay_is_of_at_most_25_and_nothing_comes_twice(gateway: Gateway) -> None:
    for number in range(30):
        gateway.database.send("room:many", payload=json.dumps({"n": number}))
    with RawClient(gateway, "2.0.0") as client:
        client.join("realtime:room:many", replay={"since": 0, "limit": 1000})
        numbers = [client.receive()["payload"]["payload"]["n"] for _ in range(25)]
        assert numbers == list(range(5, 30))
        gateway.database.execute(
            "insert into realtime.messages (topic, extension, event, private, binary_payload)"
            " values ('room:many', 'broadcast', 'bytes', true, '\\x0102')"
        )
        assert client.receive()["payload"]["payload"] == [1, 2]
    with RawClient(gateway, "2.0.0") as again:
        again.join("realtime:room:many", replay={"since": 0, "limit": 1})
        frame = again.receive()
        assert frame["payload"]["meta"]["replayed"] is True
        assert frame["payload"]["payload"] == [1, 2]
        again.assert_silence()


def test_rows_that_are_no_broadcast_are_not_sent(gateway: Gateway) -> None:
    with RawClient(gateway) as client:
        client.join("realtime:room:rows")
        gateway.database.send("room:rows", payload="[1, 2]")
        gateway.database.execute(
            "insert into realtime.messages (topic, extension, event, private, binary_payload)"
            " values ('room:rows', 'broadcast', 'bytes', true, '\\x01')"
        )
        with psycopg.connect(gateway.database.dsn()) as connection:
            connection.execute("select realtime.send('{}', 'undone', 'room:rows')")
            connection.rollback()
        gateway.database.send("room:rows", "last")
        assert client.receive()["payload"]["event"] == "last"


def test_one_transactions_rows_come_in_their_order(gateway: Gateway) -> None:
    with RawClient(gateway) as client:
        client.join("realtime:room:order")
        gateway.database.execute(
            "select realtime.send(jsonb_build_object('n', n), 'e', 'room:order') from generate_series(1, 2000) n"
        )
        assert [client.receive()["payload"]["payload"]["n"] for _ in range(2000)] == list(range(1, 2001))


def test_clients_broadcasts_go_to_the_others_of_a_public_channel(gateway: Gateway) -> None:
    with RawClient(gateway) as speaker, RawClient(gateway) as one, RawClient(gateway, "2.0.0") as two:
        for client in (speaker, one, two):
            assert client.join("realtime:room:talk", private=False, self=client is one, ack=client is one)
        sent = {"type": "broadcast", "event": "hi", "payload": {"n": 1}}
        speaker.send("realtime:room:talk", "broadcast", sent)
        assert one.receive()["payload"] == sent
        assert two.receive()["payload"] == sent
        speaker.assert_silence()
        ref = one.send("realtime:room:talk", "broadcast", sent)
        assert one.receive()["event"] == "broadcast", "its own, as it asked"
        acknowledged = one.receive()
        assert (acknowledged["ref"], acknowledged["payload"]["status"]) == (ref, "ok")
        assert speaker.receive()["payload"] == sent


def test_binary_broadcasts_of_clients(gateway: Gateway) -> None:
    topic = "realtime:room:binary"
    with RawClient(gateway, "2.0.0") as speaker, RawClient(gateway) as one, RawClient(gateway, "2.0.0") as two:
        for client in (speaker, one, two):
            client.join(topic, private=False)
        for broadcast in (UserBroadcast("json", b'{"a": 1}'), UserBroadcast("raw", b"\x00\xff", is_json=False)):
            speaker.socket.send(encode_push(Message(topic, "broadcast", broadcast, "9", "1")))
        assert two.receive()["payload"] == {"type": "broadcast", "event": "json", "payload": {"a": 1}, "encoding": 1}
        assert two.receive()["payload"]["payload"] == [0, 255]
        assert one.receive()["payload"] == {"type": "broadcast", "event": "json", "payload": {"a": 1}}
        one.assert_silence()


def test_a_private_channel_is_spoken_in_only_where_a_policy_lets(gateway: Gateway) -> None:
    sent = {"type": "broadcast", "event": "hi", "payload": {}}
    with RawClient(gateway) as speaker, RawClient(gateway) as listener:
        for topic in ("realtime:room:open", "realtime:room:readonly"):
            speaker.join(topic, ack=True)
            listener.join(topic)
        speaker.send("realtime:room:readonly", "broadcast", sent)
        speaker.send("realtime:room:open", "broadcast", sent)
        assert speaker.receive()["topic"] == "realtime:room:open", "the dropped one is not acknowledged"
        assert listener.receive()["topic"] == "realtime:room:open"


def test_a_new_token_is_watched_until_its_own_expiry(gateway: Gateway) -> None:
    with RawClient(gateway) as client:
        client.join(token=gateway.token(lifetime=60))
        client.send(OWN_TOPIC, "access_token", {"access_token": gateway.token(lifetime=2)})
        system = client.receive()
        assert system["event"] == "system"
        assert system["payload"]["message"].startswith("Token has expired")
        assert client.receive()["event"] == "phx_close"
        gateway.database.send(f"user:{ANNA}")
        client.assert_silence()
        client.heartbeat()


def test_a_policy_that_changed_closes_the_channel_at_the_next_token(gateway: Gateway) -> None:
    gateway.database.execute(
        "create policy guests on realtime.messages for select to authenticated"
        " using ((select realtime.topic()) = 'guests')"
    )
    with RawClient(gateway) as client:
        assert client.join("realtime:guests")["status"] == "ok"
        gateway.database.execute("drop policy guests on realtime.messages")
        client.send("realtime:guests", "access_token", {"access_token": gateway.token()})
        assert client.receive()["payload"]["status"] == "error"
        assert client.receive()["event"] == "phx_close"


def test_leaving_what_was_not_joined_is_fine(gateway: Gateway) -> None:
    with RawClient(gateway, "2.0.0") as client:
        client.send("realtime:room:never", "phx_leave", {}, join_ref="7")
        assert client.receive()["payload"] == {"status": "ok", "response": {}}


def test_a_client_has_so_many_channels(start_gateway: StartGateway) -> None:
    assert Settings().max_channels == 100
    with start_gateway(Settings(refusal_delay=0.01, max_channels=2)) as small, RawClient(small) as client:
        assert client.join("realtime:room:1")["status"] == "ok"
        assert client.join("realtime:room:2")["status"] == "ok"
        reason = client.join("realtime:room:3")["response"]["reason"]
        assert reason == "ChannelRateLimitReached: Too many channels"
        assert client.join("realtime:room:2")["status"] == "ok", "a rejoin is not one more"
        assert client.receive()["event"] == "phx_close"


def test_a_silent_socket_is_closed_and_a_heartbeat_keeps_it(start_gateway: StartGateway) -> None:
    assert Settings().idle_timeout == 60
    with start_gateway(Settings(idle_timeout=0.5)) as impatient, RawClient(impatient) as client:
        began = time.monotonic()
        client.join("realtime:room:idle")
        while time.monotonic() - began < 1:
            client.heartbeat()
            time.sleep(0.1)
        with pytest.raises(ConnectionClosed) as closed:
            client.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000


def test_a_restart_closes_sockets_with_1012(start_gateway: StartGateway) -> None:
    with start_gateway() as stopping:
        client = RawClient(stopping)
        client.join()
    with pytest.raises(ConnectionClosed) as closed:
        client.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


def test_a_broken_connection_loses_broadcasts_and_comes_back(gateway: Gateway) -> None:
    with RawClient(gateway) as client:
        client.join()
        (killed,) = gateway.database.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where datname = current_database() and query = 'listen realtime_messages'"
        )
        assert killed == (1,)
        arrived: list[str] = []

        def receive() -> None:
            arrived.append(client.receive(20)["event"])

        waiting = threading.Thread(target=receive)
        waiting.start()

        def again() -> bool:
            gateway.database.send(f"user:{ANNA}", "again")
            return bool(arrived)

        wait_until(again)
        waiting.join()
        assert arrived == ["broadcast"], "the channel stayed open"


def test_a_broadcast_takes_a_few_milliseconds(gateway: Gateway) -> None:
    taken = []
    with (
        RawClient(gateway, "2.0.0") as client,
        psycopg.connect(gateway.database.dsn(), autocommit=True) as connection,
    ):
        client.join()
        for _ in range(50):
            began = time.perf_counter()
            connection.execute("select realtime.send('{}', 'e', %s)", (f"user:{ANNA}",))
            client.receive()
            taken.append((time.perf_counter() - began) * 1000)
    assert statistics.median(taken) < 25, taken


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ([], ["can't be blank"]),
        ({"messages": []}, ["can't be blank"]),
        ({"messages": "text"}, ["is invalid"]),
        ({"messages": [1]}, ["is invalid"]),
        (
            {"messages": [{"topic": "t", "event": "e", "payload": {}}, {"topic": " ", "event": 1, "payload": []}]},
            [{}, {"topic": ["can't be blank"], "event": ["is invalid"], "payload": ["is invalid"]}],
        ),
        (
            {"messages": [{"topic": "t", "event": "e", "payload": {}, "private": "perhaps"}]},
            [{"private": ["is invalid"]}],
        ),
    ],
)
def test_batches_with_errors(gateway: Gateway, body: object, errors: object) -> None:
    with gateway.client() as client:
        answer = client.post("/realtime/v1/api/broadcast", json=body)
    assert (answer.status_code, answer.json()) == (422, {"errors": {"messages": errors}})


def test_single_broadcasts(gateway: Gateway) -> None:
    path = "/realtime/v1/api/broadcast/room%3Asingle/events/e"
    with RawClient(gateway, "2.0.0") as listener, gateway.client() as client:
        listener.join("realtime:room:single", private=False)
        listener.join("realtime:room:single-private")
        assert client.post(path, json={"n": 1}).status_code == 202
        assert listener.receive()["payload"] == {"type": "broadcast", "event": "e", "payload": {"n": 1}, "encoding": 1}
        octets = {"Content-Type": "application/octet-stream"}
        assert client.post(path, content=b"\x01", headers=octets).status_code == 202
        assert listener.receive()["payload"]["payload"] == [1]
        assert client.post(path, content=b"<a/>", headers={"Content-Type": "text/xml"}).status_code == 415
        json_type = {"Content-Type": "application/json"}
        assert client.post(path, content=b"{", headers=json_type).status_code == 400
        assert client.post(path, content=b"{").status_code == 202, "what is not called JSON is not read"
        assert listener.receive()["payload"]["payload"] == {}
        assert client.post(path, json=[1]).status_code == 202
        assert listener.receive()["payload"]["payload"] == {"_json": [1]}
        assert client.post(f"{path}?private=true", json={}).status_code == 403, "anon may not speak"


def test_other_routes_say_that_they_are_not_supported(gateway: Gateway) -> None:
    with gateway.client() as client:
        answer = client.get("/realtime/v1/api/tenants")
    assert answer.status_code == 501
    assert "/api/tenants" in answer.json()["message"]


def test_a_client_that_never_reads_is_let_go() -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        backend = SimpleNamespace(settings=Settings(), hub=Hub(RateCounter(1)))
        websocket: Any = SimpleNamespace(send=never, receive=never)
        stuck = Socket(websocket, SERIALIZERS["1.0.0"], "", {}, cast(Backend, backend))
        running = asyncio.create_task(stuck.run())
        for _ in range(MAX_QUEUED + 1):
            stuck.send("frame")
        await asyncio.wait_for(running, 5)

    asyncio.run(scenario())
