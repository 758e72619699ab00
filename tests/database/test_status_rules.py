"""A notification and its linked incident stand where the rules say, whatever arrives in whatever order.

Members' changes come between.

The rules (docs/architecture.md, "How a linked incident's status moves") stand here a second time, as small as they can
be: `Rules`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from service.pagerduty.events import V3_TYPES
from tests.conftest import EMBEDDED
from tests.database.database import Database
from tests.database.events import STATUSES, at, event, note
from tests.database.twins import TwinnedDatabase

#: From the nearest status to the furthest: PagerDuty's, and ours.
TOLD, OURS = list(STATUSES), list(STATUSES.values())
#: The types that tell a status, by status; any other carries a snapshot.
KINDS = {
    "triggered": ["incident.triggered", "incident.unacknowledged", "incident.reopened"],
    "acknowledged": ["incident.acknowledged"],
    "resolved": ["incident.resolved"],
}
TELLING = {kind: TOLD.index(status) for status, kinds in KINDS.items() for kind in kinds}
MENTIONING = sorted(kind for kind in V3_TYPES - set(TELLING) if kind.startswith("incident."))

FILTERS = [{"event_types": ["incident.triggered"]}, {"integration_key": "X"}, {"services": ["X"]}]
NEVER = -1.0


@dataclass
class Rules:
    """Statuses are places in `TOLD` and `OURS`; times are numbers. `status` is None as long as nothing is linked."""

    told: tuple[float, int] = (NEVER, -1)
    status: int | None = None
    chosen_at: float = NEVER

    def tell(self, status: int, time: float) -> None:
        is_change = status != self.told[1]
        if (time, status) > self.told:
            self.told = (time, status)
            if self.status is not None and is_change and time > self.chosen_at:
                self.status = status

    def choose(self, status: int, time: float) -> None:
        if status != self.status:
            self.status, self.chosen_at = status, time


class Scene:
    """An organization and its rules. Time goes in ticks: what happens between two of them has its time between them."""

    def __init__(self, database: Database) -> None:
        self.database, self.rules = database, Rules()
        self.acme = database.organization(["owner", "responder"])
        self.ticks: list[datetime] = []
        self.sent: list[dict[str, Any]] = []
        self.incident = ""
        self._told_of = 1  # happenings; two events may tell of one
        self._tick()
        first = event(occurred_at=self.ticks[0].isoformat())
        self.taken = [first]
        self.notification = database.notify(self.acme, first)
        self.rules.tell(0, 0)
        self._tick()

    def step(self, name: str, *values: Any) -> None:
        getattr(self, name)(*values)
        self._tick()
        row = "select pagerduty_status from pagerduty.notifications where id = %s"
        assert self.database.value(row, (self.notification,)) == TOLD[self.rules.told[1]]
        if self.incident:
            assert self.rules.status is not None
            assert self.database.status_of(self.incident) == OURS[self.rules.status]

    def filter(self, change: dict[str, Any]) -> None:
        owner, save = self.acme["owner"], "select pagerduty.save_integration(%s, %s)"
        self.database.run_as(owner, save, (self.acme.id, Jsonb(change)))

    def tell(self, kind: str, when: int | str) -> None:
        time, written = self._when(when)
        self._send({**event(kind), "occurred_at": written})
        self.rules.tell(TELLING[kind], time)

    def mention(self, kind: str, snapshot: str, when: int | str) -> None:
        self._send({**event(kind, status=snapshot), "occurred_at": self._when(when)[1]})

    def note(self, when: int | str) -> None:
        self._send({**note(), "occurred_at": self._when(when)[1]})

    def repeat(self, which: int) -> None:
        if self.sent:
            [outcome] = self.database.ingest(self.acme, self.sent[which % len(self.sent)])
            assert outcome["outcome"] == "duplicate"

    def link(self, choice: int | None) -> None:
        """Saves the form of the first event; once only."""
        if self.incident:
            return
        self.rules.status = self.rules.told[1]
        if choice:
            self.rules.status, self.rules.chosen_at = choice, self._between
        status = OURS[choice or 0]
        self.incident = self.database.link(self.acme, self.acme["responder"], self.notification, status=status)

    def choose(self, status: int) -> None:
        if self.incident:
            change = "update pagerduty.incidents set status = %s where id = %s"
            self.database.run_as(self.acme["responder"], change, (OURS[status], self.incident))
            self.rules.choose(status, self._between)

    def assert_timeline_is_whole(self) -> None:
        """Each happening is on it, from before it was linked too, and each change starts where the one before ended."""
        timeline = self.database.timeline(self.incident)
        assert len([kind for kind, _, _ in timeline if kind == "pagerduty"]) == self._told_of
        changes = [(before, after) for _, before, after in timeline if after]
        assert [before for before, _ in changes] == [None, *(after for _, after in changes)][:-1]
        assert changes[-1][1] == self.database.status_of(self.incident)

    @property
    def _between(self) -> float:
        return len(self.ticks) - 0.5

    def _when(self, when: int | str) -> tuple[float, str | None]:
        """The time for the rules, and what the event says: so many ticks ago, in the future, or nothing."""
        if isinstance(when, int):
            tick = max(0, len(self.ticks) - 1 - when)
            return tick, self.ticks[tick].isoformat()
        return self._between, (self.ticks[-1] + timedelta(hours=20)).isoformat() if when == "future" else None

    def _send(self, sent: dict[str, Any]) -> None:
        before = self.incident and self.database.status_of(self.incident)
        self.database.ingest(self.acme, sent)
        is_repeat = any(_tell_the_same(sent, earlier) for earlier in self.taken)
        moved = self.incident and self.database.status_of(self.incident) != before
        self._told_of += not is_repeat or bool(moved)
        self.sent.append(sent)
        self.taken.append(sent)

    def _tick(self) -> None:
        tick = self.database.value("select clock_timestamp()")
        while tick.microsecond < 1000:  # one without a fraction is told of by V2 and the log only
            tick = self.database.value("select clock_timestamp()")
        self.ticks.append(tick)


def _tell_the_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Two events of one happening: of one type (and text, where that is what it tells), within two seconds."""
    if one["event_type"] != other["event_type"] or not one["occurred_at"] or not other["occurred_at"]:
        return False
    if not one["told_status"] and not one["loud"] and one["headline"] != other["headline"]:
        return False
    apart = datetime.fromisoformat(one["occurred_at"]) - datetime.fromisoformat(other["occurred_at"])
    return abs(apart) <= timedelta(seconds=2)


WHEN = st.sampled_from([0, 1, 2, 1, 2, 3, "future", "unsaid"])  # seldom the newest of all, or nothing else is news
TELL = st.tuples(st.just("tell"), st.sampled_from(TOLD).flatmap(lambda status: st.sampled_from(KINDS[status])), WHEN)
CHOOSE = st.tuples(st.just("choose"), st.sampled_from(range(3)))
OTHER = st.deferred(lambda: st.sampled_from(OTHERS).flatmap(lambda steps: steps))  # together as likely as one of those
OTHERS: list[st.SearchStrategy[Any]] = [
    st.tuples(st.just("mention"), st.sampled_from(MENTIONING), st.sampled_from(TOLD), WHEN),
    st.tuples(st.just("note"), WHEN),
    st.tuples(st.just("repeat"), st.integers(0, 9)),
    st.tuples(st.just("filter"), st.sampled_from(FILTERS)),
    st.tuples(st.just("link"), st.sampled_from([None, 1, 2])),
]
BEFORE, AFTER = st.lists(TELL | OTHER, max_size=3), st.lists(TELL | CHOOSE | OTHER, min_size=8, max_size=12)


def test_the_status_is_what_the_rules_say(twins: TwinnedDatabase, major: int) -> None:
    @settings(max_examples=60 if major == EMBEDDED else 15)
    @given(before=BEFORE, after=AFTER)
    def check(before: list[Any], after: list[Any]) -> None:
        scene = Scene(twins)
        for step in (*before, ("link", None), *after):
            scene.step(*step)
        scene.assert_timeline_is_whole()
        twins.clean_up()

    check()


def test_without_members_the_order_makes_no_difference(twins: TwinnedDatabase, major: int) -> None:
    """Each order and repetition, one by one or in one webhook, ends at the newest, and of one time the furthest."""

    @settings(max_examples=30 if major == EMBEDDED else 10)
    @given(data=st.data(), told=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(TOLD)), min_size=1, max_size=6))
    def check(data: st.DataObject, told: list[tuple[int, str]]) -> None:
        acme = twins.organization(["owner", "responder"])
        events = [at(minute, status) for minute, status in told]
        again = data.draw(st.lists(st.sampled_from(events), max_size=3), label="again")
        first, *rest = data.draw(st.permutations([*events, *again]), label="order")
        status = STATUSES[first["incident"]["status"]]
        notification, filled = twins.notify(acme, first), first["incident"]["status"]
        incident = twins.link(acme, acme["responder"], notification, status=status, filled=filled)
        webhooks = [rest] if data.draw(st.booleans(), label="in one") else [[one] for one in rest]
        for webhook in webhooks:
            twins.ingest(acme, *webhook)
        minute, place = max((minute, TOLD.index(status)) for minute, status in told)
        assert twins.status_of(incident) == OURS[place]
        assert twins.incident(incident)["pagerduty_status"] == TOLD[place]
        assert twins.incident(incident)["pagerduty_status_at"].minute == minute
        lines = [line for line in twins.timeline(incident) if line[0] == "pagerduty"]
        assert len(lines) == len(set(told)), "what two events tell of stands once"
        twins.clean_up()

    check()
