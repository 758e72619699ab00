"""Whatever is sent: nothing but the two exceptions, and records that PostgreSQL can store."""

import copy
import functools
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.pagerduty.events import V3_NAMES, V3_TYPES
from service.pagerduty.mapping import IngestRecord, ingest_record
from service.pagerduty.masking import mask
from service.pagerduty.payloads import NothingUsable, NotJSON, parse
from service.redaction import redact
from tests.unit.pagerduty_examples import NAMES, body, delivery, v3

# No deadline for one example: the machine that runs the tests may be busy.
calm = settings(deadline=None)

LIMITS = {
    "event_id": 255,
    "delivery_id": 255,
    "event_type": 100,
    "headline": 10_000,
    "incident.id": 255,
    "incident.title": 1024,
    "incident.service_name": 255,
    "service.id": 255,
    "service.name": 255,
    "notification.title": 1024,
    "notification.body": 1000,
    "notification.described.title": 1024,
    "notification.described.priority": 255,
    "notification.described.service_id": 255,
    "notification.described.service_name": 255,
    "notification.described.conference_url": 2048,
    "notification.described.pagerduty_url": 2048,
    "notification.described.written": 20_000,
    "subject": 320,
    "agent_name": 255,
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
    | st.text(alphabet=st.sampled_from("a\x00\ud800\udfff\u202e\n\t\x1b\x07\x85\u2028"), max_size=5)
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
    "body",
    "changed_custom_fields",
    "channel",
    "client",
    "client_url",
    "conference_bridge",
    "conference_number",
    "conference_numbers",
    "conference_url",
    "content",
    "created_on",
    "custom_fields",
    "data",
    "description",
    "details",
    "display_name",
    "escalation_policy",
    "event",
    "event_type",
    "first_trigger_log_entry",
    "host",
    "html_url",
    "id",
    "incident",
    "incident_number",
    "incident_role_assignments",
    "incident_type",
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
    "teams",
    "title",
    "trigger_summary_data",
    "type",
    "urgency",
    "url",
    "user",
    "value",
]
event_types = st.sampled_from(sorted(V3_TYPES | V3_NAMES.keys() | {"pagey.ping", "x"}))
alike = st.recursive(
    scalars | event_types | st.sampled_from(["incident", "service"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8),
    max_leaves=40,
)


@pytest.fixture(scope="module", autouse=True)
def texts_are_redacted_once() -> Iterator[None]:
    """A text is redacted alike wherever it stands, and an example's stand in thousands of documents here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.pagerduty.masking.redact", functools.lru_cache(10_000)(redact))
        yield


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
            value = value.get(key) if value is not None else None
        assert value is None or (isinstance(value, str) and len(value) <= limit), path
    shown = record["notification"]
    if shown is not None:
        assert shown["title"].strip()
        described = shown["described"]
        assert described.get("urgency") in ("high", "low", None)
        assert len(described.get("assignees", [])) <= 100
        urls = (
            described["pagerduty_url"],
            described.get("conference_url"),
            (shown["prefill"] or {}).get("pagerduty_url"),
        )
        for url in urls:
            assert url is None or url.lower().startswith(("http://", "https://"))
    assert_lines(record)
    assert len(record["integration_keys"]) <= 50
    assert all(0 < len(key) <= 255 for key in record["integration_keys"])


def controls(value: str) -> set[str]:
    """The characters of Unicode's categories Cc, Zl and Zp."""
    return set(re.findall("[\x00-\x1f\x7f-\x9f\u2028\u2029]", value))


def assert_lines(record: IngestRecord) -> None:
    """Whatever is shown on one line has no control characters; a description has no others than its lines and tabs."""
    shown: dict[str, Any] = record["notification"] or {}
    prefill: dict[str, Any] = shown.get("prefill") or {}
    single = [shown.get("title"), shown.get("body"), record["headline"], *(record["incident"] or {}).values()]
    described: dict[str, Any] = shown.get("described") or {}
    single += [value for key, value in described.items() if key not in ("written", "assignees")]
    single += [*described.get("assignees", []), record["agent_name"], *(label for label, _ in shown.get("facts", []))]
    single += [prefill.get("title"), prefill.get("customer"), *prefill.get("tags", [])]
    single += [record["event_id"], record["event_type"], *record["integration_keys"]]
    for value in single:
        assert not isinstance(value, str) or not controls(value), repr(value)
    assert controls(prefill.get("description", "")) <= {"\n", "\t"}


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


def mutated(original: Any, path: tuple[Any, ...], replacement: Any) -> Any:
    """A copy with another value in one place; the rest is the original's own."""
    document = copy.copy(original)
    parent: Any = document
    for key in path[:-1]:
        parent[key] = copy.copy(parent[key])
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
            check(body(mutated(EXAMPLES[name], path, replacement)))


@settings(calm, max_examples=200)
@given(st.sampled_from(PLACES), anything | alike)
def test_any_field_of_an_example_may_be_anything(place: tuple[str, tuple[Any, ...]], replacement: Any) -> None:
    name, path = place
    check(body(mutated(EXAMPLES[name], path, replacement)))


# Everything that a prefill tells, each with a text of its own.
TOLD = {
    "v3": v3(
        "incident.triggered",
        {
            "id": "PINC",
            "type": "incident",
            "number": 71,
            "title": "the-title",
            "description": {"of": "the-description"},
            "body": {"type": "incident_body", "details": {"a": ["the-details", {"deep": "the-deep-details"}]}},
            "html_url": "https://acme.pagerduty.com/the-link",
            "service": {"id": "PSVC", "summary": "the-service", "html_url": "https://acme.pagerduty.com/services/P"},
            "priority": {"id": "PP", "summary": "the-priority"},
            "incident_type": {"name": "type", "display_name": "the-type"},
            "teams": [{"id": "PT", "summary": "the-team"}, {"id": "PU", "summary": "the-other-team"}],
            "assignees": [{"id": "PA", "summary": "the-assignee"}, {"id": "PB", "summary": "the-other-assignee"}],
            "escalation_policy": {"id": "PE", "summary": "the-policy"},
            "conference_bridge": {
                "conference_number": "the-number",
                "conference_url": "https://meet.example/the-bridge",
            },
            "custom_fields": [{"id": "PF", "name": "field", "display_name": "Field", "value": ["the-value"]}],
        },
        client={"name": "the-client", "url": "https://watch.example/the-client-link"},
    ),
    "v2": {
        "messages": [
            {
                "id": "m1",
                "event": "incident.trigger",
                "created_on": "2025-01-15T12:00:00Z",
                "log_entries": [
                    {
                        "type": "trigger_log_entry",
                        "channel": {
                            "subject": "the-subject",
                            "details": {"a": {"b": "the-details"}},
                            "client": "the-client",
                            "client_url": "https://watch.example/the-client-link",
                            "host": "the-host",
                        },
                        "teams": [{"id": "PT", "summary": "the-team"}],
                        "service": {"id": "PSVC", "summary": "the-service"},
                    }
                ],
                "incident": {
                    "id": "PINC",
                    "incident_number": 71,
                    "title": "the-title",
                    "description": "the-description",
                    "html_url": "https://acme.pagerduty.com/the-link",
                    "priority": {"id": "PP", "summary": "the-priority"},
                    "assignments": [{"assignee": {"id": "PA", "summary": "the-assignee"}}],
                    "escalation_policy": {"id": "PE", "summary": "the-policy"},
                },
            }
        ]
    },
    "v1": {
        "messages": [
            {
                "id": "m1",
                "type": "incident.trigger",
                "data": {
                    "incident": {
                        "id": "PINC",
                        "incident_number": 71,
                        "trigger_summary_data": {"subject": "the-title", "description": "the-text", "HOST": "the-host"},
                        "html_url": "https://acme.pagerduty.com/the-link",
                        "service": {"id": "PSVC", "name": "the-service"},
                        "assigned_to": [{"object": {"id": "PA", "name": "the-assignee"}}],
                        "escalation_policy": {"id": "PE", "name": "the-policy"},
                    }
                },
            }
        ]
    },
}


def at_place(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def told_texts(document: Any) -> dict[tuple[Any, ...], str]:
    """The texts of a document that must be told, by their place."""
    found = {path: at_place(document, path) for path in places(document)}
    marked = {path: re.search(r"the-[a-z-]+", value) for path, value in found.items() if isinstance(value, str)}
    return {path: match.group() for path, match in marked.items() if match}


@pytest.mark.parametrize("family", TOLD)
def test_whatever_else_is_missing_or_null_or_of_another_type_nothing_is_lost(family: str) -> None:
    texts = told_texts(TOLD[family])
    for changed in [(), *places(TOLD[family])]:
        if changed and changed[-1] in ("event_type", "event" if family == "v2" else "type") and len(changed) < 4:
            continue  # without a type it is no event
        for replacement in (DROP, None, 7, "x", True, [], {}, [7], {"x": 7}) if changed else ("as it is",):
            document = mutated(TOLD[family], changed, replacement) if changed else TOLD[family]
            left = {path: text for path, text in texts.items() if not changed or path[: len(changed)] != changed}
            if "the-link" not in left.values() and "the-title" not in left.values():
                continue  # without its incident there is nothing to show
            (event,) = parse(body(document))
            shown = ingest_record(event, None)["notification"]
            assert shown is not None
            told = " ".join([shown["title"], shown["prefill"]["title"], shown["prefill"]["description"]])
            lost = {text for text in left.values() if text not in told}
            assert not lost, (changed, replacement)


def with_ids(value: Any, spell: Callable[[int], Any]) -> Any:
    """A copy with every id replaced: the same ones by the same."""
    if isinstance(value, dict):
        return {
            key: spell(zlib.crc32(item.encode())) if key == "id" and isinstance(item, str) else with_ids(item, spell)
            for key, item in value.items()
        }
    return [with_ids(item, spell) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", NAMES)
def test_ids_may_be_numbers_everywhere(name: str) -> None:
    (one,), (other,) = (parse(body(with_ids(EXAMPLES[name], spell))) for spell in (int, str))
    as_numbers, as_digits = ingest_record(one, None), ingest_record(other, None)
    assert as_numbers["event_id"] == as_digits["event_id"]
    assert as_numbers | {"payload": None} == as_digits | {"payload": None}
