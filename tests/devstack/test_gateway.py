"""The gateway: API keys become roles, whatever stands behind it."""

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed, InvalidStatus

from devstack.asgi import server_config
from devstack.postgres import SUPERUSER, Cluster, embedded_bin_dir, free_port
from tests.conftest import TEST_SETTINGS
from tests.devstack.gateway_fixtures import ANNA, BEN, PASSWORD, SCHEMA, Database, Gateway, bound_socket, serve
from tests.devstack.realtime_client import RawClient

StartGateway = Callable[..., contextlib.AbstractContextManager[Gateway]]


@pytest.fixture(autouse=True)
def two_notes(scratch_database: Database) -> Iterator[None]:
    scratch_database.execute("insert into public.notes (owner, body) values (%s, 'hers'), (%s, 'his')", (ANNA, BEN))
    yield
    scratch_database.execute("delete from public.notes")


def bodies(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["body"] for row in answer.json()]


def test_a_user_reads_their_rows(gateway: Gateway) -> None:
    with gateway.client(Authorization=f"Bearer {gateway.token(ANNA)}") as client:
        assert bodies(client.get("/rest/v1/notes?select=body")) == ["hers"]


@pytest.mark.parametrize("kind", ["secret_key", "service_role_jwt"])
@pytest.mark.parametrize("bearer", ["none", "itself"])
def test_secret_keys_are_the_service_role(gateway: Gateway, kind: str, bearer: str) -> None:
    gateway.database.execute("grant all on public.notes to service_role")
    key = getattr(gateway.keys, kind)
    authorization = f"Bearer {key}" if bearer == "itself" else ""
    with gateway.client(key, Authorization=authorization) as client:
        assert bodies(client.get("/rest/v1/notes?select=body&order=body")) == ["hers", "his"]


@pytest.mark.parametrize("kind", ["publishable_key", "anon_jwt"])
@pytest.mark.parametrize("bearer", ["none", "itself", "another case"])
def test_publishable_keys_are_the_anonymous_role(gateway: Gateway, kind: str, bearer: str) -> None:
    key = getattr(gateway.keys, kind)
    authorization = {"none": "", "itself": f"Bearer {key}", "another case": f"bearer {key}"}[bearer]
    with gateway.client(key, Authorization=authorization) as client:
        answer = client.get("/rest/v1/notes")
    assert answer.status_code == 401
    assert answer.json()["code"] == "42501", "the anonymous role holds no grant"


def test_a_secret_key_does_not_lift_a_user(gateway: Gateway) -> None:
    with gateway.client(gateway.keys.secret_key, Authorization=f"Bearer {gateway.token(ANNA)}") as client:
        assert bodies(client.get("/rest/v1/notes?select=body")) == ["hers"]


def test_a_bearer_that_does_not_hold_is_refused_behind_the_gateway(gateway: Gateway) -> None:
    for bearer in ("nonsense", gateway.keys.secret_key, gateway.token(lifetime=-600)):
        with gateway.client(Authorization=f"Bearer {bearer}") as client:
            answer = client.get("/rest/v1/notes")
        assert answer.status_code == 401
        assert answer.json()["code"].startswith("PGRST30")


@pytest.mark.parametrize("path", ["/rest/v1/notes", "/auth/v1/user", "/realtime/v1/api/broadcast", "/storage/v1/x"])
def test_without_a_key_nothing_is_answered(gateway: Gateway, path: str) -> None:
    with httpx.Client(base_url=gateway.url) as client:
        missing = client.post(path)
        empty = client.post(path, headers={"apikey": ""})
        wrong = client.post(path, headers={"apikey": "sb_publishable_wrong"})
        odd = client.post(path, headers=[(b"apikey", "clé".encode())])
        bearer_only = client.post(path, headers={"Authorization": f"Bearer {gateway.token()}"})
    for answer in (missing, bearer_only):
        assert answer.status_code == 401
        assert answer.json() == {
            "message": "No API key found in request",
            "hint": "No `apikey` request header or url param was found.",
        }
    for answer in (empty, wrong, odd):
        assert (answer.status_code, answer.json()["message"]) == (401, "Invalid API key")


def test_keys_of_another_project_are_refused(gateway: Gateway) -> None:
    other = gateway.keys.create("https://elsewhere.example")
    for key in (other.publishable_key, other.anon_jwt, other.service_role_jwt):
        with gateway.client(key) as client:
            assert client.get("/rest/v1/notes").status_code == 401


def test_the_jwks_and_health_need_no_key(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.url) as client:
        assert client.get("/auth/v1/.well-known/jwks.json").json() == gateway.keys.jwks()
        assert client.get("/auth/v1/health").status_code == 200
        assert client.get("/health").json() == {"status": "ok", "problems": []}


def test_what_is_no_part_of_the_stack_says_so(gateway: Gateway) -> None:
    with gateway.client() as client:
        answer = client.post("/storage/v1/object/x")
    assert answer.status_code == 501
    assert "/storage/v1/object/x" in answer.json()["message"]


@pytest.mark.parametrize("path", ["/rest/v1/notes", "/auth/v1/token", "/realtime/v1/api/broadcast"])
def test_browsers_of_other_origins_may_ask(gateway: Gateway, path: str) -> None:
    origin = {"Origin": "http://localhost:3000"}
    wanted = "apikey, authorization, content-profile, prefer, range, x-client-info, x-supabase-api-version"
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": wanted}
    with httpx.Client(base_url=gateway.url, headers=origin) as client:
        preflight = client.options(path, headers=asked)
        refused = client.get(path)
    assert preflight.status_code == 200
    assert preflight.headers.get_list("access-control-allow-origin") == ["*"]
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == wanted
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "*", "a script may read why it was refused"


def test_scripts_may_read_the_content_range(gateway: Gateway) -> None:
    headers = {"Origin": "http://localhost:3000", "Prefer": "count=exact"}
    with gateway.client(Authorization=f"Bearer {gateway.token(ANNA)}", **headers) as client:
        answer = client.get("/rest/v1/notes")
    assert answer.headers["content-range"] == "0-0/1"
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert "Content-Range" in answer.headers["access-control-expose-headers"]


async def _echo(request: Request) -> Response:
    """What a PostgREST would see."""
    seen = {
        "method": request.method,
        "raw_path": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "headers": {name: value for name, value in request.headers.items() if name != "apikey"},
        "body": (await request.body()).decode(),
    }
    headers = {"Content-Range": "0-0/*", "Access-Control-Allow-Origin": "*", "Server": "postgrest/16.2"}
    return JSONResponse(seen, status_code=int(request.headers.get("x-status", 206)), headers=headers)


async def _echo_socket(websocket: WebSocket) -> None:
    """What a Realtime would see: it answers its URL, echoes, and closes when told to."""
    if websocket.query_params.get("vsn") == "9.0.0":
        await websocket.send_denial_response(JSONResponse({"error": "refused"}, status_code=401))
        return
    await websocket.accept()
    await websocket.send_text(json.dumps({"path": websocket.url.path, "apikey": websocket.query_params["apikey"]}))
    while (event := await websocket.receive())["type"] == "websocket.receive":
        if event.get("text") == "close":
            await websocket.close(1012, "restarting")
            return
        if event.get("bytes"):
            await websocket.send_bytes(event["bytes"])


@pytest.fixture(scope="module")
def behind(start_gateway: StartGateway) -> Iterator[Gateway]:
    """A gateway with other servers in the place of the stand-ins."""
    methods = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]
    echo = Starlette(
        routes=[WebSocketRoute("/{path:path}", _echo_socket), Route("/{path:path}", _echo, methods=methods)]
    )
    listening, url = bound_socket()
    with (
        serve(uvicorn.Server(server_config(echo)), listening),
        start_gateway(postgrest_url=url, realtime_url=url) as gateway,
    ):
        yield gateway


def test_a_postgrest_gets_the_request_as_it_was_with_the_keys_role(behind: Gateway) -> None:
    path = "/rest/v1/odd%20name%2Fx?select=a,b&name=eq.%22%C3%A9%22&or=(a.eq.1,b.eq.2)"
    with behind.client(Prefer="return=minimal") as client:
        answer = client.patch(path, json={"a": 1})
    seen: dict[str, Any] = answer.json()
    assert (answer.status_code, answer.headers["content-range"]) == (206, "0-0/*")
    assert (seen["method"], seen["body"]) == ("PATCH", '{"a":1}')
    assert seen["raw_path"] == "/odd%20name%2Fx"
    assert seen["query"] == "select=a,b&name=eq.%22%C3%A9%22&or=(a.eq.1,b.eq.2)"
    assert seen["headers"]["prefer"] == "return=minimal"
    token = seen["headers"]["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, jwt.PyJWK(behind.keys.jwks()["keys"][0]), algorithms=["ES256"])
    assert claims["role"] == "anon"
    assert 0 < claims["exp"] - time.time() <= 300


def test_a_postgrest_gets_the_users_token_untouched(behind: Gateway) -> None:
    with behind.client(Authorization="Bearer theirs") as client:
        assert client.get("/rest/v1/x").json()["headers"]["authorization"] == "Bearer theirs"


def test_scripts_see_one_allowed_origin_before_a_postgrest_too(behind: Gateway) -> None:
    with behind.client(Origin="http://localhost:3000") as client:
        assert client.get("/rest/v1/x").headers.get_list("access-control-allow-origin") == ["*"]


def test_an_answer_from_behind_has_one_date_and_one_server(behind: Gateway) -> None:
    with behind.client() as client:
        for path in ("/rest/v1/x", "/realtime/v1/api/broadcast", "/auth/v1/health"):
            headers = client.get(path).headers
            assert (len(headers.get_list("date")), len(headers.get_list("server"))) == (1, 1), path


def test_any_status_from_behind_comes_through(behind: Gateway) -> None:
    with behind.client() as client:
        assert client.get("/rest/v1/x", headers={"X-Status": "999"}).status_code == 999


def test_a_realtime_is_reached_by_websocket_and_http(behind: Gateway) -> None:
    with RawClient(behind) as client:
        seen = json.loads(client.socket.recv())
        assert seen == {"path": "/socket/websocket", "apikey": behind.keys.anon_jwt}
        client.socket.send(b"\x01\x02")
        assert client.socket.recv() == b"\x01\x02"
        client.socket.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            client.socket.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "restarting")
    with pytest.raises(InvalidStatus) as refusal:
        RawClient(behind, vsn="9.0.0")
    assert refusal.value.response.status_code == 401
    assert json.loads(bytes(refusal.value.response.body or b"")) == {"error": "refused"}
    with behind.client() as client_http:
        assert client_http.post("/realtime/v1/api/broadcast", json={}).json()["raw_path"] == "/api/broadcast"


def test_a_server_that_is_gone_is_a_bad_gateway(start_gateway: StartGateway) -> None:
    listening, url = bound_socket()
    listening.close()
    with start_gateway(postgrest_url=url, realtime_url=url) as gateway, gateway.client() as client:
        assert client.get("/rest/v1/x").status_code == 502
        with pytest.raises(InvalidStatus) as refusal:
            RawClient(gateway)
        assert refusal.value.response.status_code == 502


def test_health_names_what_does_not_work(start_gateway: StartGateway) -> None:
    with start_gateway(auth_dsn="postgresql://nobody@127.0.0.1:1/none") as gateway:
        answer = httpx.get(f"{gateway.url}/health", timeout=10)
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["database"]


def test_the_first_calls_after_a_restart_of_postgresql_are_answered(
    start_gateway: StartGateway, new_data_dir: Callable[[Path], None], tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path / "data", free_port(), embedded_bin_dir(), TEST_SETTINGS)
    new_data_dir(cluster.data_dir)
    database = Database(cluster, "postgres")
    cluster.start()
    try:
        database.execute(SCHEMA)
        database.add_user("anna@example.com", user_id=ANNA)
        roles = {"authenticator": "authenticator", "auth": "supabase_auth_admin", "realtime": SUPERUSER}
        with start_gateway(**{f"{name}_dsn": database.dsn(role) for name, role in roles.items()}) as gateway:
            for _ in range(2):
                credentials = {"email": "anna@example.com", "password": PASSWORD}
                with gateway.client() as client:
                    signed_in = client.post("/auth/v1/token?grant_type=password", json=credentials)
                assert signed_in.status_code == 200, signed_in.text
                with gateway.client(Authorization=f"Bearer {signed_in.json()['access_token']}") as client:
                    assert client.get("/rest/v1/notes").status_code == 200
                    assert client.get("/auth/v1/user").status_code == 200
                cluster.stop()
                cluster.start()
    finally:
        cluster.stop()


def test_api_keys_are_not_logged(start_gateway: StartGateway, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), start_gateway() as gateway:
        with RawClient(gateway, apikey=gateway.keys.secret_key) as client:
            client.join()
        with gateway.client(gateway.keys.secret_key) as service:
            service.get("/rest/v1/notes")
        ours = [record for record in caplog.records if record.name.startswith(("uvicorn", "service", "psycopg"))]
        logged = " ".join(record.getMessage() for record in ours)
        for secret in (gateway.keys.secret_key, gateway.keys.service_role_jwt, gateway.keys.jwt_secret):
            assert secret not in logged
