"""What a user did with notifications: read, unread, done, undone, snoozed, all read, in any order.

The rules (docs/architecture.md, "The inbox") stand here a second time, as small as they can be: `Inbox`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import EMBEDDED
from tests.database.database import Database, Organization
from tests.database.events import event
from tests.database.twins import TwinnedDatabase

LATER = datetime.now(UTC) + timedelta(days=1)
VIEWS = ("inbox", "snoozed", "done", "all")


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


@dataclass
class State:
    unread: bool = True
    done: bool = False
    snoozed: bool = False

    @property
    def view(self) -> str:
        return "done" if self.done else "snoozed" if self.snoozed else "inbox"


@dataclass
class Inbox:
    """One person's rows, the loudest last."""

    rows: dict[str, State] = field(default_factory=dict)

    def ring(self, row: str) -> None:
        self.rows.pop(row, None)
        self.rows[row] = State()

    def mark(self, action: str, row: str) -> None:
        if row not in self.rows:
            return
        was = self.rows[row]
        self.rows[row] = {
            "read": State(False, was.done, was.snoozed),
            "unread": State(True),
            "done": State(False, done=True),
            "undo": State(was.unread),
            "snooze": State(True, snoozed=True),
        }[action]

    def read_all(self) -> None:
        for state in self.rows.values():
            if not state.snoozed:
                state.unread = False

    def listed(self, view: str, unread: bool) -> list[str]:
        fitting = [name for name, row in self.rows.items() if view in ("all", row.view) and (row.unread or not unread)]
        return fitting[::-1]


#: Everything that somebody sees, in one go.
LISTED = """
select
  v.view, u.unread, pagerduty.count_unread_notifications(%(org)s) as count,
  array(
    select n.id::text
    from pagerduty.list_notifications(%(org)s, v.view, unread => u.unread) with ordinality n
    order by n.ordinality
  ) as ids
from unnest(%(views)s::text[]) v (view), unnest(array[false, true]) u (unread)
"""


class Scene:
    """Two people of one organization, who do the same steps with different rows; nobody's steps are the other's."""

    def __init__(self, database: Database) -> None:
        self.database, self.acme = database, database.organization(["owner", "viewer"])
        self.inboxes = {"owner": Inbox(), "viewer": Inbox()}
        self.ids: dict[str, str] = {}

    def ring(self, _: str, row: str) -> None:
        kind = "incident.escalated" if row in self.ids else "incident.triggered"
        self.ids[row] = self.database.notify(self.acme, {**event(kind, row), "occurred_at": None})
        for inbox in self.inboxes.values():
            inbox.ring(row)

    def whisper(self, _: str, row: str) -> None:
        if row in self.ids:
            self.database.ingest(self.acme, event("incident.priority_updated", row))

    def mark(self, who: str, row: str, action: str) -> None:
        call = "select * from pagerduty.mark_notifications(%s, %s::uuid[], %s, %s)"
        ids = [self.ids[row]] if row in self.ids else []
        self.database.run_as(self.acme[who], call, (self.acme.id, ids, action, LATER))
        self.inboxes[who].mark(action, row)

    def read_all(self, who: str, _: str) -> None:
        before = self._count(who)
        [answer] = self.database.run_as(
            self.acme[who], "select pagerduty.read_all_notifications(%s) as read", (self.acme.id,)
        )
        self.inboxes[who].read_all()
        assert answer["read"] == before

    def settle(self, who: str, _: str, for_done: bool) -> None:
        """Changes nothing that anybody sees."""
        settle = "select pagerduty_private.settle_inbox(%s, %s, 2)"
        self.database.run_as(self.acme[who], settle, (self.acme.id, for_done))

    def check(self) -> None:
        names = {identifier: name for name, identifier in self.ids.items()}
        for who, inbox in self.inboxes.items():
            for row in self.database.run_as(self.acme[who], LISTED, {"org": self.acme.id, "views": list(VIEWS)}):
                listed = [names[identifier] for identifier in row["ids"]]
                assert listed == inbox.listed(row["view"], row["unread"]), (who, row)
                assert row["count"] == len(inbox.listed("inbox", True))

    def _count(self, who: str) -> int:
        count = "select pagerduty.count_unread_notifications(%s) as count"
        [row] = self.database.run_as(self.acme[who], count, (self.acme.id,))
        return int(row["count"])


WHO, ROW = st.sampled_from(["owner", "viewer"]), st.sampled_from(["P1", "P2", "P3", "P4"])
ACTION = st.sampled_from(["read", "unread", "done", "undo", "snooze"])
STEP = st.one_of(
    st.tuples(st.just("ring"), WHO, ROW),
    st.tuples(st.just("mark"), WHO, ROW, ACTION),
    st.tuples(st.just("mark"), WHO, ROW, ACTION),
    st.tuples(st.sampled_from(["whisper", "read_all"]), WHO, ROW),
    st.tuples(st.just("settle"), WHO, ROW, st.booleans()),
)


def test_the_inbox_is_what_the_rules_say(twins: TwinnedDatabase, major: int) -> None:
    @settings(max_examples=40 if major == EMBEDDED else 10)
    @given(steps=st.lists(STEP, min_size=6, max_size=14))
    def check(steps: list[Any]) -> None:
        scene = Scene(twins)
        for row in ("P1", "P2", "P3"):
            scene.ring("owner", row)
        for name, *values in steps:
            getattr(scene, name)(*values)
            scene.check()
        twins.clean_up()

    # What is listed does not depend on the plan, which tests/database/test_plans.py looks at; planning each of some
    # 10,000 lists for its own values would take most of the time.
    lists = "alter function pagerduty.list_notifications set plan_cache_mode = "
    twins.rows(lists + "force_generic_plan")
    try:
        check()
    finally:
        twins.rows(lists + "force_custom_plan")


def test_what_became_loud_after_one_looked_stays_unread(database: Database, acme: Organization) -> None:
    first, second = database.notify(acme, event(incident_id="P1")), database.notify(acme, event(incident_id="P2"))
    seen = database.value("select max(seq) from pagerduty.notifications where organization_id = %s", (acme.id,))
    database.ingest(acme, event("incident.escalated", "P1"))
    call = "select id::text, unread from pagerduty.mark_notifications(%s, %s::uuid[], 'read', up_to => %s) order by id"
    marked = database.run_as(acme["viewer"], call, (acme.id, [first, second], seen))
    assert {row["id"]: row["unread"] for row in marked} == {first: True, second: False}


def test_all_is_read_up_to_what_one_saw(database: Database, acme: Organization) -> None:
    database.ingest(acme, event(incident_id="P1"), event(incident_id="P2"))
    seen = database.value("select max(seq) from pagerduty.notifications where organization_id = %s", (acme.id,))
    third = database.notify(acme, event(incident_id="P3"))
    read = "select pagerduty.read_all_notifications(%s, %s) as read"
    assert database.run_as(acme["viewer"], read, (acme.id, seen)) == [{"read": 2}]
    unread = "select id::text from pagerduty.list_notifications(%s, unread => true)"
    assert database.run_as(acme["viewer"], unread, (acme.id,)) == [{"id": third}]
    assert database.run_as(acme["viewer"], read, (acme.id, 10**15)) == [{"read": 1}]
    database.ingest(acme, event(incident_id="P4"))
    assert len(database.run_as(acme["viewer"], unread, (acme.id,))) == 1, "nobody can read what is yet to come"


def test_what_was_snoozed_comes_back_unread(database: Database, acme: Organization) -> None:
    alert = database.notify(acme, event())
    mark = "select * from pagerduty.mark_notifications(%s, %s::uuid[], %s, %s)"
    database.run_as(acme["viewer"], mark, (acme.id, [alert], "read", None))
    database.run_as(acme["viewer"], mark, (acme.id, [alert], "snooze", LATER))
    read = "select pagerduty.read_all_notifications(%s)"
    database.run_as(acme["viewer"], read, (acme.id,))
    inbox = "select id::text, unread from pagerduty.list_notifications(%s)"
    assert database.run_as(acme["viewer"], inbox, (acme.id,)) == []
    database.rows("update pagerduty.receipts set snoozed_until = now() where notification_id = %s", (alert,))
    assert database.run_as(acme["viewer"], inbox, (acme.id,)) == [{"id": alert, "unread": True}]


@pytest.mark.parametrize("action", ["frown", "", None, "snooze"])
def test_what_is_no_action(database: Database, acme: Organization, action: str | None) -> None:
    """To snooze, one must say until when."""
    call = "select * from pagerduty.mark_notifications(%s, '{}', %s)"
    assert database.refusal(acme["viewer"], call, (acme.id, action)) == "22023"


FILTERS: dict[str, tuple[str, set[str]]] = {
    "status": ("status => '{acknowledged,resolved}'", {"P2", "P4"}),
    "urgency": ("urgency => 'low'", {"P3"}),
    "service, by name": ("service => 'ledger'", {"P4"}),
    "service, by id": ("service => 'pledg'", {"P4"}),
    "without incident": ("without_incident => true", {"P2", "P3", "P4"}),
    "words of the title": ("words => 'DISK f'", {"P3"}),
    "words of the service": ("words => 'ledg'", {"P4"}),
    "a number": ("words => '#77'", {"P2"}),
    "no pattern": ("words => '%%'", set()),
    "all together": ("status => '{resolved}', urgency => 'high', service => 'Ledger', words => 'down'", {"P4"}),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters(database: Database, acme: Organization, name: str) -> None:
    ledger = {"id": "PLEDG", "type": "service_reference", "summary": "Ledger"}
    linked = database.notify(acme, event(incident_id="P1"))
    database.ingest(
        acme, event("incident.acknowledged", "P2", number=77),
        event(incident_id="P3", urgency="low", title="Disk full"),
        event(incident_id="P4", service=ledger), event("incident.resolved", "P4", service=ledger),
    )  # fmt: skip
    database.link(acme, acme["responder"], linked)
    arguments, expected = FILTERS[name]
    rows = database.run_as(
        acme["viewer"],
        f"select pagerduty_incident_id as id from pagerduty.list_notifications(%(org)s, {arguments})",
        {"org": acme.id},
    )
    assert {row["id"] for row in rows} == expected


def test_pages_by_place(database: Database, acme: Organization) -> None:
    database.ingest(acme, *[event(incident_id=f"P{number}") for number in range(7)])
    page = "select pagerduty_incident_id as id, loud_seq from pagerduty.list_notifications(%s, 'all', %s, 3)"
    found, before = list[str](), None
    for size in (3, 3, 1, 0):
        rows = database.run_as(acme["viewer"], page, (acme.id, before))
        assert len(rows) == size
        found += [row["id"] for row in rows]
        before = rows[-1]["loud_seq"] if rows else None
    assert found == [f"P{number}" for number in range(7)][::-1]


def test_the_inboxes_of_two_organizations_are_two(database: Database, acme: Organization) -> None:
    """Whoever is in both does the one thing in the one and the other in the other, and their marks stand apart."""
    globex = database.organization(["owner"])
    me = database.join(globex, "responder", acme["viewer"])
    ours = [database.notify(acme, event(incident_id=f"P{number}")) for number in range(4)]
    theirs = [database.notify(globex, event(incident_id=f"P{number}")) for number in range(2)]
    mark = "select id::text from pagerduty.mark_notifications(%s, %s::uuid[], %s)"
    settle = "select pagerduty_private.settle_inbox(%s, %s, 2)"
    unread = "select id::text from pagerduty.list_notifications(%s, 'all', unread => true)"
    inbox = "select id::text from pagerduty.list_notifications(%s)"
    count = "select pagerduty.count_unread_notifications(%s) as count"
    read_all = "select pagerduty.read_all_notifications(%s) as read"

    def ids(call: str, organization: Organization, *values: Any) -> list[str]:
        return [row["id"] for row in database.run_as(me, call, (organization.id, *values))]

    def seen() -> list[Any]:
        both = (acme, globex)
        counts = [database.run_as(me, count, (one.id,))[0]["count"] for one in both]
        return [*[ids(unread, one) for one in both], *[ids(inbox, one) for one in both], counts]

    assert ids(mark, acme, [ours[1], theirs[0]], "read") == [ours[1]]
    assert ids(mark, globex, [theirs[1], ours[0]], "done") == [theirs[1]]
    expected = [[ours[3], ours[2], ours[0]], [theirs[0]], ours[::-1], [theirs[0]], [3, 1]]
    assert seen() == expected
    for organization in (acme, globex, globex, acme, globex):
        for for_done in (True, False):
            database.run_as(me, settle, (organization.id, for_done))
            assert seen() == expected
    assert ids(mark, acme, [ours[1]], "unread") == [ours[1]]
    assert database.run_as(me, read_all, (globex.id,)) == [{"read": 1}]
    assert seen() == [[ours[3], ours[2], ours[1], ours[0]], [], ours[::-1], [theirs[0]], [4, 0]]
    assert database.run_as(me, read_all, (acme.id,)) == [{"read": 4}]
    assert seen() == [[], [], ours[::-1], [theirs[0]], [0, 0]]
    latest = database.notify(globex, event(incident_id="P9"))
    assert seen() == [[], [latest], ours[::-1], [latest, theirs[0]], [0, 1]]
