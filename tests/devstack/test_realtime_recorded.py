"""The recording of a real Realtime 2.122, scenario by scenario: its client's frames are sent to the stand-in, and the
stand-in's answers must be those of the recording, ids and times aside."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.devstack.gateway_fixtures import ANNA, BEN, Gateway
from tests.devstack.realtime_client import Frame, RawClient, decode, recorded

PLAYED = [
    "v1_private",
    "v2_private",
    "token_refresh",
    "token_refresh_expired",
    "token_refresh_malformed",
    "token_refresh_badsig",
    "token_refresh_norole",
    "token_refresh_null",
    "refused",
    "refused_v2",
    "expiry",
    "expiry_v2",
    "replay",
    "replay_v2",
    "rejoin_same_topic",
    "bad_json",
    "bad_frame",
    "two_channels_refresh",
    "rest",
]
#: The recording hides tokens; these were the lifetimes of the ones that mattered, by (scenario, ref).
LIFETIMES = {
    ("expiry", "1"): 2,
    ("expiry_v2", "1"): 2,
    ("two_channels_refresh", "1"): 2,
    ("token_refresh_expired", "2"): -60,
    ("refused", "5"): -30,
}
BAD_SIGNATURES = {("token_refresh_badsig", "2"), ("refused", "4")}
PLACEHOLDER = re.compile(r"<jwt role=(\w+|-) sub=(\w+|-)>")


def token_for(gateway: Gateway, scenario: str, ref: str, placeholder: str) -> str:
    """A token like the one that the recording hides."""
    match = PLACEHOLDER.fullmatch(placeholder)
    if match is None:
        return placeholder
    role, subject = match.groups()
    claims: dict[str, Any] = {"role": None if role == "None" else role}
    token = gateway.token({"1111": ANNA, "2222": BEN}[subject], lifetime=LIFETIMES.get((scenario, ref), 3600), **claims)
    if (scenario, ref) in BAD_SIGNATURES:
        other = gateway.keys.create("https://elsewhere.example")
        token = jwt.encode(gateway.keys.verify(token), other.jwt_secret, "HS256")
    return token


def with_tokens(gateway: Gateway, scenario: str, frame: str, since_ms: int) -> str:
    """A client's recorded frame with tokens and times that serve now."""
    try:
        message = json.loads(frame)
    except ValueError:
        return frame
    if isinstance(message, list) and len(message) == 5:
        ref, payload = message[1], message[4]
    elif isinstance(message, dict):
        ref, payload = message.get("ref"), message.get("payload")
    else:
        return frame
    if isinstance(payload, dict) and isinstance(payload.get("access_token"), str):
        payload["access_token"] = token_for(gateway, scenario, ref, payload["access_token"])
    replay = payload.get("config", {}).get("broadcast", {}).get("replay") if isinstance(payload, dict) else None
    if replay:
        replay["since"] = since_ms
    return json.dumps(message)


def normal(frame: Frame) -> Frame:
    """A server's frame without its ids and seconds."""
    text = json.dumps(frame, sort_keys=True)
    row = frame["payload"].get("meta", {}).get("id") if isinstance(frame["payload"], dict) else None
    if row:
        text = text.replace(row, "<row>")
    made: Frame = json.loads(text)
    return made


def assert_same(actual: Frame, expected: Frame) -> None:
    """Compares, allowing a second more for a token that expired while the test ran."""
    found, wanted = json.dumps(normal(actual), sort_keys=True), json.dumps(normal(expected), sort_keys=True)
    seconds = re.compile(r"expired (\d+) seconds ago")
    for one, other in zip(seconds.findall(found), seconds.findall(wanted), strict=True):
        assert 0 <= int(one) - int(other) <= 2
    assert seconds.sub("expired", found) == seconds.sub("expired", wanted)


def expected_frame(line: dict[str, Any]) -> Frame:
    if line["opcode"] == "binary":
        import base64

        return decode(base64.b64decode(line["b64"]))
    return decode(line["frame"])


def cause(gateway: Gateway, frame: Frame) -> None:
    """Makes the database send what the recorded server was about to deliver."""
    payload = frame["payload"]
    if frame["event"] != "broadcast" or "meta" not in payload or payload["meta"].get("replayed"):
        return
    topic = frame["topic"].removeprefix("realtime:")
    content = payload["payload"]
    if payload.get("encoding") == 0:
        gateway.database.execute(
            "insert into realtime.messages (topic, extension, event, private, binary_payload)"
            " values (%s, 'broadcast', %s, true, %s)",
            (topic, payload["event"], bytes(content)),
        )
        return
    sent = {name: value for name, value in content.items() if value != payload["meta"]["id"]}
    gateway.database.send(topic, payload["event"], json.dumps(sent))


def store_for_replay(gateway: Gateway, lines: list[dict[str, Any]]) -> int:
    """Puts into the database what the recording replays, and older rows; the `since` that finds them all."""
    frames = [decode(line["frame"]) for line in lines if line["dir"] == "in"]
    replayed = [frame for frame in frames if frame["event"] == "broadcast"]
    insert = """
        insert into realtime.messages (id, topic, extension, event, private, payload, inserted_at)
        values (%s, %s, 'broadcast', %s, true, %s::jsonb, now() - make_interval(mins => %s))
    """
    gateway.database.execute("delete from realtime.messages")
    for minutes in (50, 40):
        gateway.database.execute(insert, (uuid.uuid4(), f"user:{ANNA}", "older", "{}", minutes))
    for minutes, frame in zip(range(len(replayed), 0, -1), replayed, strict=True):
        payload = frame["payload"]
        row = payload["meta"]["id"]
        content = json.dumps(payload["payload"])
        gateway.database.execute(insert, (row, f"user:{ANNA}", payload["event"], content, minutes))
    (since,) = gateway.database.execute("select (extract(epoch from now() - interval '1 hour') * 1000)::bigint")[0]
    return int(since)


@pytest.mark.parametrize("scenario", PLAYED)
def test_the_stand_in_answers_as_recorded(gateway: Gateway, scenario: str) -> None:
    lines = recorded(scenario)
    assert lines, "the recording has this scenario"
    since = store_for_replay(gateway, lines) if scenario.startswith("replay") else 0
    client: RawClient | None = None
    posts = posted(gateway)
    try:
        for line in lines:
            if line["dir"] == "note":
                if line["frame"].startswith("CONNECT"):
                    version = line["frame"].rpartition("vsn=")[2]
                    client = RawClient(gateway, version, gateway.keys.anon_jwt)
                elif " /" in line["frame"]:
                    assert next(posts)(line["frame"])
                elif line["frame"].startswith("CLOSED"):
                    assert client is not None
                    client.heartbeat()  # the socket is open, and nothing more was said
                continue
            assert client is not None
            if line["dir"] == "out":
                client.socket.send(with_tokens(gateway, scenario, line["frame"], since))
            else:
                expected = expected_frame(line)
                cause(gateway, expected)
                assert_same(client.receive(), expected)
    finally:
        if client is not None:
            client.socket.close()


def posted(gateway: Gateway) -> Iterator[Any]:
    """Repeats the recorded HTTP requests one after the other, and compares status and body."""
    bad = gateway.token()[:-6] + "AAAAAA"
    while True:

        def repeat(note: str) -> bool:
            method, path, body, answer = re.fullmatch(r"(GET|POST) (\S+) (.*) -> (.*)", note, re.S).groups()  # type: ignore[union-attr]
            if path == "/healthcheck":
                return True  # the gateway has no route to it
            status, _, content = answer.partition(" ")
            token = gateway.token()
            if '"svc"' in body or "private=true" in path:
                token = gateway.keys.service_role_jwt
            if status == "401":
                token = bad
            with gateway.client(Authorization=f"Bearer {token}") as client:
                given = client.request(
                    method, f"/realtime/v1{path}", json=json.loads(body) if method == "POST" else None
                )
            assert given.status_code == int(status), (note, given.text)
            assert (given.json() if given.content else "") == (json.loads(content) if content else "")
            return True

        yield repeat


def test_connects_are_refused_as_recorded(gateway: Gateway) -> None:
    keys = {
        "bad_apikey": "abc",
        "expired_apikey": gateway.token(lifetime=-10, role="anon"),
        "wrong_sig": jwt.encode({"role": "anon", "exp": 9_999_999_999}, "x" * 40, "HS256"),
        "missing_claims": gateway.token(role=None),
    }
    answers = {}
    for line in recorded("connect_errors"):
        name, _, answer = line["frame"].partition(": HTTP ")
        answers[name] = answer
    for name, key in keys.items():
        with pytest.raises(InvalidStatus) as refusal:
            RawClient(gateway, apikey=key)
        response = refusal.value.response
        assert f"{response.status_code} {bytes(response.body or b'').decode()}" == answers[name]
    with pytest.raises(InvalidStatus) as refusal:
        connect(f"{gateway.websocket_url}?vsn=1.0.0")
    assert bytes(refusal.value.response.body or b"").decode() in answers["no_apikey"]
    with pytest.raises(InvalidStatus) as refusal:
        RawClient(gateway, vsn="9.0.0")
    assert f"{refusal.value.response.status_code} " == answers["vsn 9.0.0"]
