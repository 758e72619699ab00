"""The bell: lists that miss and repeat nothing, unread counts, reading."""

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.world import Organization, Person, World, v3

URL = "/api/notifications"
START = datetime(2026, 11, 23, 10, tzinfo=UTC)


def insert(world: World, organization: Organization, moments: list[datetime]) -> list[str]:
    """Notifications made at these moments; answers their ids."""
    with world.database() as connection:
        rows = connection.execute(
            "insert into pagerduty.notifications (organization_id, event_type, title, created_at)"
            " select %s, 'incident.triggered', 'Alert', moment from unnest(%s::timestamptz[]) moment returning id",
            (organization.id, moments),
        ).fetchall()
    return [str(row[0]) for row in rows]


def page(person: Person, **query: Any) -> dict[str, Any]:
    answer = person.api.get(URL, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def newest_first(items: list[dict[str, Any]]) -> bool:
    keys = [(one["created_at"], one["id"]) for one in items]
    return keys == sorted(keys, reverse=True)


def test_pages_miss_and_repeat_nothing_among_equal_times(acme: Organization, world: World) -> None:
    """60 notifications at three moments, and new ones while the pages are read."""
    there = insert(world, acme, [START + timedelta(microseconds=number % 3) for number in range(60)])
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 7}
    while True:
        found = page(acme.viewer, **query)
        seen += found["items"]
        insert(world, acme, [datetime.now(UTC)])
        if found["next"] is None:
            break
        query["before"] = found["next"]
    assert sorted(one["id"] for one in seen) == sorted(there)
    assert newest_first(seen)


def test_catching_up_misses_and_repeats_nothing(acme: Organization, world: World) -> None:
    """`after` and `before` together, as a client does that was away, in both directions of time."""
    insert(world, acme, [START] * 5)
    newest = page(acme.viewer)["newest"]
    assert page(acme.viewer, after=newest) == {"items": [], "next": None, "newest": newest}
    missed = insert(world, acme, [START + timedelta(seconds=number // 10) for number in range(10, 35)])
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 4, "after": newest}
    while True:
        found = page(acme.viewer, **query)
        seen += found["items"]
        if found["next"] is None:
            break
        query["before"] = found["next"]
    assert sorted(one["id"] for one in seen) == sorted(missed)
    assert newest_first(seen)
    assert page(acme.viewer, after=seen[0]["cursor"])["items"] == []
    assert page(acme.viewer, before=seen[-1]["cursor"], limit=100)["items"][-1]["created_at"].startswith(
        "2026-11-23T10:00:00"
    )


def test_what_arrives_by_webhook_can_be_caught_up_with(acme: Organization) -> None:
    """With ten senders at once, polling with the newest cursor finds everything, once, in order."""
    found: list[dict[str, Any]] = []
    cursor = None

    def poll() -> None:
        nonlocal cursor
        answer = page(acme.viewer, limit=100, **({"after": cursor} if cursor else {}))
        found.extend(reversed(answer["items"]))
        cursor = answer["newest"]

    with ThreadPoolExecutor(10) as pool:
        sent = [pool.submit(acme.send, v3(incident_id=f"P{number}")) for number in range(40)]
        while not all(one.done() for one in sent):
            poll()
    poll()
    assert sorted(one["pagerduty_incident_id"] for one in found) == sorted(f"P{number}" for number in range(40))
    assert newest_first(found[::-1])


def test_an_empty_bell(acme: Organization) -> None:
    assert page(acme.viewer) == {"items": [], "next": None, "newest": None}
    assert acme.viewer.api.get(f"{URL}/unread-count").json() == {"count": 0, "capped": False}
    assert acme.viewer.api.post(f"{URL}/read-all", json={}).json() == {"read": 0}


def test_reading_is_ones_own_and_idempotent(acme: Organization, world: World) -> None:
    first, second = insert(world, acme, [START, START])
    read = acme.viewer.api.post(f"{URL}/{first}/read")
    assert read.status_code == 200
    assert read.json()["read_at"] is not None
    again = acme.viewer.api.post(f"{URL}/{first}/read")
    assert (again.status_code, again.json()) == (200, read.json())
    assert acme.viewer.api.get(f"{URL}/{first}").json() == read.json()
    assert [one["id"] for one in page(acme.viewer, unread="true")["items"]] == [second]
    assert acme.viewer.api.get(f"{URL}/unread-count").json()["count"] == 1
    assert acme.owner.api.get(f"{URL}/unread-count").json()["count"] == 2
    assert len(page(acme.owner, unread="true")["items"]) == 2


def test_ten_readings_at_once(acme: Organization, world: World) -> None:
    (one,) = insert(world, acme, [START])
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: acme.viewer.api.post(f"{URL}/{one}/read"), range(10)))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert len({answer.json()["read_at"] for answer in answers}) == 1


def test_read_all_up_to_a_moment(acme: Organization, world: World) -> None:
    insert(world, acme, [START, START + timedelta(seconds=1), START + timedelta(seconds=2)])
    for until in ("2026-11-23T10:00:01Z", "2026-11-23T12:00:01+02:00"):
        answer = acme.viewer.api.post(f"{URL}/read-all", json={"until": until})
        assert (answer.status_code, answer.json()) == (200, {"read": 2 if until.endswith("Z") else 0})
    assert acme.viewer.api.post(f"{URL}/read-all").json() == {"read": 1}, "a body is not needed"
    assert acme.viewer.api.get(f"{URL}/unread-count").json()["count"] == 0
    assert acme.owner.api.get(f"{URL}/unread-count").json()["count"] == 3


def test_the_count_stops_at_a_thousand(acme: Organization, world: World) -> None:
    insert(world, acme, [START] * 999)
    assert acme.viewer.api.get(f"{URL}/unread-count").json() == {"count": 999, "capped": False}
    insert(world, acme, [START] * 30)
    assert acme.viewer.api.get(f"{URL}/unread-count").json() == {"count": 1000, "capped": True}
    assert acme.viewer.api.post(f"{URL}/read-all", json={}).json() == {"read": 1029}


@pytest.fixture(scope="module")
def shared(world: World) -> Organization:
    made = world.organization("Bell", ("viewer",))
    insert(world, made, [START] * 3)
    return made


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


GOOD_ID = "5d0f9f3a-6f0c-4b7e-9a55-0c1d2e3f4a5b"


@pytest.mark.parametrize("parameter", ["before", "after"])
@pytest.mark.parametrize(
    "cursor",
    [
        "x", "!!!", "é", encoded("no bar"), encoded(f"yesterday|{GOOD_ID}"), encoded("2026-11-23T10:00:00+00:00|7"),
        encoded(f"2026-11-23T10:00:00|{GOOD_ID}"), encoded(f'2026-11-23T10:00:00Z"),id.gt.0|{GOOD_ID}'),
        encoded(f"2026-11-23T10:00:00Z|{GOOD_ID}),title.is.null"), encoded("|"), encoded("\x00|\x00"), "A" * 200,
    ],
)  # fmt: skip
def test_a_bad_cursor_is_400(shared: Organization, parameter: str, cursor: str) -> None:
    answer = shared.viewer.api.get(URL, params={parameter: cursor})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "/problems/bad-cursor"
    assert parameter in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=101", "limit"), ("limit=-1", "limit"), ("limit=many", "limit"),
        ("limit=1.5", "limit"), ("limit=", "limit"), ("unread=perhaps", "unread"), (f"before={'A' * 201}", "before"),
        (f"after={'A' * 201}", "after"),
    ],
)  # fmt: skip
def test_a_bad_query_is_422(shared: Organization, query: str, field: str) -> None:
    answer = shared.viewer.api.get(f"{URL}?{query}")
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("until", ["yesterday", "2026-11-23T10:00:00", "", " ", "2026-13-01T00:00:00Z", 7, "x" * 65])
def test_a_bad_until_is_422(shared: Organization, until: Any) -> None:
    answer = shared.viewer.api.post(f"{URL}/read-all", json={"until": until})
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == ["until"]
    assert shared.viewer.api.get(f"{URL}/unread-count").json()["count"] == 3


@pytest.mark.parametrize("name", ["7", "unread", GOOD_ID, GOOD_ID + "x", "%00", "'", "null", "*", "a,b", "(x)"])
def test_404_for_what_is_not_there(shared: Organization, name: str) -> None:
    for answer in (shared.viewer.api.get(f"{URL}/{name}"), shared.viewer.api.post(f"{URL}/{name}/read")):
        assert answer.status_code == 404, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/not-found"


def test_the_notifications_of_others_are_not_there(acme: Organization, globex: Organization, world: World) -> None:
    (theirs,) = insert(world, globex, [START])
    assert acme.owner.api.get(f"{URL}/{theirs}").status_code == 404
    assert acme.owner.api.post(f"{URL}/{theirs}/read").status_code == 404
    assert page(acme.owner)["items"] == []
    assert acme.owner.api.get(URL, headers={"X-Organization-Id": globex.id}).status_code == 403
    assert globex.owner.api.get(f"{URL}/unread-count").json()["count"] == 1


def test_those_addressed_to_somebody_are_theirs_alone(acme: Organization, world: World) -> None:
    (mine,) = insert(world, acme, [START])
    with world.database() as connection:
        connection.execute(
            "update pagerduty.notifications set recipients = %s where id = %s", ([uuid.UUID(acme.viewer.id)], mine)
        )
    assert [one["id"] for one in page(acme.viewer)["items"]] == [mine]
    assert page(acme.owner)["items"] == []
    assert acme.owner.api.get(f"{URL}/{mine}").status_code == 404
    assert acme.owner.api.post(f"{URL}/{mine}/read").status_code == 404
    assert acme.owner.api.get(f"{URL}/unread-count").json()["count"] == 0
