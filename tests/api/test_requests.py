"""What holds for every route: who calls, for which organization, with which body; and every error is a problem."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.gateway import GatewayConfig, create_server
from devstack.keys import Keys
from devstack.postgres import free_port
from devstack.stack import Stack
from tests.api.conftest import Proxied
from tests.api.service_processes import ServiceProcess, wait_for
from tests.world import Organization, Person, World, v3

ID = "5d0f9f3a-6f0c-4b7e-9a55-0c1d2e3f4a5b"
ROUTES = [
    ("GET", "/api/me"),
    ("GET", "/api/integrations/pagerduty"),
    ("POST", "/api/integrations/pagerduty"),
    ("POST", "/api/integrations/pagerduty/test"),
    ("GET", "/api/notifications"),
    ("GET", "/api/notifications/unread-count"),
    ("POST", "/api/notifications/read-all"),
    ("GET", f"/api/notifications/{ID}"),
    ("POST", f"/api/notifications/{ID}/read"),
    ("GET", "/api/incidents"),
    ("POST", "/api/incidents"),
    ("GET", f"/api/incidents/{ID}"),
    ("PATCH", f"/api/incidents/{ID}"),
    ("GET", f"/api/incidents/{ID}/updates"),
    ("POST", f"/api/incidents/{ID}/updates"),
    ("GET", "/api/invitations"),
    ("POST", "/api/invitations"),
    ("DELETE", f"/api/invitations/{ID}"),
    ("POST", f"/api/invitations/{ID}/accept"),
    ("POST", "/api/organizations"),
]
WITH_BODY = [
    (method, path) for method, path in ROUTES if method in ("POST", "PATCH") and not path.endswith(("/read", "/accept"))
]
OF_ORGANIZATION = [
    (method, path) for method, path in ROUTES if path not in ("/api/me", "/api/organizations") and ID not in path
]  # a row's id names its organization
BODIES: dict[str, dict[str, str]] = {
    "/api/incidents": {"title": "x"}, f"/api/incidents/{ID}/updates": {"body": "x"},
    "/api/invitations": {"email": "x@example.test", "role": "viewer"}, "/api/organizations": {"name": "x"},
}  # fmt: skip


@pytest.fixture(scope="module")
def member(world: World) -> Person:
    return world.organization("Members", ("owner",)).owner


@pytest.fixture(scope="module")
def both(world: World) -> tuple[Person, list[Organization]]:
    """A person in two organizations."""
    organizations = [world.organization(name, ("owner",)) for name in ("First", "Second")]
    person = world.person("Two Of Them")
    for organization in organizations:
        world.join(organization, person, "admin")
    return person, organizations


def assert_problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["type"], problem["status"]) == (f"/problems/{slug}", status)
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return problem


def as_person(person: Person, stack: Stack, method: str, path: str, **headers: str) -> httpx.Response:
    """Without the organization that the person's own client names."""
    sent = {
        "Authorization": f"Bearer {person.token}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    json_body = BODIES.get(path, {}) if method != "GET" else None
    return httpx.request(method, f"{stack.service_url}{path}", headers=sent, json=json_body, timeout=20)


# Who ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_401_without_a_good_token(stack: Stack, method: str, path: str) -> None:
    missing = httpx.request(method, f"{stack.service_url}{path}", json={})
    assert assert_problem(missing, 401, "missing-token")["check"] == "presence"
    assert missing.headers["WWW-Authenticate"].startswith("Bearer")
    for token in (stack.publishable_key, stack.secret_key, "a.b.c"):
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.request(method, f"{stack.service_url}{path}", json={}, headers=headers)
        assert assert_problem(answer, 401, "invalid-token")["check"] == "format"
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("exp", {"exp": 1}), ("aud", {"aud": "anon"}), ("iss", {"iss": "http://elsewhere/auth/v1"}),
        ("sub", {"sub": "nobody"}), ("role", {"role": "service_role"}), ("role", {"role": "anon"}),
    ],
)  # fmt: skip
def test_a_token_of_the_right_key_with_a_wrong_claim(
    stack: Stack, member: Person, check: str, changes: dict[str, Any]
) -> None:
    if not stack.is_embedded:
        pytest.fail("only the embedded stack's keys are known to the test")
    issuer = f"{stack.supabase_url}/auth/v1"
    keys = Keys.load_or_create(Path(str(stack.config["keys_file"])), issuer)
    good = {
        "sub": member.id,
        "role": "authenticated",
        "aud": "authenticated",
        "iss": issuer,
        "exp": int(time.time()) + 60,
    }
    url = f"{stack.service_url}/api/me"
    assert httpx.get(url, headers={"Authorization": f"Bearer {keys.sign(good)}"}).status_code == 200
    answer = httpx.get(url, headers={"Authorization": f"Bearer {keys.sign({**good, **changes})}"})
    assert assert_problem(answer, 401, "invalid-token")["check"] == check


def test_legacy_api_keys_are_no_users(stack: Stack) -> None:
    keys = Keys.load_or_create(Path(str(stack.config["keys_file"])), f"{stack.supabase_url}/auth/v1")
    check = "aud" if "jwt_secret" in stack.config else "algorithm"  # with a chosen secret, that of a person signs, too
    for token in (keys.anon_jwt, keys.service_role_jwt):
        answer = httpx.get(f"{stack.service_url}/api/me", headers={"Authorization": f"Bearer {token}"})
        assert assert_problem(answer, 401, "invalid-token")["check"] == check


def test_me(member: Person, both: tuple[Person, list[Organization]], stack: Stack, world: World) -> None:
    person, organizations = both
    found = as_person(person, stack, "GET", "/api/me").json()
    assert found["user"] == {"id": person.id, "email": person.email}
    topics = [one.pop("topic") for one in found["organizations"]]
    assert found["organizations"] == [{"id": one.id, "name": one.name, "role": "admin"} for one in organizations]
    assert topics == [one.topic_for(one.owner) for one in organizations]
    nobody = world.person("Nobody")
    assert as_person(nobody, stack, "GET", "/api/me").json()["organizations"] == []


# For which organization -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), OF_ORGANIZATION)
def test_the_organization_must_be_clear(
    stack: Stack, both: tuple[Person, list[Organization]], member: Person, method: str, path: str
) -> None:
    person, organizations = both
    problem = assert_problem(as_person(person, stack, method, path), 400, "organization-required")
    assert sorted(problem["organization_ids"]) == sorted(one.id for one in organizations)
    for organization in organizations:
        assert as_person(person, stack, method, path, X_Organization_Id=organization.id).status_code in (200, 201)
    foreign = as_person(member, stack, method, path, X_Organization_Id=organizations[0].id)
    assert_problem(foreign, 403, "forbidden")
    assert_problem(as_person(person, stack, method, path, X_Organization_Id=ID), 403, "forbidden")
    for bad in ("7", "Acme", f"{ID},{ID}", "' or 1=1", "*"):
        assert_problem(as_person(person, stack, method, path, X_Organization_Id=bad), 400, "bad-organization")


def test_with_one_organization_no_header_is_needed(stack: Stack, member: Person, world: World) -> None:
    assert as_person(member, stack, "GET", "/api/notifications").status_code == 200
    assert as_person(member, stack, "GET", "/api/notifications", X_Organization_Id="").status_code == 200
    nobody = world.person("Nobody")
    assert_problem(as_person(nobody, stack, "GET", "/api/notifications"), 403, "forbidden")


# With which body ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_400_for_what_is_no_json_object(member: Person, method: str, path: str) -> None:
    for body in (b"{", b"[]", b'"x"', b"null", b"7", b"\xff", b"[" * 50_000, b'{"a":' * 20_000, b"a=b"):
        for kind in ("application/json", "text/plain"):
            answer = member.api.request(method, path, content=body, headers={"Content-Type": kind})
            assert_problem(answer, 400, "not-json")


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_413_for_a_huge_body_however_it_is_sent(member: Person, method: str, path: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"title": "'
        yield from (b"x" * 65_536 for _ in range(5))
        yield b'"}'

    huge = b"".join(chunks())
    url, headers = f"{member.stack.service_url}{path}", {"Authorization": f"Bearer {member.token}"}
    # Each on a connection of its own: gunicorn closes one whose request it did not read to the end.
    assert_problem(httpx.request(method, url, content=huge, headers=headers), 413, "too-large")
    assert_problem(httpx.request(method, url, content=chunks(), headers=headers), 413, "too-large")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "text/plain", ""])
def test_a_json_body_is_read_whatever_it_is_called(member: Person, kind: str) -> None:
    answer = member.api.post("/api/incidents", content=b'{"title": "x"}', headers={"Content-Type": kind})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_unknown_fields_are_refused(member: Person, method: str, path: str) -> None:
    answer = member.api.request(method, path, json={**BODIES.get(path, {}), "surprise": 1})
    problem = assert_problem(answer, 422, "invalid-fields")
    assert problem["errors"][0]["field"] == "surprise"


# Every error is a problem ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/incidents/", "/api/incidents/a/b/c", "/nothing"]
)
def test_404_is_a_problem(member: Person, path: str) -> None:
    assert_problem(member.api.get(path), 404, "not-found")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_405_is_a_problem_and_says_what_is_allowed(stack: Stack, member: Person, method: str, path: str) -> None:
    answer = member.api.request("PUT", path)
    assert_problem(answer, 405, "method-not-allowed")
    assert method in answer.headers["Allow"]


def test_health_needs_nobody(stack: Stack) -> None:
    assert httpx.get(f"{stack.service_url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{stack.service_url}/readyz").json() == {"status": "ok", "down": []}
    metrics = httpx.get(f"{stack.service_url}/metrics")
    assert metrics.status_code == 200
    assert "http_request_duration_seconds" in metrics.text


def _ready_says(url: str, told: dict[str, Any]) -> httpx.Response | None:
    """The answer once it is what was expected: an answer holds for seconds."""
    answer = httpx.get(f"{url}/readyz", timeout=20)
    return answer if answer.json() == told else None


def _broken_below(path: str, asked: str) -> str | int:
    return 503 if asked.startswith(path) else "pass"


def test_readiness_names_what_is_down(proxied: Proxied) -> None:
    for path, name in (("/rest/v1/", "database"), ("/auth/v1/", "auth")):
        proxied.proxy.behaviour = partial(_broken_below, path)
        down = {"status": "down", "down": [name]}
        answer = wait_for(partial(_ready_says, proxied.url, down), what=f"{name} down")
        assert answer.status_code == 503
    proxied.proxy.reset()
    assert wait_for(partial(_ready_says, proxied.url, {"status": "ok", "down": []})).status_code == 200


@pytest.mark.parametrize("trouble", ["hang", "dribble"])
def test_readiness_answers_in_time_whatever_supabase_does(proxied: Proxied, trouble: str) -> None:
    """A look that never ends would leave one who asks without an answer, and all others with an old one."""
    proxied.proxy.behaviour = lambda _: trouble
    down = {"status": "down", "down": ["database", "auth"]}
    wait_for(partial(_ready_says, proxied.url, down), 20, what="both down")
    began = time.monotonic()
    assert httpx.get(f"{proxied.url}/readyz", timeout=20).status_code == 503
    assert time.monotonic() - began < 8
    proxied.proxy.reset()
    wait_for(partial(_ready_says, proxied.url, {"status": "ok", "down": []}))


def test_those_who_ask_for_readiness_share_one_look(proxied: Proxied) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: httpx.get(f"{proxied.url}/readyz", timeout=20), range(100)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert len(proxied.proxy.requests) <= 4, "a look is two requests, and holds for seconds"


def test_those_who_ask_for_readiness_take_nothing_from_webhooks(proxied: Proxied, world: World) -> None:
    """While what they look at hangs, for all of them."""
    url = f"{proxied.url}/api/webhooks/pagerduty/{world.organization('Ready', ('owner',)).token}"
    proxied.proxy.behaviour = lambda path: "hang" if "/rest/v1/organizations" in path or "/auth/" in path else "pass"
    with ThreadPoolExecutor(100) as pool:
        asked: list[Future[httpx.Response]] = []

        def are_looking() -> bool:
            asked.extend(pool.submit(httpx.get, f"{proxied.url}/readyz", timeout=20) for _ in range(20))
            return bool(proxied.proxy.requests)

        wait_for(are_looking, what="a look, once the last one is old")
        for _ in range(5):
            began = time.monotonic()
            assert httpx.post(url, json=v3(), timeout=20).status_code == 202
            assert time.monotonic() - began < 2
        assert {one.result().status_code for one in asked} <= {200, 503}


def test_a_schema_that_is_not_exposed_is_said_with_what_to_do(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """At the start, in the log, and to whoever asks whether it is ready."""
    with serving_only_public(stack) as url:
        environment = {"SUPABASE_URL": url, "LOG_LEVEL": "info"}
        service = ServiceProcess(stack, tmp_path_factory.mktemp("unexposed") / "service.log", environment)
        try:
            service.start()
            wait_for(lambda: '"event": "schema_not_exposed"' in service.log, what="the log line")
            ready = httpx.get(f"{service.url}/readyz", timeout=20)
        finally:
            service.stop()
    assert (ready.status_code, ready.json()["status"], ready.json()["down"]) == (503, "down", ["database"])
    (told,) = ready.json()["problems"]
    for way in ("Exposed schemas", "config.toml", "alter role authenticator set pgrst.db_schemas", "pagerduty"):
        assert way in told
    (line,) = [json.loads(one) for one in service.log.splitlines() if "schema_not_exposed" in one]
    assert (line["level"], line["problem"]) == ("error", told)


@contextmanager
def serving_only_public(stack: Stack) -> Iterator[str]:
    """A gateway to the stack's database whose PostgREST does not serve our schema."""
    port = free_port()
    keys = Keys.load_or_create(Path(str(stack.config["keys_file"])), f"{stack.supabase_url}/auth/v1")
    url = f"http://127.0.0.1:{port}"
    config = GatewayConfig(
        public_url=url,
        keys=keys,
        authenticator_dsn=str(stack.config["authenticator_dsn"]),
        auth_dsn=str(stack.config["auth_dsn"]),
        realtime_dsn=str(stack.config["superuser_dsn"]),
        schemas=("public",),
    )
    server = create_server(config, port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started, what="the gateway's start")
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_broken_database_is_503_with_retry_after(proxied: Proxied, member: Person, status: int) -> None:
    headers = {"Authorization": f"Bearer {member.token}"}
    assert httpx.get(f"{proxied.url}/api/notifications", headers=headers).status_code == 200
    proxied.proxy.behaviour = lambda path: status if "/rest/" in path else "pass"
    for method, path in ROUTES:
        body = BODIES.get(path, {}) if method != "GET" else None
        answer = httpx.request(method, f"{proxied.url}{path}", headers=headers, json=body, timeout=20)
        assert_problem(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0


def test_known_keys_outlive_an_outage_of_auth(proxied: Proxied, member: Person) -> None:
    headers = {"Authorization": f"Bearer {member.token}"}
    assert httpx.get(f"{proxied.url}/api/me", headers=headers).status_code == 200
    proxied.proxy.behaviour = lambda path: 503 if "/auth/" in path else "pass"
    assert httpx.get(f"{proxied.url}/api/me", headers=headers).status_code == 200


def test_nothing_of_the_database_shows_in_an_error(member: Person) -> None:
    answers = [
        member.api.post("/api/incidents", content=json.dumps({"title": "x", "tags": ["t" * 250] * 50})),
        member.api.post("/api/incidents", json={"title": "x", "notification_id": "-" * 36}),
        member.api.get("/api/incidents?q=%00"),
    ]
    for answer in answers:
        for word in ("constraint", "relation", "PGRST", "22P02", "SQL", "incidents_", "public."):
            assert word not in answer.text
