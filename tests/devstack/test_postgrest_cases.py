"""Every recorded request is answered as PostgREST answered it; those that may be 501 are named here."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from devstack.postgres import Cluster
from tests.devstack.rest_fixtures import (
    DATA,
    FIFTEEN,
    POSTGREST,
    authorization,
    scratch,
    serve_postgrest,
    serve_stand_in,
)

CASES: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "cases.jsonl").read_text().splitlines()]
#: What the stand-in does not support. Nothing that this project sends is among it.
UNSUPPORTED = {"embed to-one", "embed inner filter", "embed to-many"}
#: The planner's guess differs between PostgreSQL's majors.
GUESSED = {"count planned": re.compile(r"0-0/\d+")}
#: Where a recorded answer has none of these headers, there was none.
ABSENT_MEANS_NONE = ("content-range", "content-type", "location", "preference-applied")
#: The stand-in on the majors there are here (the cases were recorded on 15), and a real PostgREST where there is one.
SERVERS = [
    ("stand-in", 18),
    *([("stand-in", 15)] if FIFTEEN.exists() else []),
    *([("postgrest", 18)] if POSTGREST else []),
]


@pytest.fixture(scope="module", params=SERVERS, ids=lambda server: f"{server[0]} on {server[1]}")
def replies(request: pytest.FixtureRequest, cluster_of: Callable[[int], Cluster]) -> dict[str, httpx.Response]:
    """The answers to all cases, sent in their order: later ones see what earlier ones wrote."""
    kind, major = request.param
    serve = serve_stand_in if kind == "stand-in" else serve_postgrest
    cluster = cluster_of(major)
    with scratch(cluster) as database, serve(cluster, database) as url, httpx.Client(base_url=url) as client:
        return {case["name"]: send(client, case) for case in CASES}


def send(client: httpx.Client, case: dict[str, Any]) -> httpx.Response:
    """Sends one case."""
    body = case["body"]
    content = body if body is None or isinstance(body, str) else json.dumps(body)
    headers = {**case["headers"], **authorization(case["as"])}
    return client.request(case["method"], case["path"], headers=headers, content=content)


def test_every_case_has_a_name_of_its_own_and_every_exception_is_a_case() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names)) > 120
    assert set(names) >= UNSUPPORTED | GUESSED.keys()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_answered_as_recorded(case: dict[str, Any], replies: dict[str, httpx.Response]) -> None:
    check(case, replies[case["name"]])


def check(case: dict[str, Any], reply: httpx.Response) -> None:
    """Compares an answer with the recorded one."""
    if case["name"] in UNSUPPORTED and reply.status_code == 501:
        assert "embedding" in reply.json()["message"]
        return
    assert reply.status_code == case["status"], reply.text
    check_headers(case, reply)
    recorded = case["answer"]
    if recorded is None:
        assert reply.content == b""
    elif isinstance(recorded, str) and reply.headers["content-type"].startswith("text/csv"):
        assert reply.text == recorded
    elif case["status"] >= 400:
        error = reply.json()
        assert error.keys() == {"code", "message", "details", "hint"}
        assert (error["code"], error["message"]) == (recorded["code"], recorded["message"])
        assert (error["details"] is None) == (recorded["details"] is None)
    else:
        assert reply.json() == recorded


def check_headers(case: dict[str, Any], reply: httpx.Response) -> None:
    """Compares the headers that are worth it, and that none of them is there that was not."""
    for name, value in case["answer_headers"].items():
        pattern = GUESSED.get(case["name"]) if name == "content-range" else None
        if pattern:
            assert pattern.fullmatch(reply.headers[name])
        else:
            assert reply.headers.get(name) == value, name
    if case["method"] != "OPTIONS":
        for name in ABSENT_MEANS_NONE:
            assert (name in reply.headers) == (name in case["answer_headers"]), name
