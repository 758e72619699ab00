"""Notes as they stand in PagerDuty now: cut ones in full, and what was edited or deleted there.

No webhook tells of an edit or a deletion, and the log does not either (PagerDuty: Notes).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from service.pagerduty.fields import clean_text, identifier, moment, one_line, shorten
from service.vocabulary import COMMENT_LIMIT

EDITED, DELETED = " (edited in PagerDuty)", " (deleted in PagerDuty)"
_CUT = "…"
_NEAR = timedelta(seconds=10)
_SURELY_LISTED = timedelta(minutes=2)

Json = dict[str, Any]


class ToldNote(BaseModel):
    """What an event told of a note."""

    id: str
    note_id: str | None
    occurred_at: datetime
    agent_name: str | None
    headline: str

    @property
    def beginning(self) -> str:
        """What stands before its text."""
        named = f"Note added by {self.agent_name}: "
        return named if self.agent_name and self.headline.startswith(named) else "Note added: "

    @property
    def text(self) -> str:
        """Its text as it is shown, without what was said of it here."""
        return self.headline.removesuffix(EDITED).removesuffix(DELETED).removeprefix(self.beginning)


class NotedIncident(BaseModel):
    """An incident whose notes are to be compared."""

    id: str
    pagerduty_id: str
    events: list[ToldNote]


def amendments(told: Sequence[ToldNote], notes: Sequence[Json], now: datetime | None = None) -> list[dict[str, str]]:
    """What is to be said of which event: [{"event_id", "headline"}, …], where that differs from what is shown."""
    listed = {place: note for place, note in enumerate(notes) if isinstance(note.get("content"), str)}
    matched = _matched(told, listed)
    old = (now or datetime.now(UTC)) - _SURELY_LISTED
    found = []
    for event in told:
        note = matched.get(event.id)
        if note is not None:
            says = _says(event, one_line(clean_text(note["content"])))
        elif event.occurred_at < old:
            says = event.headline.removesuffix(EDITED).removesuffix(DELETED) + DELETED
        else:
            continue
        if says != event.headline:
            found.append({"event_id": event.id, "headline": says})
    return found


def _matched(told: Sequence[ToldNote], left: dict[int, Json]) -> dict[str, Json]:
    """By event, each note once: by its id, else by its text, else by its time, since a text may be another by now."""
    matched: dict[str, Json] = {}
    for is_it in (_has_its_id, _says_it, _is_of_its_time):
        for event in told:
            if event.id not in matched:
                place = next((place for place, note in left.items() if is_it(event, note)), None)
                if place is not None:
                    matched[event.id] = left.pop(place)
    return matched


def _has_its_id(event: ToldNote, note: Json) -> bool:
    return event.note_id is not None and identifier(note.get("id")) == event.note_id


def _says_it(event: ToldNote, note: Json) -> bool:
    shown, said = event.text, one_line(clean_text(note["content"]))
    return said == shown or (shown.endswith(_CUT) and said.startswith(shown.removesuffix(_CUT)))


def _is_of_its_time(event: ToldNote, note: Json) -> bool:
    at = moment(note.get("created_at"))
    return at is not None and abs(at - event.occurred_at) <= _NEAR


def _says(event: ToldNote, said: str) -> str:
    whole = shorten(event.beginning + said, COMMENT_LIMIT - len(DELETED))
    if whole == event.beginning + event.text or _says_it(event, {"content": said}):
        is_edited = event.headline.endswith(EDITED)
    else:
        is_edited = True
    return whole + EDITED if is_edited else whole
