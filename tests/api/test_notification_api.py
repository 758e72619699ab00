"""The inbox: lists that miss and repeat nothing, counts, and what a user does with a notification."""

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.world import Organization, Person, World, v3

URL = "/api/notifications"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
ACTIONS = ("read", "unread", "done", "undo", "snooze")


def insert(world: World, organization: Organization, count: int) -> list[str]:
    """Notifications, quicker than by webhooks; answers their ids, the oldest first."""
    with world.database() as connection:
        rows = connection.execute(
            "insert into pagerduty.notifications (organization_id, subject, event_type, title, seq, loud_seq)"
            " select %(org)s, 'event:' || gen_random_uuid(), 'incident.triggered', 'Alert', seq, seq from ("
            " select pagerduty_private.next_seq(%(org)s) as seq from generate_series(1, %(count)s)) numbered"
            " returning id, seq",
            {"org": organization.id, "count": count},
        ).fetchall()
    return [str(row[0]) for row in sorted(rows, key=lambda row: row[1])]


def page(person: Person, **query: Any) -> dict[str, Any]:
    answer = person.api.get(URL, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def post(person: Person, path: str, **body: Any) -> dict[str, Any]:
    answer = person.api.post(f"{URL}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [one["id"] for one in found["items"]]


def unread(person: Person) -> int:
    count: int = person.api.get(f"{URL}/unread-count").json()["count"]
    return count


# Lists ----------------------------------------------------------------------------------------------------------------


def test_pages_miss_and_repeat_nothing_while_others_arrive(acme: Organization, world: World) -> None:
    there = insert(world, acme, 60)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 7}
    while True:
        found = page(acme.viewer, **query)
        seen += ids(found)
        insert(world, acme, 1)
        if found["next"] is None:
            break
        query["before"] = found["next"]
    assert seen == there[::-1]


def test_what_arrives_by_webhook_can_be_caught_up_with(acme: Organization) -> None:
    """With ten senders at once, asking for what changed since the last change finds each state, in order."""
    seen: dict[str, dict[str, Any]] = {}
    newest = page(acme.viewer)["newest_seq"]
    order: list[int] = []

    def poll() -> None:
        nonlocal newest
        while True:
            answer = page(acme.viewer, limit=5, changed_since=newest)
            for one in answer["items"]:
                seen[one["pagerduty_incident_id"]] = one
                order.append(one["seq"])
            if answer["next"] is None:
                newest = answer["newest_seq"]
                return
            newest = int(answer["next"])

    with ThreadPoolExecutor(10) as pool:
        sent = [
            pool.submit(acme.send, v3(kind, incident_id=f"P{number}"))
            for number in range(20)
            for kind in ("incident.triggered", "incident.acknowledged")
        ]
        while not all(one.done() for one in sent):
            poll()
    poll()
    assert sorted(seen) == sorted(f"P{number}" for number in range(20))
    assert {one["events"] for one in seen.values()} == {2}, "the last state of each"
    assert order == sorted(set(order))
    assert page(acme.viewer, changed_since=newest) == {"items": [], "next": None, "newest_seq": newest}


def test_an_incident_is_one_row_that_changes(acme: Organization) -> None:
    first = acme.send(v3("incident.triggered", "P1", title="Disk full")).json()["outcomes"][0]
    other = acme.send(v3("incident.triggered", "P2")).json()["outcomes"][0]
    later = acme.send(v3("incident.acknowledged", "P1", title="Disk full")).json()["outcomes"][0]
    assert (first["outcome"], later["outcome"]) == ("created", "updated")
    assert later["notification_id"] == first["notification_id"]
    found = page(acme.viewer)
    assert ids(found) == [other["notification_id"], first["notification_id"]], "a quiet change moves no row"
    row = found["items"][1]
    assert (row["pagerduty_status"], row["event_type"], row["events"]) == ("acknowledged", "incident.triggered", 2)
    assert found["newest_seq"] == row["seq"] > row["loud_seq"]
    acme.send(v3("incident.escalated", "P1", title="Disk full"))
    assert ids(page(acme.viewer))[0] == first["notification_id"], "a loud one does"


def test_filters(acme: Organization) -> None:
    ledger = {"id": "PLEDG", "type": "service_reference", "summary": "Ledger"}
    acme.send(v3("incident.triggered", "P1", title="Disk full", urgency="low", number=71))
    acme.send(v3("incident.acknowledged", "P2", service=ledger))
    linked = acme.send(v3("incident.resolved", "P3")).json()["outcomes"][0]["notification_id"]
    assert acme.owner.api.post("/api/incidents", json={"notification_id": linked}).status_code == 201
    for query, expected in (
        ({"urgency": "low"}, ["P1"]), ({"service": "ledger"}, ["P2"]), ({"service": "pledg"}, ["P2"]),
        ({"status": "acknowledged,resolved"}, ["P3", "P2"]), ({"q": " disk FULL "}, ["P1"]), ({"q": "#71"}, ["P1"]),
        ({"q": "%"}, []), ({"without_incident": "true"}, ["P2", "P1"]), ({"status": "resolved", "q": "disk"}, []),
        ({"view": "done"}, []), ({"view": "all", "urgency": "low"}, ["P1"]), ({"unread": "true"}, ["P2", "P1"]),
    ):  # fmt: skip
        assert [one["pagerduty_incident_id"] for one in page(acme.viewer, **query)["items"]] == expected, query


def test_an_empty_inbox(acme: Organization) -> None:
    assert page(acme.viewer) == {"items": [], "next": None, "newest_seq": 0}
    assert page(acme.viewer, changed_since=0) == {"items": [], "next": None, "newest_seq": 0}
    assert acme.viewer.api.get(f"{URL}/unread-count").json() == {"count": 0, "capped": False, "others": []}
    assert acme.viewer.api.post(f"{URL}/read-all", json={}).json() == {"read": 0}


def test_the_history_has_every_text(acme: Organization) -> None:
    note = {"id": "PN1", "type": "incident_note", "content": "Do not restart the primary", "incident": {"id": "P1"}}
    sent = acme.send(v3("incident.triggered", "P1")).json()["outcomes"][0]["notification_id"]
    body = v3("incident.annotated", "P1")
    body["event"]["data"] = note
    acme.send(body)
    acme.send(v3("incident.resolved", "P1"))
    path = f"{URL}/{sent}/events"
    found = acme.viewer.api.get(path).json()
    assert [one["headline"] for one in found["items"]] == [
        "Resolved", "Note added: Do not restart the primary", "Triggered",
    ]  # fmt: skip
    assert [one["is_loud"] for one in found["items"]] == [False, False, True]
    assert [one["pagerduty_status"] for one in found["items"]] == ["resolved", None, "triggered"]
    first = acme.viewer.api.get(path, params={"limit": 2}).json()
    rest = acme.viewer.api.get(path, params={"limit": 2, "before": first["next"]}).json()
    assert (first["items"] + rest["items"], rest["next"]) == (found["items"], None)


# What a user does -----------------------------------------------------------------------------------------------------


def test_reading_is_ones_own_and_idempotent(acme: Organization, world: World) -> None:
    first, second = insert(world, acme, 2)
    read = post(acme.viewer, f"{first}/read")
    assert read["unread"] is False
    assert post(acme.viewer, f"{first}/read") == read
    assert acme.viewer.api.get(f"{URL}/{first}").json() == read
    assert ids(page(acme.viewer, unread="true")) == [second]
    assert (unread(acme.viewer), unread(acme.owner)) == (1, 2)
    assert post(acme.viewer, f"{first}/unread")["unread"] is True
    assert unread(acme.viewer) == 2


def test_done_and_snoozed_leave_the_inbox_and_come_back(acme: Organization, world: World) -> None:
    first, second, third = insert(world, acme, 3)
    assert post(acme.viewer, f"{first}/done")["done"] is True
    assert post(acme.viewer, f"{second}/snooze", until=TOMORROW)["snoozed_until"] is not None
    views = {view: ids(page(acme.viewer, view=view)) for view in ("inbox", "done", "snoozed", "all")}
    assert views == {"inbox": [third], "done": [first], "snoozed": [second], "all": [third, second, first]}
    assert unread(acme.viewer) == 1
    for one in (first, second):
        assert (post(acme.viewer, f"{one}/undo")["done"], unread(acme.owner)) == (False, 3)
    assert ids(page(acme.viewer)) == [third, second, first]
    assert unread(acme.viewer) == 2, "what was done was read"


@pytest.mark.parametrize("action", ["done", "read", "snooze"])
def test_a_loud_change_brings_it_back(acme: Organization, action: str) -> None:
    sent = acme.send(v3("incident.triggered", "P1")).json()["outcomes"][0]["notification_id"]
    post(acme.viewer, f"{sent}/{action}", **({"until": TOMORROW} if action == "snooze" else {}))
    assert unread(acme.viewer) == 0
    acme.send(v3("incident.acknowledged", "P1"))
    assert unread(acme.viewer) == 0, "a quiet one does not"
    acme.send(v3("incident.escalated", "P1"))
    assert (unread(acme.viewer), ids(page(acme.viewer))) == (1, [sent])


def test_what_became_loud_after_one_looked_stays_unread(acme: Organization) -> None:
    sent = acme.send(v3("incident.triggered", "P1")).json()["outcomes"][0]["notification_id"]
    seen = page(acme.viewer)["items"][0]["loud_seq"]
    acme.send(v3("incident.escalated", "P1"))
    assert post(acme.viewer, f"{sent}/read", up_to=seen)["unread"] is True
    assert post(acme.viewer, "read", ids=[sent], upTo=seen)["items"][0]["unread"] is True
    assert post(acme.viewer, "read-all", up_to=seen) == {"read": 0}
    assert unread(acme.viewer) == 1


def test_many_at_once(acme: Organization, globex: Organization, world: World) -> None:
    """The ids of others, and those of nothing, are left out without a word."""
    ours, theirs = insert(world, acme, 3), insert(world, globex, 1)
    foreign = [*theirs, str(uuid.uuid4())]
    for action in ACTIONS:
        body = {"until": TOMORROW} if action == "snooze" else {}
        found = post(acme.viewer, action, ids=[*ours, *foreign], **body)
        assert sorted(ids(found)) == sorted(ours)
        assert post(acme.viewer, action, ids=foreign, **body) == {"items": []}
    assert ids(page(acme.viewer, view="snoozed")) == ours[::-1]
    assert unread(globex.owner) == 1


def test_ten_readings_at_once(acme: Organization, world: World) -> None:
    (one,) = insert(world, acme, 1)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: acme.viewer.api.post(f"{URL}/{one}/read"), range(10)))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert unread(acme.viewer) == 0


def test_read_all_up_to_what_one_saw(acme: Organization, world: World) -> None:
    insert(world, acme, 2)
    seen = page(acme.viewer)["newest_seq"]
    insert(world, acme, 1)
    assert [post(acme.viewer, "read-all", up_to=seen) for _ in range(2)] == [{"read": 2}, {"read": 0}]
    assert acme.viewer.api.post(f"{URL}/read-all").json() == {"read": 1}, "a body is not needed"
    assert (unread(acme.viewer), unread(acme.owner)) == (0, 3)


def test_the_count_stops_at_a_thousand(acme: Organization, world: World) -> None:
    insert(world, acme, 999)
    assert acme.viewer.api.get(f"{URL}/unread-count").json() == {"count": 999, "capped": False, "others": []}
    insert(world, acme, 30)
    assert acme.viewer.api.get(f"{URL}/unread-count").json()["capped"] is True
    assert acme.viewer.api.post(f"{URL}/read-all", json={}).json() == {"read": 1000}
    assert unread(acme.viewer) == 0


def test_the_count_of_ones_other_organizations(acme: Organization, globex: Organization, world: World) -> None:
    with world.database() as connection:
        connection.execute(
            "insert into pagerduty.memberships (organization_id, user_id) values (%s, %s)", (globex.id, acme.viewer.id)
        )
    insert(world, globex, 101)
    headers = {"X-Organization-Id": acme.id}
    counted = acme.viewer.api.get(f"{URL}/unread-count", headers=headers).json()
    assert (counted["count"], counted["capped"]) == (0, False)
    [other] = counted["others"]
    assert (other["organization_id"], other["count"], other["capped"]) == (globex.id, 100, True)
    assert acme.viewer.api.post(f"{URL}/read-all", headers={"X-Organization-Id": globex.id}).status_code == 200
    assert acme.viewer.api.get(f"{URL}/unread-count", headers=headers).json()["others"] == []


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(world: World) -> Organization:
    made = world.organization("Bell", ("viewer",))
    insert(world, made, 3)
    return made


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


GOOD_ID = "5d0f9f3a-6f0c-4b7e-9a55-0c1d2e3f4a5b"


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "!!!", "é", encoded("seven"), encoded("-1"), encoded("1.5"), encoded("1 or 1=1"), encoded("٣"),
        encoded("9" * 19), encoded("\x00"), encoded("1\n"), "A" * 200,
    ],
)  # fmt: skip
def test_a_bad_cursor_is_400(shared: Organization, cursor: str) -> None:
    answer = shared.viewer.api.get(URL, params={"before": cursor})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "/problems/bad-cursor"
    assert "before" in answer.json()["detail"]


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "!!!", encoded("no bar"), encoded(f"yesterday|{GOOD_ID}"), encoded("2026-11-23T10:00:00+00:00|7"),
        encoded(f"2026-11-23T10:00:00|{GOOD_ID}"), encoded("|"), encoded("\x00|\x00"), "A" * 200,
    ],
)  # fmt: skip
def test_a_bad_cursor_of_a_history_is_400(shared: Organization, cursor: str) -> None:
    one = page(shared.viewer)["items"][0]["id"]
    answer = shared.viewer.api.get(f"{URL}/{one}/events", params={"before": cursor})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-cursor")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=101", "limit"), ("limit=-1", "limit"), ("limit=many", "limit"),
        ("limit=1.5", "limit"), ("limit=", "limit"),
        ("unread=perhaps", "unread"), (f"before={'A' * 201}", "before"),
        ("view=outbox", "view"), ("status=open", "status"), ("status=triggered,", "status"),
        ("urgency=HIGH", "urgency"),
        ("changed_since=-1", "changed_since"), ("changed_since=x", "changed_since"),
        (f"changed_since={2**63}", "changed_since"), ("q=%00", "q"), (f"q={'x' * 201}", "q"),
        ("service=%00", "service"), (f"service={'x' * 256}", "service"), ("without_incident=7", "without_incident"),
    ],
)  # fmt: skip
def test_a_bad_query_is_422(shared: Organization, query: str, field: str) -> None:
    answer = shared.viewer.api.get(f"{URL}?{query}")
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


BAD_BODIES = {
    "read-all": [
        ({"up_to": -1}, "up_to"), ({"up_to": 2**63}, "up_to"), ({"up_to": "x"}, "up_to"), ({"until": 1}, "until"),
    ],
    "read": [({}, "ids"), ({"ids": []}, "ids"), ({"ids": ["x"]}, "ids.0"), ({"ids": [GOOD_ID] * 101}, "ids")],
    "snooze": [
        ({"ids": [GOOD_ID]}, "until"), ({"ids": [GOOD_ID], "until": "yesterday"}, "until"),
        ({"ids": [GOOD_ID], "until": "2020-01-01T00:00:00Z"}, "until"), ({"ids": [GOOD_ID], "until": None}, "until"),
        ({"ids": [GOOD_ID], "until": "2999-01-01T00:00:00Z"}, "until"),
        ({"ids": [GOOD_ID], "until": "2027-01-01"}, "until"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "field"), [(path, *bad) for path, bodies in BAD_BODIES.items() for bad in bodies]
)
def test_a_bad_body_is_422(shared: Organization, path: str, body: dict[str, Any], field: str) -> None:
    answer = shared.viewer.api.post(f"{URL}/{path}", json=body)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert unread(shared.viewer) == 3


@pytest.mark.parametrize("name", ["7", "nothing", GOOD_ID, GOOD_ID + "x", "%00", "'", "null", "*", "a,b", "(x)"])
def test_404_for_what_is_not_there(shared: Organization, name: str) -> None:
    for answer in (
        shared.viewer.api.get(f"{URL}/{name}"),
        shared.viewer.api.get(f"{URL}/{name}/events"),
        shared.viewer.api.post(f"{URL}/{name}/read"),
        shared.viewer.api.post(f"{URL}/{name}/snooze", json={"until": TOMORROW}),
    ):
        assert answer.status_code == 404, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/not-found"


def test_the_notifications_of_others_are_not_there(acme: Organization, globex: Organization, world: World) -> None:
    (theirs,) = insert(world, globex, 1)
    assert acme.owner.api.get(f"{URL}/{theirs}").status_code == 404
    assert acme.owner.api.get(f"{URL}/{theirs}/events").status_code == 404
    assert acme.owner.api.post(f"{URL}/{theirs}/read").status_code == 404
    assert page(acme.owner)["items"] == []
    elsewhere = {"X-Organization-Id": globex.id}
    assert acme.owner.api.get(URL, headers=elsewhere).status_code == 403
    assert acme.owner.api.get(URL, headers=elsewhere, params={"changed_since": 0}).status_code == 403
    assert acme.owner.api.post(f"{URL}/done", headers=elsewhere, json={"ids": [theirs]}).status_code == 403
    assert unread(globex.owner) == 1


def test_those_addressed_to_somebody_are_theirs_alone(acme: Organization, world: World) -> None:
    (mine,) = insert(world, acme, 1)
    with world.database() as connection:
        connection.execute(
            "update pagerduty.notifications set recipients = %s where id = %s", ([uuid.UUID(acme.viewer.id)], mine)
        )
    assert ids(page(acme.viewer)) == ids(page(acme.viewer, changed_since=0)) == [mine]
    assert page(acme.owner)["items"] == page(acme.owner, changed_since=0)["items"] == []
    assert acme.owner.api.get(f"{URL}/{mine}").status_code == 404
    assert acme.owner.api.post(f"{URL}/{mine}/read").status_code == 404
    assert unread(acme.owner) == 0
