"""Notes as they stand in PagerDuty, against what was told of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sync.notes import DELETED, EDITED, ToldNote, amendments
from tests.unit.test_pagerduty_properties import alike, calm

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def told(number: int, text: str, second: int = 0, mark: str = "", note_id: str | None = None) -> ToldNote:
    return ToldNote(
        id=f"e{number}", note_id=note_id, occurred_at=NOON + timedelta(seconds=second), agent_name="Rita",
        headline=f"Note added by Rita: {text}{mark}",
    )  # fmt: skip


def note(number: int, content: str, second: int = 0) -> dict[str, Any]:
    at = (NOON + timedelta(seconds=second)).isoformat()
    return {"id": f"N{number}", "content": content, "created_at": at}


def says(events: list[ToldNote], notes: list[dict[str, Any]], now: datetime = LATER) -> dict[str, str]:
    found = amendments(events, notes, now)
    return {one["event_id"]: one["headline"].removeprefix("Note added by Rita: ") for one in found}


@pytest.mark.parametrize(
    ("events", "notes", "expected"),
    [
        ([told(1, "same")], [note(1, "same")], {}),
        ([told(1, "two lines")], [note(1, "two\nlines")], {}),
        ([told(1, "it was cut…")], [note(1, "it was cut off")], {"e1": "it was cut off"}),
        ([told(1, "before")], [note(1, "after", 2)], {"e1": "after" + EDITED}),
        ([told(1, "before", note_id="N1")], [note(1, "after", 900)], {"e1": "after" + EDITED}),
        ([told(1, "after", mark=EDITED)], [note(1, "after")], {}),
        ([told(1, "after", mark=EDITED)], [note(1, "again")], {"e1": "again" + EDITED}),
        ([told(1, "gone")], [], {"e1": "gone" + DELETED}),
        ([told(1, "gone", mark=DELETED)], [], {}),
        ([told(1, "changed", mark=EDITED)], [], {"e1": "changed" + DELETED}),
        # Each note is one event's, by what it says before by when it was.
        ([told(1, "one"), told(2, "two", 1)], [note(2, "two"), note(1, "one")], {}),
        ([told(1, "one"), told(2, "two", 1)], [note(2, "two")], {"e1": "one" + DELETED}),
        ([told(1, "one"), told(2, "two", 1)], [note(2, "two"), note(1, "uno")], {"e1": "uno" + EDITED}),
        ([told(1, "same"), told(2, "same", 60)], [note(1, "same")], {"e2": "same" + DELETED}),
    ],
)
def test_what_is_to_be_said(events: list[ToldNote], notes: list[dict[str, Any]], expected: dict[str, str]) -> None:
    assert says(events, notes) == expected


def test_one_of_a_moment_ago_may_not_be_listed_yet() -> None:
    assert says([told(1, "new")], [], NOON + timedelta(seconds=5)) == {}


def test_without_an_author() -> None:
    event = ToldNote(id="e", note_id=None, occurred_at=NOON, agent_name=None, headline="Note added: before")
    assert amendments([event], [note(1, "after")], LATER) == [
        {"event_id": "e", "headline": "Note added: after" + EDITED}
    ]


@calm
@given(st.lists(alike, max_size=4), st.text(max_size=20))
def test_whatever_pagerduty_lists(notes: list[Any], text: str) -> None:
    for one in amendments([told(1, text)], [found for found in notes if isinstance(found, dict)], LATER):
        assert len(one["headline"]) <= 10_000
