"""One catalogue of problems: what answers carry, the document describes, the pages are told, and people can read."""

import json
import re

import httpx
import pytest

from devstack.stack import Stack
from service import vocabulary
from service.pagerduty.events import V3_TYPES
from service.problems import KINDS, Kind


def page(stack: Stack, path: str) -> httpx.Response:
    return httpx.get(f"{stack.service_url}{path}", headers={"Accept": "text/html"})


def test_every_kind_has_a_page_that_its_type_leads_to(stack: Stack) -> None:
    everything = page(stack, "/problems").text
    for slug, kind in KINDS.items():
        answer = page(stack, f"/problems/{slug}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        for text in (kind.title, kind.meaning, kind.remedy, str(kind.status), kind.type):
            assert text in answer.text.replace("&#39;", "'")
            assert text in everything.replace("&#39;", "'")


def test_a_kind_that_there_is_not_is_404(stack: Stack) -> None:
    answer = page(stack, "/problems/nonsense")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert httpx.get(f"{stack.service_url}/problems/nonsense").json()["type"] == "/problems/not-found"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_catalogue_is_written_for_people(kind: Kind) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.slug)
    assert 400 <= kind.status < 600
    assert kind.title[0].isupper()
    for sentence in (kind.meaning, kind.remedy):
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_the_document_tells_every_kind_that_a_route_can_answer(stack: Stack) -> None:
    document = httpx.get(f"{stack.service_url}/api/openapi.json").text
    beyond_routes = {"bad-request", "method-not-allowed", "internal", "web-not-installed", "bad-cursor"}
    for slug in KINDS.keys() - beyond_routes - {"bad-organization", "organization-required"}:
        assert f"({slug})" in document, slug


def test_the_pages_are_told_the_same_words_and_limits(stack: Stack) -> None:
    (text,) = re.findall(r'<script type="application/json" id="config">(.*?)</script>', page(stack, "/").text)
    config = json.loads(text)
    assert config["problems"] == {slug: kind.text for slug, kind in KINDS.items()}
    assert config["limits"] == dict(vocabulary.LIMITS)
    assert config["levels"] == list(vocabulary.LEVELS)
    assert config["statuses"] == list(vocabulary.STATUSES)
    assert config["roles"] == list(vocabulary.ROLES)
    assert config["event_types"] == sorted(V3_TYPES)
