"""Debug logs show payloads without secrets and without personal data."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.pagerduty.masking import mask
from service.redaction import MASK
from tests.unit.pagerduty_examples import NAMES, delivery

PEOPLE = (
    "Laura Haley",
    "Wiley Jacobson",
    "Nina Gulgowski",
    "Tenex Engineer",
    "User 123",
    "User 1810194",
    "User 661768438",
    "Maeve",
)


@pytest.mark.parametrize("name", NAMES)
def test_no_example_shows_a_person_or_how_to_reach_one(name: str) -> None:
    shown = json.dumps(mask(delivery(name)))
    for private in (*PEOPLE, "@example.com", "laura.haley", "555-5555", "1234123412", "requestb.in"):
        assert private not in shown


def test_what_one_debugs_stays() -> None:
    shown = mask(delivery("v3-02-webhook-payload"))["event"]
    assert shown["id"] == "5ac64822-4adc-4fda-ade0-410becf0de4f"
    assert shown["event_type"] == "incident.priority_updated"
    assert shown["agent"] == {
        "id": "PLH1HKV",
        "type": "user_reference",
        "self": "https://api.pagerduty.com/users/PLH1HKV",
        "summary": MASK,
        "html_url": MASK,
    }
    assert shown["data"]["title"] == "A little bump in the road"
    assert shown["data"]["service"]["summary"] == "API Service"
    assert shown["data"]["escalation_policy"]["summary"] == "Default"
    assert shown["data"]["incident_key"] == "d3640fbd41094207a1c11e58e46b1662"
    assert shown["data"]["number"] == 2
    assert shown["data"]["conference_bridge"] == MASK
    assert shown["data"]["resolve_reason"] is None


def test_a_name_is_masked_wherever_it_is_written() -> None:
    (message,) = mask(delivery("v2-04-incident-assign"))["messages"]
    assert message["log_entries"][0]["summary"] == f"Assigned to {MASK} by {MASK}"
    assert message["incident"]["last_status_change_by"]["summary"] == "Production XDB Cluster"


@pytest.mark.parametrize(
    "key",
    [
        *("api_key", "apiKey", "integration_key", "routing_key", "service_key", "token", "access_token", "secret"),
        *("client_secret", "Authorization", "password", "X-PagerDuty-Signature", "Cookie", "email", "phone_number"),
        *("conference_url", "conference_number", "custom_headers", "endpoint_url", "assignee", "X-Api-Key"),
        *("pin", "otp", "auth", "bearer", "jwt", "session", "pin_code", "sessionId", "auth_header", "pwd", "x" * 900),
    ],
)
def test_private_fields(key: str) -> None:
    assert mask({"outer": [{key: "hush"}]})["outer"][0].popitem()[1] == MASK
    assert mask({key: {"value": "hush"}, "x": [1]})["x"] == [1]
    assert "hush" not in json.dumps(mask({key: [{"name": "hush"}]}))
    assert mask({key: None}).popitem()[1] is None


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Call +1 (555) 123-4567 now", f"Call {MASK} now"),
        ("Ask ann.lee+x@example.co.uk, please", f"Ask {MASK}, please"),
        ("use token=abc123 here", f"use token={MASK} here"),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {MASK}"),
        ("Disk full on db-1", "Disk full on db-1"),
    ],
)
def test_free_text(written: str, shown: str) -> None:
    assert mask({"content": written}) == {"content": shown}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ({"name": "Authorization", "value": "hush"}, {"name": "Authorization", "value": MASK}),
        ({"key": "DB_PASSWORD", "value": "hush"}, {"key": MASK, "value": MASK}),
        ({"type": "password", "value": "hush"}, {"type": "password", "value": MASK}),
        ({"name": "Cookie", "in": "header", "value": "hush"}, {"name": "Cookie", "in": "header", "value": MASK}),
        ({"header": "Cookie", "values": ["a=b"]}, {"header": "Cookie", "values": MASK}),
        ({"display_name": "Session ID", "value": 5}, {"display_name": "Session ID", "value": MASK}),
        ({"name": "environment", "value": "production"}, {"name": "environment", "value": "production"}),
        (["Authorization", "Basic hush"], ["Authorization", MASK]),
        (["mysql", "--password", "hush", "-h"], ["mysql", "--password", MASK, "-h"]),
        (["Ann forgot her password", "disk full"], ["Ann forgot her password", "disk full"]),
    ],
)
def test_a_value_whose_name_stands_beside_it(written: Any, shown: Any) -> None:
    assert mask({"x": [written]}) == {"x": [shown]}


def test_json_in_a_string_is_masked_as_json() -> None:
    inner = json.dumps(
        {"value": "hush", "name": "Authorization", "title": "Disk full", "contact": {"email": "a@b.example"}}
    )
    shown = mask({"body": json.dumps({"message": inner})})["body"]
    assert "hush" not in shown
    assert "a@b.example" not in shown
    assert json.loads(json.loads(shown)["message"])["title"] == "Disk full"
    assert mask({"body": '{"title":"Disk full"}'}) == {"body": '{"title":"Disk full"}'}
    assert mask({"body": "[" * 5_000}) == {"body": "[" * 499 + "…"}


def test_what_people_wrote_and_ids_stay() -> None:
    payload = {
        "title": "Password reset page is down; the author of auth-service: nobody",
        "incident_key": "d3640fbd41094207a1c11e58e46b1662",
        "dedup_key": "srv01/HTTP token",
        "html_url": "https://acme.pagerduty.com/incidents/PT4KHLK",
        "service": {"id": "PF9KMXH", "summary": "Keyboard tokenizer"},
        "opinion": "good",
        "pinned": True,
        "author": "unknown",
    }
    assert mask(payload) == payload


FORMS = st.sampled_from(
    [
        *(
            "DB_PASSWORD={}",
            "client_secret={}",
            "Authorization: Basic {}",
            "pwd={}",
            'saw {{"password": "{}"}}',
            "Bearer {}",
        ),
        *("Cookie: a=b; c={}", "https://h.example/api/webhooks/pagerduty/{}", "postgres://u:{}@h/db", "?token={}&a=b"),
        *("eyJhbGciOiJIUzI1NiJ9.{}", "sb_secret_{}", '[{{"value": "{}", "name": "Authorization"}}]'),
    ]
)


@settings(deadline=None, max_examples=60)
@given(
    form=FORMS,
    secret=st.text("abcdefXYZ0123456789", min_size=8, max_size=60).map(lambda s: f"Q7{s}"),
    path=st.lists(st.sampled_from(["details", "messages", 0, 1]), max_size=6),
    before=st.sampled_from([0, 1, 450, 4_990]),
)
def test_no_secret_in_free_text_is_shown(form: str, secret: str, path: list[Any], before: int) -> None:
    text = form.format(secret)
    value: Any = [f"{'x' * before} {text}", {text: text}]
    for step in path:
        value = [None, value] if isinstance(step, int) else {step: value}
    assert "Q7" not in json.dumps(mask({"event": value}))


def test_depth_length_and_width_are_bounded() -> None:
    deep: Any = "end"
    for _ in range(5_000):
        deep = [deep]
    assert len(json.dumps(mask(deep))) < 100
    assert mask("x" * 10_000) == "x" * 499 + "…"
    assert mask(list(range(150))) == [*range(100), "… 50 more"]
    wide = mask({str(n): n for n in range(150)})
    assert len(wide) == 101
    assert wide["…"] == "50 more"


def test_a_copy_is_masked() -> None:
    original = {"token": "hush", "agent": {"summary": "Ann Lee"}}
    assert mask(original) == {"token": MASK, "agent": {"summary": MASK}}
    assert original == {"token": "hush", "agent": {"summary": "Ann Lee"}}


def test_what_is_no_json_is_hidden() -> None:
    assert mask({"x": b"bytes", 5: object()}) == {"x": MASK, "5": MASK}


@settings(deadline=None)
@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_json_can_be_masked(value: Any) -> None:
    json.dumps(mask({"agent": value, "x": value}))
