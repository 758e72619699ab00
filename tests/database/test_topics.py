"""The organization's topic: another one as soon as somebody is no member any more, whatever way they went."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.database.database import ROLES, Connection, Database, Organization
from tests.database.events import event
from tests.database.test_realtime_rls import may_listen, messages

# Locks and row versions are the same on every major; the declaration is compared on each.
pytestmark = pytest.mark.one_postgres

REMOVE = "delete from pagerduty.memberships where organization_id = %s and user_id = any (%s::uuid[])"


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def _remove(database: Database, organization: Organization, *users: str) -> None:
    database.rows(REMOVE, (organization.id, list(users)))


def _by_the_host(statement: str) -> Callable[[Database, Organization], object]:
    """A statement of the host's, on the responder's membership; `other` is an organization, `user` in none."""

    def run(database: Database, organization: Organization) -> None:
        other, user = database.organization(), database.user()
        names = {"org": organization.id, "leaver": organization["responder"], "other": other.id, "user": user}
        database.rows(statement, names)

    return run


def _by(actor: str) -> Callable[[Database, Organization], object]:
    """Through PostgREST, as this member."""
    return lambda database, acme: database.run_as(acme[actor], REMOVE, (acme.id, [acme["responder"]]))


MINE = "where organization_id = %(org)s and user_id = %(leaver)s"
WAYS = {
    "leaves": _by("responder"),
    "is removed": _by("admin"),
    "is removed by the host": _by_the_host(f"delete from pagerduty.memberships {MINE}"),
    "is deleted": _by_the_host("delete from auth.users where id = %(leaver)s"),
    "is replaced": _by_the_host(f"update pagerduty.memberships set user_id = %(user)s {MINE}"),
    "is moved": _by_the_host(f"update pagerduty.memberships set organization_id = %(other)s {MINE}"),
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_goes_is_left_behind(database: Database, acme: Organization, way: str) -> None:
    globex = database.organization()
    leaver, former, elsewhere = acme["responder"], database.topic(acme), database.topic(globex)
    assert may_listen(database, leaver, former)
    WAYS[way](database, acme)
    topic = database.topic(acme)
    assert topic != former
    assert database.topic(globex) == elsewhere
    stay = [acme[role] for role in ROLES if acme[role] != leaver]
    assert [may_listen(database, user, topic) for user in (*stay, leaver)] == [True] * len(stay) + [False]
    assert [may_listen(database, user, former) for user in (*stay, leaver)] == [False] * (len(stay) + 1)

    # The former topic and the leaver are told, and neither is told where the others are.
    [moved] = messages(database, former, "moved")
    assert set(moved) == {"id", "within"}
    assert moved["within"] == 0
    [removed] = messages(database, f"pagerduty:user:{leaver}", "removed")
    assert set(removed) == {"id", "organization_id"}
    assert removed["organization_id"] == acme.id
    key = topic.removeprefix("pagerduty:org:")
    told = "select topic from realtime.messages where topic = %s or payload::text like %s"
    assert database.rows(told, (topic, f"%{key}%")) == []

    database.notify(acme, event())
    assert messages(database, former, "notification") == []
    assert len(messages(database, topic, "notification")) == 1


def test_the_topic_is_not_to_be_guessed(database: Database, acme: Organization) -> None:
    """It says nothing of the organization, and does not come back."""
    seen = [database.topic(acme)]
    for role in ("viewer", "responder", "admin"):
        _remove(database, acme, acme[role])
        seen.append(database.topic(acme))
    assert len(set(seen)) == 4
    assert not any(acme.id in topic for topic in seen)


KEEPING: dict[str, tuple[str, Any]] = {
    "a role": ("update pagerduty.memberships set role = 'admin' where organization_id = %s", ()),
    "a name": ("update pagerduty.organizations set name = 'Renamed' where id = %s", ()),
    "nobody": (f"{REMOVE} and false", ([],)),
}


@pytest.mark.parametrize("change", KEEPING)
def test_what_ends_no_membership_keeps_the_topic(database: Database, acme: Organization, change: str) -> None:
    statement, more = KEEPING[change]
    topic, other_owner = database.topic(acme), database.join(acme, "owner")
    database.rows(statement + " and role <> 'owner'" * (change == "a role"), (acme.id, *more))
    assert database.topic(acme) == topic
    assert messages(database, topic, "moved") == []
    assert messages(database, f"pagerduty:user:{other_owner}", "removed") == []


def test_many_who_are_removed_at_once_are_one_move(database: Database, acme: Organization) -> None:
    former, users = database.topic(acme), (acme["viewer"], acme["responder"], acme["admin"])
    _remove(database, acme, *users)
    assert len(messages(database, former, "moved")) == 1
    assert [len(messages(database, f"pagerduty:user:{user}", "removed")) for user in users] == [1, 1, 1]


def test_the_members_of_a_deleted_organization_are_told(database: Database, acme: Organization) -> None:
    database.rows("delete from pagerduty.organizations where id = %s", (acme.id,))
    for user in acme.people.values():
        assert [one["organization_id"] for one in messages(database, f"pagerduty:user:{user}", "removed")] == [acme.id]


@pytest.mark.parametrize(("members", "within"), [(149, 2), (1999, 30)])
def test_many_are_to_move_one_after_the_other(
    database: Database, acme: Organization, members: int, within: int
) -> None:
    """Realtime refuses joins beyond a hundred a second of a small project."""
    crowd = """
        with made as (insert into auth.users (id) select gen_random_uuid() from generate_series(1, %s) returning id)
        insert into pagerduty.memberships (organization_id, user_id) select %s, id from made returning user_id::text
    """
    users = [row["user_id"] for row in database.rows(crowd, (members - len(ROLES), acme.id))]
    former = database.topic(acme)
    _remove(database, acme, acme["viewer"])
    [moved] = messages(database, former, "moved")
    assert moved["within"] == within
    database.rows("delete from auth.users where id = any (%s::uuid[])", (users,))


# At once --------------------------------------------------------------------------------------------------------------


def _alert(database: Database, organization: Organization) -> Callable[[Connection], Any]:
    return lambda connection: database.ingest(organization, event(), connection=connection)


def _edit(database: Database, organization: Organization) -> Callable[[Connection], Any]:
    change = b"update pagerduty.incidents set title = 'Edited' where organization_id = %s"
    return lambda connection: connection.execute(change, (organization.id,))


def _only_tell(database: Database, organization: Organization) -> Callable[[Connection], Any]:
    """Nothing is written whose foreign key would hold the organization."""
    tell = b"select pagerduty_private.tell_organization(%s, 'word', '{}')"
    return lambda connection: connection.execute(tell, (organization.id,))


TELLERS = {"notification": _alert, "incident": _edit, "word": _only_tell}


@pytest.mark.parametrize("kind", TELLERS)
@pytest.mark.parametrize("told_first", [True, False])
def test_what_is_told_while_somebody_goes(database: Database, acme: Organization, kind: str, told_first: bool) -> None:
    """Either before the move on the former topic, or after it on the new one: nothing is told where nobody reads on."""
    database.link(acme, acme["responder"], database.notify(acme, event()))
    former = database.topic(acme)
    before = len(messages(database, former, kind))
    tell = TELLERS[kind](database, acme)

    def go(connection: Connection) -> Any:
        return connection.execute(REMOVE.encode(), (acme.id, [acme["viewer"]]))

    database.in_turn(*((tell, go) if told_first else (go, tell)))
    assert len(messages(database, former, kind)) - before == told_first
    assert len(messages(database, database.topic(acme), kind)) == (not told_first)


def test_two_who_go_at_once(database: Database, acme: Organization) -> None:
    """Each is one move, and who has made the first is told of the second."""
    former = database.topic(acme)

    def go(connection: Connection, role: str) -> str:
        connection.execute(REMOVE.encode(), (acme.id, [acme[role]]))
        [row] = connection.execute(b"select topic from pagerduty.organizations where id = %s", (acme.id,)).fetchall()
        return str(row["topic"])

    between, last = database.in_turn(partial(go, role="viewer"), partial(go, role="responder"))
    assert [len(messages(database, topic, "moved")) for topic in (former, between, last)] == [1, 1, 0]
    assert database.topic(acme) == last
    assert not may_listen(database, acme["viewer"], last)
    assert not may_listen(database, acme["responder"], last)


def _delete(connection: Connection, user: str) -> int:
    return connection.execute(b"delete from auth.users where id = %s", (user,)).rowcount


def test_users_of_the_same_organizations_who_are_deleted_at_once(database: Database) -> None:
    """Each renews the topics of both, and neither waits for the other in a circle."""
    for _ in range(10):
        acme, globex = database.organization(["owner"]), database.organization(["owner"])
        one, other = database.user(), database.user()
        for organization, user in ((acme, one), (globex, one), (globex, other), (acme, other)):
            database.join(organization, "viewer", user)
        assert database.at_once(partial(_delete, user=one), partial(_delete, user=other)) == [1, 1]
