"""Who may listen to what, asked as Realtime asks; and what the database broadcasts."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.database.database import ROLES, Database, Organization
from tests.database.events import at, event

# The policy is compared on every major by the catalogue; here it is asked.
pytestmark = pytest.mark.one_postgres


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def may_listen(database: Database, user: str | None, topic: str, role: str = "authenticated", **claims: Any) -> bool:
    """Realtime's own check: a probe row in realtime.messages, read back as the user, all rolled back."""
    connection = database.connection
    with connection.transaction(force_rollback=True):
        [probe] = connection.execute(
            "insert into realtime.messages (topic, extension) values (%s, 'broadcast') returning id", (topic,)
        ).fetchall()
        connection.execute("select set_config('realtime.topic', %s, true)", (topic,))
        with database.acting(user, role=role, **claims) as run:
            return bool(run("select id from realtime.messages where id = %s", (probe["id"],)))


@pytest.mark.parametrize("role", ROLES)
def test_members_listen_to_their_organization_and_to_themselves(
    database: Database, acme: Organization, role: str
) -> None:
    assert may_listen(database, acme[role], database.topic(acme))
    assert may_listen(database, acme[role], f"pagerduty:user:{acme[role]}")


def test_a_channel_opens_no_row_of_another_topic(database: Database, acme: Organization) -> None:
    """Policies add up and hosts have theirs: ours shows the rows of the topic that is asked for, and no others."""
    topics = [database.topic(acme), f"pagerduty:user:{acme['viewer']}", "room:lobby"]
    with database.connection.transaction(force_rollback=True):
        for topic in topics:
            database.rows("insert into realtime.messages (topic, extension) values (%s, 'broadcast')", (topic,))
        database.rows("select set_config('realtime.topic', %s, true)", (topics[0],))
        with database.acting(acme["viewer"]) as run:
            assert run("select topic from realtime.messages") == [{"topic": topics[0]}]


def test_one_who_is_in_two_organizations_listens_to_both(database: Database, acme: Organization) -> None:
    globex = database.organization()
    database.join(globex, "viewer", acme["viewer"])
    assert may_listen(database, acme["viewer"], database.topic(acme))
    assert may_listen(database, acme["viewer"], database.topic(globex))


def test_nobody_listens_next_door(database: Database, acme: Organization) -> None:
    globex = database.organization()
    outsider = database.user()
    for user in (*globex.people.values(), outsider):
        assert not may_listen(database, user, database.topic(acme))
        assert not may_listen(database, user, f"pagerduty:user:{acme['viewer']}")
    assert not may_listen(database, acme["owner"], f"pagerduty:user:{acme['viewer']}"), (
        "owners do not read over shoulders"
    )
    assert may_listen(database, outsider, f"pagerduty:user:{outsider}")


def test_claims_do_not_let_anybody_in(database: Database, acme: Organization) -> None:
    outsider = database.user()
    boasts = {"sub": acme["owner"], "organization_id": acme.id, "role": "owner"}
    assert not may_listen(database, outsider, database.topic(acme), user_metadata=boasts, app_metadata=boasts)


def test_the_anonymous_listen_to_nothing(database: Database, acme: Organization) -> None:
    for topic in (
        database.topic(acme),
        f"pagerduty:user:{acme['owner']}",
        "pagerduty:user:",
        "pagerduty:org:",
        "",
    ):
        assert not may_listen(database, None, topic, role="anon")
        assert not may_listen(database, None, topic)


def _odd_topics(organization: str, key: str, user: str) -> Iterator[str]:
    for identifier in (organization, key, user):
        for topic in (f"pagerduty:org:{identifier}", f"pagerduty:user:{identifier}"):
            yield from (
                topic.upper(),
                f" {topic}",
                f"{topic} ",
                f"{topic}\n",
                f"realtime:{topic}",
                f"{topic}:x",
                f"x{topic}",
            )
            yield from (
                topic.replace(":", "::"),
                topic.replace(":", "/"),
                topic.replace("-", ""),
                topic[:-1],
                f"{topic}%",
            )
            yield from (
                f"{topic}' or '1'='1",
                f"{topic}'--",
                f"{topic}; select 1",
                f"%{topic}",
                topic.replace("-", "_"),
            )
    yield from (
        f"pagerduty:org:{user}",
        f"pagerduty:org:{organization}",
        f"pagerduty:user:{organization}",
        f"pagerduty:user:{key}",
        organization,
        key,
        user,
        f"pagerduty:ORG:{organization}",
        f"pagerduty:org: {organization}",
    )
    yield from (
        "pagerduty:org:%",
        "pagerduty:user:%",
        "%",
        "*",
        "pagerduty:org:*",
        "pagerduty:org:",
        "pagerduty:user:",
        ":",
        "' or true --",
        "pagerduty:org:' || (select 1) || '",
    )
    yield from (
        "pagerduty:org:null",
        "pagerduty:user:null",
        "pagerduty:org:" + "0" * 100_000,
        "{}",
        "[]",
        "pagerduty:org:{" + organization + "}",
    )


def test_only_the_exact_topics_are_topics(database: Database, acme: Organization) -> None:
    owner = acme["owner"]
    key = database.topic(acme).removeprefix("pagerduty:org:")
    heard = [topic for topic in _odd_topics(acme.id, key, owner) if may_listen(database, owner, topic)]
    assert heard == []


def test_whoever_is_removed_stops_listening(database: Database, acme: Organization) -> None:
    database.rows(
        "delete from pagerduty.memberships where organization_id = %s and user_id = %s", (acme.id, acme["responder"])
    )
    assert not may_listen(database, acme["responder"], database.topic(acme))
    assert may_listen(database, acme["responder"], f"pagerduty:user:{acme['responder']}")


def test_presence_and_other_extensions_are_closed(database: Database, acme: Organization) -> None:
    with database.connection.transaction(force_rollback=True):
        database.rows(
            "insert into realtime.messages (topic, extension) values (%(topic)s, 'presence')",
            {"topic": database.topic(acme)},
        )
        database.rows("select set_config('realtime.topic', %s, true)", (database.topic(acme),))
        with database.acting(acme["owner"]) as run:
            assert run("select extension from realtime.messages where extension <> 'broadcast'") == []


@pytest.mark.parametrize("topic", ["org", "user"])
def test_nobody_sends_but_the_database(database: Database, acme: Organization, topic: str) -> None:
    """Realtime asks with an insert as the user whether they may send."""
    name = {"org": database.topic(acme), "user": f"pagerduty:user:{acme['owner']}"}[topic]
    insert = "insert into realtime.messages (topic, extension) values (%s, 'broadcast')"
    for user, role in ((acme["owner"], "authenticated"), (None, "anon")):
        with database.connection.transaction(force_rollback=True):
            database.rows("select set_config('realtime.topic', %s, true)", (name,))
            assert database.refusal(user, insert, (name,), role=role) == "42501"


# What is broadcast ----------------------------------------------------------------------------------------------------


def messages(database: Database, topic: str, name: str) -> list[dict[str, Any]]:
    """The payloads of an event on a topic, alone or among changes, oldest first; all are private broadcasts."""
    rows = database.rows(
        "select event, payload, private, extension from realtime.messages"
        " where topic = %s and event in (%s, 'changes') order by inserted_at, id",
        (topic, name),
    )
    assert all(row["private"] and row["extension"] == "broadcast" for row in rows)
    told = [row["payload"].get(f"{name}s", []) if row["event"] == "changes" else [row["payload"]] for row in rows]
    return [payload for payloads in told for payload in payloads]


def _as_json(database: Database, user: str, table: str, identifier: str) -> dict[str, Any]:
    [row] = database.run_as(
        user, f"select to_jsonb(f)::text as row from pagerduty.{table} f where id = %s", (identifier,)
    )
    found: dict[str, Any] = json.loads(row["row"])
    return found


def test_a_notification_is_broadcast_as_the_feed_shows_it(database: Database, acme: Organization) -> None:
    globex = database.organization()
    notification = database.notify(acme, event())
    [payload] = messages(database, database.topic(acme), "notification")
    assert payload == {**_as_json(database, acme["viewer"], "notification_feed", notification), "loud": True}
    assert (payload["unread"], payload["done"], payload["snoozed_until"]) == (True, False, None)
    assert messages(database, database.topic(globex), "notification") == []
    everywhere = "select count(*) from realtime.messages where payload::text like %s"
    assert database.value(everywhere, (f"%{notification}%",)) == 1


def test_no_broadcast_without_a_notification(database: Database, acme: Organization) -> None:
    first = event()
    database.ingest(acme, first, first)
    database.ingest(acme, first)
    database.ingest(acme, event("pagey.ping"))
    database.ingest(acme, {**event(), "invalid": "broken"})
    assert len(messages(database, database.topic(acme), "notification")) == 1


def test_a_quiet_change_is_broadcast_as_one(database: Database, acme: Organization) -> None:
    database.ingest(acme, at(0))
    database.ingest(acme, at(5, "resolved"))
    made, resolved = messages(database, database.topic(acme), "notification")
    assert (made["loud"], resolved["loud"], resolved["pagerduty_status"]) == (True, False, "resolved")
    assert resolved["seq"] > made["seq"] == resolved["loud_seq"]


def test_a_transaction_that_fails_broadcasts_nothing(database: Database, acme: Organization) -> None:
    with database.connection.transaction(force_rollback=True):
        database.ingest(acme, event())
    assert messages(database, database.topic(acme), "notification") == []


def test_a_receipt_goes_to_the_readers_own_topic(database: Database, acme: Organization) -> None:
    notification = database.notify(acme, event())
    mark = "select * from pagerduty.mark_notifications(%s, %s::uuid[], %s)"
    database.run_as(acme["viewer"], mark, (acme.id, [notification], "done"))
    [payload] = messages(database, f"pagerduty:user:{acme['viewer']}", "receipt")
    assert payload.pop("id"), "a message's own, by realtime.send()"
    seq = database.value("select loud_seq from pagerduty.notifications where id = %s", (notification,))
    assert payload == {
        "organization_id": acme.id,
        "notifications": [{"id": notification, "seq": seq, "unread": False, "done": True, "snoozed_until": None}],
    }
    assert messages(database, f"pagerduty:user:{acme['owner']}", "receipt") == []
    assert messages(database, database.topic(acme), "receipt") == []


@pytest.mark.parametrize(("read", "listed"), [(100, True), (101, False)])
def test_what_one_did_is_one_message_that_lists_a_hundred_at_most(
    database: Database, acme: Organization, read: int, listed: bool
) -> None:
    outcomes = database.ingest(acme, *(event(incident_id=f"P{number}") for number in range(read)))
    ids = [outcome["notification_id"] for outcome in outcomes]
    mark = "select * from pagerduty.mark_notifications(%s, %s::uuid[], 'read')"
    assert len(database.run_as(acme["viewer"], mark, (acme.id, ids))) == read
    [payload] = messages(database, f"pagerduty:user:{acme['viewer']}", "receipt")
    assert (payload["notifications"] is not None) == listed
    if listed:
        assert {row["id"] for row in payload["notifications"]} == set(ids)


def test_reading_all_is_one_message_that_lists_none(database: Database, acme: Organization) -> None:
    database.ingest(acme, event(incident_id="P1"), event(incident_id="P2"))
    read = "select pagerduty.read_all_notifications(%s) as count"
    assert database.run_as(acme["viewer"], read, (acme.id,)) == [{"count": 2}]
    topic = f"pagerduty:user:{acme['viewer']}"
    [payload] = messages(database, topic, "receipt")
    assert (payload["organization_id"], payload["notifications"]) == (acme.id, None)


def test_an_incident_is_broadcast_when_it_is_made_and_whenever_it_changes(
    database: Database, acme: Organization
) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    database.run_as(acme["responder"], "update pagerduty.incidents set title = 'Edited' where id = %s", (incident,))
    database.ingest(acme, at(5, "resolved"))
    made, edited, resolved = messages(database, database.topic(acme), "incident")
    assert (made["status"], edited["title"], resolved["status"]) == ("open", "Edited", "resolved")
    assert resolved == _as_json(database, acme["viewer"], "incidents", incident)
    updates = messages(database, database.topic(acme), "incident_update")
    assert [update["kind"] for update in updates] == ["created", "pagerduty", "edited", "pagerduty"]
    assert {update["incident_id"] for update in updates} == {incident}


def test_a_lost_broadcast_loses_nothing_else(database: Database, acme: Organization, migrated: str) -> None:
    """Realtime's table may be broken or full: the alert is stored all the same."""
    with Database(migrated) as broken:
        organization = broken.organization()
        broken.rows("alter table realtime.messages add constraint no_more check (topic = 'none') not valid")
        notification = broken.notify(organization, event())
        assert broken.run_as(organization["viewer"], "select id::text from pagerduty.notification_feed") == [
            {"id": notification}
        ]
        assert broken.rows("select 1 from realtime.messages") == []
