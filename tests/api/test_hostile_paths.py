"""Addresses that nobody means well with: every part of a path that is the caller's to choose, and names no file has."""

import http.client
import json
from pathlib import Path

import httpx
import pytest

from devstack.stack import Stack
from tests.api.service_processes import wait_for
from tests.world import Organization, World

NAMES = (
    "%00", "app%00.js", "%00.css", "..%2fassets.py", "..%2f..%2f..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "%2e%2e",
    ".", "..%5cassets.py", "%ff", "%ff%fe.js", "%c3%28.js", "%ed%a0%80.js", "%0d%0aX-Evil:%201", "%0a.js",
    "x" * 300 + ".js", "x" * 3000, "%f0%9f%92%a9" * 100 + ".js", "%2525", "%", "css", "%20", "*.js", "[a-z]*.js", "%7f",
)  # fmt: skip
PAGES = ("/static/{name}", "/incidents/{id}", "/problems/{slug}", "/{page}", "/api/{route}", "/settings/{tab}")


@pytest.fixture(scope="module")
def shared(world: World) -> Organization:
    return world.organization("Hostile")


def ask(stack: Stack, method: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    """Sends the path as it is written here, which no client that means well does."""
    connection = http.client.HTTPConnection("127.0.0.1", int(stack.config["service_port"]), timeout=20)
    body = "{}" if method in ("POST", "PATCH") else None
    connection.request(method, path, body, {"Connection": "close", **headers})
    answer = connection.getresponse()
    answer.read()
    return answer


def addresses(stack: Stack) -> list[tuple[str, str]]:
    """Every method and path that has a place for a name."""
    document = httpx.get(f"{stack.service_url}/api/openapi.json").json()
    of_the_api = [(method.upper(), path) for path, item in document["paths"].items() if "{" in path for method in item]
    assert len(of_the_api) >= 8
    return of_the_api + [("GET", page) for page in PAGES]


def logged(stack: Stack, since: int, request_id: str) -> str:
    """What the log says since an offset, once a request's last line is there."""
    file: Path = stack.state_dir / "service.log"

    def so_far() -> str:
        text = file.read_bytes()[since:].decode()
        lines = [json.loads(line) for line in text.splitlines() if request_id in line and line.startswith("{")]
        return text if any(line["event"] == "request" for line in lines) else ""

    text: str = wait_for(so_far)
    return text


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:30])
def test_no_name_is_more_than_not_found(stack: Stack, shared: Organization, name: str) -> None:
    since = (stack.state_dir / "service.log").stat().st_size
    headers = {"Authorization": f"Bearer {shared.owner.token}", "Accept": "text/html"}
    for method, path in addresses(stack):
        start, _, rest = path.partition("{")
        asked = f"{start}{name}{rest.partition('}')[2]}"
        answer = ask(stack, method, asked, headers)
        # A page is a shell until its script has asked for the id; a webhook's GET tells whether its token is known.
        fine = {200} if path.startswith(("/incidents", "/api/webhooks")) and method == "GET" else set()
        assert answer.status in {404, 405, 422} | fine, f"{method} {asked}: {answer.status}"
        assert answer.getheader("X-Evil") is None
    text = logged(stack, since, str(answer.getheader("X-Request-Id")))
    assert "Traceback" not in text
    assert "unhandled" not in text


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:30])
def test_a_static_file_that_is_none_is_not_found(stack: Stack, name: str) -> None:
    answer = ask(stack, "GET", f"/static/{name}", {})
    assert (answer.status, answer.getheader("Content-Type")) == (404, "application/problem+json")
