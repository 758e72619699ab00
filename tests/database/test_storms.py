"""A storm silences nobody: what one organization's topic carries, alone, together and in a storm."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.database.database import Connection, Database, Organization
from tests.database.events import at, event
from tests.database.test_realtime_rls import messages

REMOVE = "delete from pagerduty.memberships where organization_id = %s and user_id = %s"


@pytest.fixture
def limited(migrated: str) -> Iterator[Database]:
    """A database whose topics keep the interval of a small project, stretched so that only the test ends it."""
    with Database(migrated) as opened:
        opened.rows("update pagerduty_private.settings set deliveries_per_second = 50, shortest_interval = 30")
        yield opened


@pytest.fixture
def acme(limited: Database) -> Organization:
    return limited.organization()


def told(database: Database, topic: str) -> list[str]:
    """The names of the messages on a topic, oldest first."""
    found = database.rows("select event from realtime.messages where topic = %s order by inserted_at, id", (topic,))
    return [row["event"] for row in found]


def wait_over(database: Database, *organizations: Organization) -> None:
    """As if the interval were over."""
    over = """
        update pagerduty_private.topics
        set told_at = told_at - interval '1 hour', due_at = due_at - interval '1 hour'
        where organization_id = any (%s::uuid[])
    """
    database.rows(over, ([organization.id for organization in organizations],))


def flush(database: Database, at_most: int = 100) -> float | None:
    left = database.value("select pagerduty.tell_due(%s)", (at_most,))
    return None if left is None else float(left)


def test_a_storm_is_its_first_row_and_a_last_word(limited: Database, acme: Organization) -> None:
    globex, topic = limited.organization(), limited.topic(acme)
    limited.notify(acme, event())
    for _ in range(50):
        limited.notify(acme, event())
    limited.notify(globex, event())
    assert told(limited, topic) == ["notification"]
    assert told(limited, limited.topic(globex)) == ["notification"], "one organization's storm is not the other's"
    left = flush(limited)
    assert left is not None
    assert 0 < left <= 30
    assert told(limited, topic) == ["notification"], "nothing is due yet"
    wait_over(limited, acme)
    assert flush(limited) is None
    assert told(limited, topic) == ["notification", "more"]
    [more] = messages(limited, topic, "more")
    assert more["within"] == 30
    assert isinstance(more["since"], int)
    assert flush(limited) is None
    assert told(limited, topic) == ["notification", "more"], "it is told once"


def test_what_comes_after_the_storm_is_itself_again(limited: Database, acme: Organization) -> None:
    for _ in range(3):
        limited.notify(acme, event())
    for expected in ("more", "notification"):
        wait_over(limited, acme)
        flush(limited)
        if expected == "notification":
            limited.notify(acme, event())
    assert told(limited, limited.topic(acme)) == ["notification", "more", "notification"]


def test_where_nobody_flushes_the_next_event_tells(limited: Database, acme: Organization) -> None:
    """The service was killed. What is told then is that there is more: the row alone would hide the ones before it."""
    limited.notify(acme, event())
    limited.notify(acme, event())
    wait_over(limited, acme)
    limited.notify(acme, event())
    assert told(limited, limited.topic(acme)) == ["notification", "more"]
    wait_over(limited, acme)
    limited.notify(acme, event())
    assert told(limited, limited.topic(acme)) == ["notification", "more", "notification"]


def test_a_members_change_goes_through_the_same_limit(limited: Database, acme: Organization) -> None:
    incident = limited.link(acme, acme["responder"], limited.notify(acme, at(0)))
    limited.run_as(acme["responder"], "update pagerduty.incidents set title = 'Edited' where id = %s", (incident,))
    assert told(limited, limited.topic(acme)) == ["notification"]
    wait_over(limited, acme)
    flush(limited)
    assert told(limited, limited.topic(acme)) == ["notification", "more"]


def test_what_one_webhook_changes_is_one_message(limited: Database, acme: Organization) -> None:
    limited.link(acme, acme["responder"], limited.notify(acme, at(0)))
    wait_over(limited, acme)
    flush(limited)
    wait_over(limited, acme)
    limited.ingest(acme, at(5, "resolved"))
    assert told(limited, limited.topic(acme)) == ["notification", "more", "changes"]
    [changes] = limited.rows("select payload from realtime.messages where event = 'changes'")
    assert {name: len(rows) for name, rows in changes["payload"].items() if name != "id"} == {
        "notifications": 1, "incidents": 1, "incident_updates": 1,
    }  # fmt: skip
    assert changes["payload"]["incidents"][0]["status"] == "resolved"


TELL = b"select pagerduty_private.tell_organization(%s, %s, %s::jsonb)"


def tell(connection: Connection, organization: Organization, *payloads: str, name: str = "notification") -> None:
    for payload in payloads:
        connection.execute(TELL, (organization.id, name, payload))


@pytest.mark.parametrize(
    ("payloads", "expected"),
    [
        (["{}"] * 20, "changes"), (["{}"] * 21, "more"),
        (['{"text": "%s"}' % ("x" * 20_000)] * 2, "changes"), (['{"text": "%s"}' % ("x" * 26_000)] * 2, "more"),
    ],
    ids=["20 rows", "21 rows", "40 kB", "52 kB"],
)  # fmt: skip
def test_too_much_at_once_is_to_be_read(
    limited: Database, acme: Organization, payloads: list[str], expected: str
) -> None:
    with limited.connection.transaction():
        tell(limited.connection, acme, *payloads)
    assert told(limited, limited.topic(acme)) == [expected]


def test_since_is_the_last_seq_that_was_told(limited: Database, acme: Organization) -> None:
    for seq in (7, 8, 9):
        tell(limited.connection, acme, f'{{"seq": {seq}}}')
    wait_over(limited, acme)
    flush(limited)
    tell(limited.connection, acme, '{"seq": 10}')
    wait_over(limited, acme)
    flush(limited)
    assert [more["since"] for more in messages(limited, limited.topic(acme), "more")] == [7, 9]


def test_what_is_rolled_back_is_neither_told_nor_counted(limited: Database, acme: Organization) -> None:
    with limited.connection.transaction(force_rollback=True):
        limited.notify(acme, event())
    limited.notify(acme, event())
    assert told(limited, limited.topic(acme)) == ["notification"]
    assert limited.rows("select from pagerduty_private.tellings") == []


# How many listen ------------------------------------------------------------------------------------------------------


def members(database: Database, organization: Organization) -> int:
    counted = "select members from pagerduty_private.topics where organization_id = %s"
    return int(database.value(counted, (organization.id,)))


def test_members_are_counted_as_they_come_and_go(limited: Database, acme: Organization) -> None:
    globex = limited.organization(["owner"])
    assert (members(limited, acme), members(limited, globex)) == (4, 1)
    limited.rows(REMOVE, (acme.id, acme["viewer"]))
    limited.rows("update pagerduty.memberships set role = 'admin' where user_id = %s", (acme["responder"],))
    assert (members(limited, acme), members(limited, globex)) == (3, 1)
    move = "update pagerduty.memberships set organization_id = %s where user_id = %s"
    limited.rows(move, (globex.id, acme["responder"]))
    assert (members(limited, acme), members(limited, globex)) == (2, 2)
    limited.rows("delete from auth.users where id = %s", (acme["responder"],))
    assert (members(limited, acme), members(limited, globex)) == (2, 1)
    limited.rows("delete from pagerduty.organizations where id = %s", (acme.id,))
    assert limited.rows("select from pagerduty_private.topics where organization_id = %s", (acme.id,)) == []


def test_the_interval_grows_with_the_listeners(limited: Database) -> None:
    ask = "select pagerduty_private.interval_of_topic(%s)::float"
    limited.rows("delete from pagerduty_private.settings")
    assert [limited.value(ask, (count,)) for count in (0, 50, 75, 3000)] == [1, 1, 1.5, 60]
    limited.rows("insert into pagerduty_private.settings (deliveries_per_second) values (1000)")
    assert [limited.value(ask, (count,)) for count in (50, 3000)] == [1, 3]


# At once --------------------------------------------------------------------------------------------------------------


def test_two_transactions_that_tell_at_once(limited: Database, acme: Organization) -> None:
    """One of them is told, and the word of the other is not lost."""
    limited.at_once(*[lambda connection: tell(connection, acme, "{}")] * 4)
    assert told(limited, limited.topic(acme)) == ["notification"]
    wait_over(limited, acme)
    flush(limited)
    assert told(limited, limited.topic(acme)) == ["notification", "more"]


def test_transactions_that_tell_the_same_two_never_wait_in_a_circle(limited: Database, acme: Organization) -> None:
    globex = limited.organization()

    def both(first: Organization, second: Organization) -> Callable[[Connection], Any]:
        def run(connection: Connection) -> str:
            with connection.transaction():
                tell(connection, first, "{}")
                tell(connection, second, "{}")
            return "told"

        return run

    for _ in range(20):
        assert limited.at_once(both(acme, globex), both(globex, acme)) == ["told", "told"]


def test_who_leaves_while_it_is_told_and_flushed(limited: Database, acme: Organization) -> None:
    """Nobody waits in a circle, and the last word is on the topic where the others are."""
    for _ in range(10):
        leaver = limited.join(acme, "viewer")
        tell(limited.connection, acme, "{}", "{}")
        wait_over(limited, acme)

        def leave(connection: Connection, user: str = leaver) -> None:
            connection.execute(REMOVE.encode(), (acme.id, user))

        answers = limited.at_once(
            leave,
            lambda connection: tell(connection, acme, "{}"),
            lambda connection: connection.execute(b"select pagerduty.tell_due()").fetchall(),
        )
        assert [answer for answer in answers if isinstance(answer, psycopg.Error)] == []
    assert members(limited, acme) == 4


def test_a_topic_that_is_renewed_within_the_interval(limited: Database, acme: Organization) -> None:
    """The move is told at once; what was kept back is told where everybody has gone."""
    former = limited.topic(acme)
    for _ in range(3):
        limited.notify(acme, event())
    limited.rows(REMOVE, (acme.id, acme["viewer"]))
    assert sorted(told(limited, former)) == ["moved", "notification"]
    wait_over(limited, acme)
    flush(limited)
    assert sorted(told(limited, former)) == ["moved", "notification"]
    assert told(limited, limited.topic(acme)) == ["more"]


# The flush ------------------------------------------------------------------------------------------------------------


def test_a_flush_is_bounded_and_leaves_what_another_one_holds(limited: Database, acme: Organization) -> None:
    globex = limited.organization()
    for organization in (acme, globex):
        limited.notify(organization, event())
        limited.notify(organization, event())
    wait_over(limited, acme, globex)
    assert flush(limited, at_most=1) == 0, "another one is due"
    assert sum(told(limited, limited.topic(one)).count("more") for one in (acme, globex)) == 1
    with limited.connect() as busy, busy.transaction():
        busy.execute(b"select from pagerduty_private.topics for update")
        assert flush(limited) == 0
    assert flush(limited) is None
    assert [told(limited, limited.topic(one)).count("more") for one in (acme, globex)] == [1, 1]


def test_what_is_due_is_found_by_index(limited: Database) -> None:
    limited.rows("set enable_seqscan = off")
    plan = limited.rows(
        "explain select organization_id from pagerduty_private.topics where due_at <= now() order by due_at limit 10"
    )
    assert "topics_due_at_idx" in str(plan)
