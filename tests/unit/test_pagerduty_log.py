"""PagerDuty's log, as the events that webhooks would have told of it, and how it is read in windows."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from postgrest.exceptions import APIError

from service.config import Settings
from service.pagerduty.account import Account
from service.pagerduty.log_entries import LogRecord, records_of
from service.rest import Rest
from service.sync import reconciling
from service.sync.reconciling import Round
from tests.unit.test_pagerduty_properties import alike, calm

ACCOUNT: dict[str, Any] = {"type": "account", "id": None}
INCIDENT: dict[str, Any] = {
    "id": "PINC001", "type": "incident", "incident_number": 42, "title": "Checkout is down", "status": "acknowledged",
    "urgency": "high", "service": {"id": "PSVC001", "summary": "Checkout", "type": "service_reference"},
    "teams": [{"id": "PTEAM01", "type": "team_reference"}],
    "assignments": [{"assignee": {"summary": "Rita", "type": "user_reference"}}],
    "priority": {"id": "PPRIO01", "summary": "P1"}, "first_trigger_log_entry": {"id": "R000"},
    "conference_bridge": {"conference_url": "https://meet.example.test/1", "conference_number": "+1 555 0100"},
}  # fmt: skip


def entry(number: int, kind: str, second: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"R{number:03}", "type": f"{kind}_log_entry", "created_at": f"2026-11-23T10:00:{second:02}Z",
        "agent": {"summary": "Rita", "type": "user_reference"}, "incident": INCIDENT, "channel": {"type": "website"},
    } | fields  # fmt: skip


def told(*entries: dict[str, Any], scope: dict[str, Any] = ACCOUNT) -> list[tuple[str | None, str | None]]:
    """Type and headline, of entries given oldest first."""
    return [(record["event_type"], record["headline"]) for record in records_of(entries[::-1], scope)]


@pytest.mark.parametrize(
    ("written", "event_type", "headline"),
    [
        (entry(0, "trigger"), "incident.triggered", "Triggered by Rita"),
        (entry(9, "trigger"), "incident.reopened", "Reopened by Rita"),
        (entry(1, "acknowledge"), "incident.acknowledged", "Acknowledged by Rita"),
        (entry(1, "resolve"), "incident.resolved", "Resolved by Rita"),
        (entry(1, "assign", assignees=[{"summary": "Nadia"}]), "incident.reassigned", "Reassigned to Nadia by Rita"),
        (entry(1, "escalate"), "incident.escalated", "Escalated to Rita by Rita"),
        (
            entry(1, "annotate", channel={"type": "note", "summary": "The disk."}),
            "incident.annotated", "Note added by Rita: The disk.",
        ),
        (
            entry(1, "field_value_change", changeset=["priority"]),
            "incident.priority_updated", "Priority changed to P1 by Rita",
        ),
        (
            entry(1, "field_value_change", changeset=["conference_bridge"]),
            "incident.conference_bridge.updated",
            "Conference bridge updated by Rita: https://meet.example.test/1, +1 555 0100",
        ),
    ],
)  # fmt: skip
def test_each_kind_of_entry(written: dict[str, Any], event_type: str, headline: str) -> None:
    assert told(written) == [(event_type, headline)]


@pytest.mark.parametrize("kind", ["notify", "snooze", "exhaust_escalation_path", "reach_ack_limit", "urgency_change"])
def test_what_no_webhook_tells_is_left_out(kind: str) -> None:
    assert told(entry(1, kind)) == []
    assert told(entry(1, "field_value_change", changeset=["title"])) == []


def test_an_assignment_with_another_change_is_part_of_that_one() -> None:
    together = told(entry(0, "trigger"), entry(1, "assign", 1), entry(2, "assign", 30))
    assert [kind for kind, _ in together] == ["incident.triggered", "incident.reassigned"]


def test_the_order_of_one_second_is_kept() -> None:
    records = records_of([entry(3, "unacknowledge"), entry(2, "acknowledge"), entry(0, "trigger")], ACCOUNT)
    assert [record["told_status"] for record in records] == ["triggered", "acknowledged", "triggered"]
    times = [record["occurred_at"] or "" for record in records]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("scope", "is_covered"),
    [
        (ACCOUNT, True),
        ({"type": "service", "id": "PSVC001"}, True),
        ({"type": "service", "id": "PSVC002"}, False),
        ({"type": "team", "id": "PTEAM01"}, True),
        ({"type": "team", "id": "PTEAM02"}, False),
    ],
)
def test_what_a_subscription_covers(scope: dict[str, Any], is_covered: bool) -> None:
    assert bool(told(entry(0, "trigger"), scope=scope)) == is_covered


def test_what_is_over_rings_for_nobody() -> None:
    [record] = records_of([entry(0, "trigger", incident=INCIDENT | {"status": "resolved"})], ACCOUNT)
    assert record["recorded"]
    assert record["told_status"] == "triggered"


@calm
@given(st.lists(alike | st.builds(lambda fields: entry(1, "annotate") | fields, st.dictionaries(
    st.sampled_from(["id", "type", "created_at", "agent", "incident", "channel", "changeset", "assignees", "note"]),
    alike,
)), max_size=4), alike)  # fmt: skip
def test_whatever_the_log_says(entries: list[Any], scope: Any) -> None:
    given_scope = scope if isinstance(scope, dict) else ACCOUNT
    for record in records_of([one for one in entries if isinstance(one, dict)], given_scope):
        assert record["log_entry_id"]
        assert record["event_id"]


class Log:
    """An account's log, with so many entries at each second, and what was read of it."""

    def __init__(self, began: datetime, entries: Iterable[tuple[int, int]]) -> None:
        times = [began + timedelta(seconds=second) for second, number in entries for _ in range(number)]
        self.entries = [
            entry(number, "annotate") | {"id": f"R{number}", "created_at": time.isoformat()}
            for number, time in enumerate(sorted(times))
        ]
        self.asked = 0

    def ask(self, method: str, path: str, params: dict[str, Any]) -> dict[str, Any]:
        assert (method, path) == ("GET", "/log_entries")
        self.asked += 1
        assert self.asked < 300
        since, until = (datetime.fromisoformat(params[name]) for name in ("since", "until"))
        assert params["offset"] + params["limit"] <= 10_000
        found = [one for one in self.entries if since <= datetime.fromisoformat(one["created_at"]) < until][::-1]
        page = found[params["offset"] : params["offset"] + params["limit"]]
        more = params["offset"] + params["limit"] < len(found)
        return {"log_entries": page, "more": more, "total": len(found) if params["total"] == "true" else None}


@settings(calm, max_examples=30)
@given(st.lists(st.tuples(st.integers(-200, 86_000), st.integers(1, 70)), max_size=12), st.integers(-300, 0))
def test_all_of_a_log_is_read_whatever_its_size(clusters: list[tuple[int, int]], began: int) -> None:
    now = datetime.now(UTC)
    read_until = (now - timedelta(days=1)).replace(microsecond=0)
    begun_at = read_until + timedelta(seconds=began)
    log, healed, moved = Log(read_until, clusters), set[str](), [read_until]

    def heal(_: Any, function: str, __: Any, **arguments: Any) -> None:
        assert function == "heal_events"
        healed.update(cast(LogRecord, event)["log_entry_id"] for event in arguments["events"])
        if arguments["read_until"]:
            moved.append(datetime.fromisoformat(arguments["read_until"]))

    due = Round(
        integration_id="i", organization_id="o", subscription_id="s", scope=ACCOUNT, begun_at=begun_at,
        read_until=read_until, pings=False, reads_directory=False, region="us", api_key="k",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconciling, "call", heal)
        patch.setattr(reconciling, "_MOST_ENTRIES", 100)
        patch.setattr(reconciling, "_A_PAGE", 10)
        chosen = Settings.model_construct(reconcile_after=0.0)
        comparison = reconciling._Comparison(cast(Rest, _Nobody()), chosen, due)
        assert comparison._read(cast(Account, log))
    assert moved == sorted(moved)
    assert moved[-1] >= now
    # What was before it was connected was not missed.
    assert healed == {one["id"] for one in log.entries if datetime.fromisoformat(one["created_at"]) >= begun_at}


class _Nobody:
    def as_service(self) -> None:
        return None


def test_what_the_database_refuses_stops_nothing_behind_it() -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    log, healed, moved = Log(began, [(0, 7)]), set[str](), list[str]()

    def heal(_: Any, __: str, ___: Any, **arguments: Any) -> None:
        ids = [cast(LogRecord, event)["log_entry_id"] for event in arguments["events"]]
        if "R3" in ids:
            raise APIError({"code": "22007", "message": "no time at all", "hint": None, "details": None})
        healed.update(ids)
        moved.extend(filter(None, [arguments["read_until"]]))

    due = Round(
        integration_id="i", organization_id="o", subscription_id="s", scope=ACCOUNT, begun_at=began, read_until=began,
        pings=False, reads_directory=False, region="us", api_key="k",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconciling, "call", heal)
        chosen = Settings.model_construct(reconcile_after=0.0)
        assert reconciling._Comparison(cast(Rest, _Nobody()), chosen, due)._read(cast(Account, log))
    assert healed == {f"R{number}" for number in range(7)} - {"R3"}
    assert moved
