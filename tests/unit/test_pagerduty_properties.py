"""Whatever is sent: nothing but the two exceptions, and records that PostgreSQL can store."""

import copy
import itertools
import json
import unicodedata
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.pagerduty.events import V3_NAMES, V3_TYPES
from service.pagerduty.mapping import IngestRecord, ingest_record
from service.pagerduty.masking import mask
from service.pagerduty.payloads import NothingUsable, NotJSON, parse
from tests.unit.pagerduty_examples import NAMES, body, delivery

# No deadline for one example: the machine that runs the tests may be busy.
calm = settings(deadline=None)

LIMITS = {
    "event_id": 255,
    "delivery_id": 255,
    "event_type": 100,
    "timeline": 10_000,
    "incident.id": 255,
    "incident.title": 1024,
    "incident.url": 2048,
    "incident.service_id": 255,
    "incident.service_name": 255,
    "notification.title": 1024,
    "notification.body": 1000,
    "notification.url": 2048,
    "notification.prefill.title": 1036,
    "notification.prefill.description": 20_000,
    "notification.prefill.customer": 255,
    "notification.prefill.pagerduty_incident_id": 255,
    "notification.prefill.pagerduty_url": 2048,
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**90, max_value=10**110)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    # Surrogates and NUL, which JSON can write as \ud800 and \u0000.
    | st.text(alphabet=st.sampled_from("a\x00\ud800\udfff\u202e\n"), max_size=5)
    | st.sampled_from(
        ["x" * 20_000, "https://a/b", "javascript:x", "2025-01-15T12:00:00Z", "9999-12-31T23:59:59-12:00"]
    )
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

FIELDS = [
    "agent",
    "assigned_to",
    "assignee",
    "assignees",
    "assignments",
    "changed_custom_fields",
    "channel",
    "conference_numbers",
    "content",
    "created_on",
    "custom_fields",
    "data",
    "description",
    "event",
    "event_type",
    "html_url",
    "id",
    "incident",
    "incident_role_assignments",
    "integration_key",
    "integrations",
    "log_entries",
    "message",
    "messages",
    "name",
    "number",
    "object",
    "occurred_at",
    "priority",
    "role",
    "service",
    "state",
    "status",
    "subject",
    "summary",
    "title",
    "trigger_summary_data",
    "type",
    "urgency",
    "user",
    "value",
]
event_types = st.sampled_from(sorted(V3_TYPES | V3_NAMES.keys() | {"pagey.ping", "x"}))
alike = st.recursive(
    scalars | event_types | st.sampled_from(["incident", "service"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8),
    max_leaves=40,
)


def check(raw: bytes) -> None:
    """Every invariant of what comes out, for one body."""
    try:
        found = parse(raw)
    except (NotJSON, NothingUsable):
        return
    assert 1 <= len(found) <= 101
    for entry in found:
        record = ingest_record(entry, "delivery", ["key"])
        written = json.dumps(record, allow_nan=False, ensure_ascii=False)
        written.encode()  # fails on lone surrogates
        assert "\\u0000" not in written.replace("\\\\", "")
        assert_bounded(record)
        json.dumps(mask(record["payload"]), ensure_ascii=False, allow_nan=False).encode()


def assert_bounded(record: IngestRecord) -> None:
    for path, limit in LIMITS.items():
        value: Any = record
        for key in path.split("."):
            value = value[key] if value is not None else None
        assert value is None or (isinstance(value, str) and len(value) <= limit), path
    shown = record["notification"]
    if shown is not None:
        assert shown["title"].strip()
        assert not any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in shown["body"])
        assert shown["urgency"] in ("high", "low", None)
        for url in (shown["url"], (shown["prefill"] or {}).get("pagerduty_url")):
            assert url is None or url.lower().startswith(("http://", "https://"))
    assert len(record["integration_keys"]) <= 50
    assert all(0 < len(key) <= 255 for key in record["integration_keys"])


@calm
@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    check(raw)


@calm
@given(anything)
def test_any_json(document: Any) -> None:
    check(body(document))


@calm
@given(event_types, alike)
def test_anything_as_a_v3_event(event_type: str, data: Any) -> None:
    check(body({"event": {"event_type": event_type, "data": data}}))


@calm
@given(st.lists(alike, max_size=4))
def test_anything_as_messages(messages: list[Any]) -> None:
    check(body({"messages": messages}))


@calm
@given(event_types, alike, alike, st.sampled_from(["event", "type"]))
def test_anything_as_an_incident(event_type: str, incident: Any, rest: Any, key: str) -> None:
    message = {**(rest if isinstance(rest, dict) else {}), key: event_type}
    check(body({"messages": [message | {"incident": incident, "data": {"incident": incident}}]}))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every field in a document."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


EXAMPLES = {name: delivery(name) for name in NAMES}
PLACES = [(name, path) for name, document in EXAMPLES.items() for path in places(document)]
DROP = object()


def mutated(name: str, path: tuple[Any, ...], replacement: Any) -> Any:
    document = copy.deepcopy(EXAMPLES[name])
    parent: Any = document
    for key in path[:-1]:
        parent = parent[key]
    if replacement is DROP:
        del parent[path[-1]]
    else:
        parent[path[-1]] = replacement
    return document


# V1's and V2's examples are alike; one of each is enough here.
REPRESENTATIVES = {"documented-01-incident-triggered", "v1-02-incident-acknowledge", "v2-04-incident-assign"}


def test_every_field_may_be_missing_or_null_or_of_another_type() -> None:
    places = [(name, path) for name, path in PLACES if name.startswith("v3") or name in REPRESENTATIVES]
    other_types = itertools.cycle([7, "", "x", [], {}, [{}], {"id": 5}, True, 1.5])
    for (name, path), other in zip(places, other_types, strict=False):
        for replacement in (DROP, None, other):
            check(body(mutated(name, path, replacement)))


@settings(calm, max_examples=200)
@given(st.sampled_from(PLACES), anything | alike)
def test_any_field_of_an_example_may_be_anything(place: tuple[str, tuple[Any, ...]], replacement: Any) -> None:
    check(body(mutated(*place, replacement)))
