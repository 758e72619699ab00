"""Finding incidents: filters, and words that mean themselves."""

import re
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.vocabulary import SEARCH_LIMIT
from tests.world import Organization, World

URL = "/api/incidents"
WORDS = [
    "100 % full", "a_b", "a,b", "(paren)", "say \"hi\"", "back\\slash", "star*star", "dot.dot", "colon:colon", "it's",
    "{curly}", "a)or(b", "title.ilike.x", "semi;colon", "über ÄÖ", "🚨", "new\tline", "%", "_", "\\", '"', "()", ",",
    "&=?#+",
    "\\%", "\\_", '\\"', "%%", "__", "not.null", "null", "a  b",
]  # fmt: skip


@pytest.fixture(scope="module")
def library(world: World) -> Organization:
    """An incident for each of the words, in the title or in the customer."""
    made = world.organization("Library", ("owner", "viewer"))
    with world.database() as connection:
        for number, words in enumerate(WORDS):
            title, customer = (f"x{words}x", "") if number % 2 else ("plain", f"x{words}x")
            connection.execute(
                "insert into pagerduty.incidents (organization_id, title, customer, status, criticality)"
                " values (%s, %s, %s, %s, %s)",
                (
                    made.id,
                    title,
                    customer,
                    ("open", "investigating", "resolved")[number % 3],
                    ("low", "high")[number % 2],
                ),
            )
    return made


def found(organization: Organization, **query: Any) -> list[dict[str, Any]]:
    answer = organization.viewer.api.get(URL, params={"limit": 100, **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def holds(text: str, words: str) -> bool:
    """A `*` stands for any character: PostgREST leaves no way to write one."""
    text, words = text.lower(), words.lower()
    return any(
        all(mine in ("*", theirs) for mine, theirs in zip(words, text[at : at + len(words)], strict=False))
        for at in range(len(text) - len(words) + 1)
    )


@pytest.mark.parametrize("words", WORDS)
def test_words_mean_themselves(library: Organization, words: str) -> None:
    looked_for = words.strip()
    expected = {word for word in WORDS if holds(f"x{word}x", looked_for)}
    titles = {(one["title"] + one["customer"]).removeprefix("plain")[1:-1] for one in found(library, q=words)}
    assert titles - {""} == expected - {""}


@given(st.text(st.characters(codec="utf-8"), max_size=40))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_words_break_it(library: Organization, words: str) -> None:
    answer = library.viewer.api.get(URL, params={"q": words})
    assert answer.status_code in (200, 422), answer.text
    if "\x00" not in words:
        assert answer.status_code == 200, answer.text


def test_a_nul_is_refused_in_every_parameter(library: Organization) -> None:
    """Of every address that takes some: a real PostgREST cuts a text off at one, and a search then finds everything."""
    described = library.viewer.api.get("/api/openapi.json").json()["paths"]
    parameters = [
        (path, parameter["name"])
        for path, methods in described.items()
        for parameter in methods.get("get", {}).get("parameters", ())
        if parameter["in"] == "query"
    ]
    assert {(URL, "q"), ("/api/notifications", "q"), ("/api/notifications", "before")} < set(parameters)
    for path, name in parameters:
        for value in ("%00", "a%00b", "%00a", "2026-11-23T10:00:00Z%00"):
            answer = library.viewer.api.get(f"{re.sub('{.*?}', str(uuid.UUID(int=1)), path)}?{name}={value}")
            assert answer.status_code == 422, (path, name, value, answer.text)
            assert answer.json()["errors"][0]["field"].partition(".")[0] == name


def test_words_have_a_limit(library: Organization) -> None:
    assert found(library, q="x" * SEARCH_LIMIT) == []
    answer = library.viewer.api.get(URL, params={"q": "x" * (SEARCH_LIMIT + 1)})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "q")


def test_case_does_not_matter(library: Organization) -> None:
    assert [one["title"] for one in found(library, q="A_B")] == ["xa_bx"]


def test_filters_are_joined_by_and(library: Organization) -> None:
    everything = found(library)
    assert len(everything) == len(WORDS)
    for query, test in (
        ({"status": "open"}, lambda one: one["status"] == "open"),
        ({"status": "open,resolved"}, lambda one: one["status"] != "investigating"),
        ({"criticality": "high"}, lambda one: one["criticality"] == "high"),
        ({"criticality": "critical"}, lambda one: False),
        (
            {"status": "open", "criticality": "low,medium"},
            lambda one: (one["status"], one["criticality"]) == ("open", "low"),
        ),
        ({"status": "open", "q": "plain"}, lambda one: (one["status"], one["title"]) == ("open", "plain")),
    ):
        assert found(library, **query) == [one for one in everything if test(one)], query
        pages: list[dict[str, Any]] = []
        following: dict[str, Any] = {"limit": 3, **query}
        while True:
            answer = library.viewer.api.get(URL, params=following).json()
            pages += answer["items"]
            if answer["next"] is None:
                break
            following["before"] = answer["next"]
        assert pages == [one for one in everything if test(one)], query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=closed", "status"), ("status=open,", "status"), ("status=open;drop", "status"), ("status=", "status"),
        ("criticality=urgent", "criticality"), ("criticality=low,,high", "criticality"), (f"q={'x' * 201}", "q"),
        ("limit=1000", "limit"), ("limit=x", "limit"),
    ],
)  # fmt: skip
def test_422(library: Organization, query: str, field: str) -> None:
    answer = library.viewer.api.get(f"{URL}?{query}")
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_others_are_never_found(library: Organization, globex: Organization) -> None:
    secret = uuid.uuid4().hex
    globex.owner.api.post(URL, json={"title": secret})
    for words in (secret, f'{secret}"', f'x%",organization_id.eq.{globex.id}', f"x),or(organization_id.eq.{globex.id}"):
        assert found(library, q=words) == []
