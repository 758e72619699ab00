"""Incidents through the API: making, finding, changing, and the link to PagerDuty's."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.world import Organization, Person, World, v3

URL = "/api/incidents"
FORM = ("title", "description", "criticality", "urgency", "status", "customer", "tags")


def create(person: Person, **fields: Any) -> dict[str, Any]:
    answer = person.api.post(URL, json={"title": "Something", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{URL}/{made['id']}"
    return made


def alert(organization: Organization, **incident: Any) -> dict[str, Any]:
    """Sends a webhook and answers its notification."""
    (outcome,) = organization.send(v3(**incident)).json()["outcomes"]
    found: dict[str, Any] = organization.viewer.api.get(f"/api/notifications/{outcome['notification_id']}").json()
    return found


@pytest.fixture(scope="module")
def shared(world: World) -> Organization:
    return world.organization("Incidents")


def test_every_field(acme: Organization) -> None:
    fields = {
        "title": "Größe \" ' \\ 🚨 {a,b}", "description": "line one\nline two\ttab", "criticality": "critical",
        "urgency": "low", "status": "investigating", "customer": "Ö, Inc.", "tags": ["a,b", '"q"', "{x}", "NULL", "ß"],
    }  # fmt: skip
    made = create(acme.responder, **fields)
    assert {name: made[name] for name in FORM} == fields
    assert (made["organization_id"], made["created_by"]) == (acme.id, acme.responder.id)
    assert made["notification_id"] is made["pagerduty_incident_id"] is made["pagerduty_url"] is None
    assert acme.viewer.api.get(f"{URL}/{made['id']}").json() == made
    assert acme.viewer.api.get(URL).json() == {"items": [made], "next": None}


def test_defaults_and_limits(shared: Organization) -> None:
    made = create(shared.owner, title="  x  ")
    assert {name: made[name] for name in FORM} == {
        "title": "x", "description": "", "criticality": "medium", "urgency": "medium", "status": "open", "customer": "",
        "tags": [],
    }  # fmt: skip
    most = {"title": "t" * 1100, "description": "d" * 20_000, "customer": "c" * 255, "tags": ["t" * 90] * 50}
    assert len(create(shared.owner, **most)["tags"]) == 50


#: An id that nothing has.
GOOD_ID = "5d0f9f3a-6f0c-4b7e-9a55-0c1d2e3f4a5b"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"), ({"title": ""}, "title"), ({"title": "   "}, "title"), ({"title": None}, "title"),
        ({"title": 7}, "title"), ({"title": "t" * 1101}, "title"), ({"title": "nul\x00"}, "title"),
        ({"title": "\x1b\x07\n"}, "title"),
        ({"title": "half\ud83d"}, "title"), ({"description": "d" * 20_001}, "description"),
        ({"description": None}, "description"), ({"criticality": "urgent"}, "criticality"),
        ({"criticality": "HIGH"}, "criticality"), ({"urgency": None}, "urgency"), ({"status": "triggered"}, "status"),
        ({"customer": "c" * 256}, "customer"), ({"tags": "a"}, "tags"), ({"tags": ["t"] * 51}, "tags"),
        ({"tags": [""]}, "tags.0"), ({"tags": ["ok", 7]}, "tags.1"), ({"tags": ["t" * 301]}, "tags.0"),
        ({"tags": [None]}, "tags.0"), ({"notification_id": "7"}, "notification_id"),
        ({"notificationId": "x" * 36}, "notificationId"), ({"id": GOOD_ID}, "id"),
        ({"created_by": GOOD_ID}, "created_by"), ({"organizationId": "x"}, "organizationId"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else value,
)  # fmt: skip
def test_422_names_the_field(shared: Organization, body: dict[str, Any], field: str) -> None:
    sent = json.dumps(body if field == "title" else {"title": "x", **body})
    answer = shared.responder.api.post(URL, content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    if field not in ("title", "notification_id", "notificationId", "id", "created_by", "organizationId") or body:
        found = create(shared.owner)
        changed = shared.responder.api.patch(
            f"{URL}/{found['id']}", content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert changed.status_code == 422, changed.text


def test_a_title_is_one_line_without_control_characters(shared: Organization) -> None:
    made = create(shared.owner, title="one\ntwo\x1b[31m\x07")
    assert made["title"] == "one two [31m"
    changed = shared.owner.api.patch(f"{URL}/{made['id']}", json={"title": "\u2028one\r\n two"})
    assert changed.json()["title"] == "one two"


@pytest.mark.parametrize("notification_id", ["-" * 36, "0" * 36, GOOD_ID])
def test_a_notification_that_is_none_is_refused(shared: Organization, notification_id: str) -> None:
    answer = shared.responder.api.post(URL, json={"title": "x", "notification_id": notification_id})
    assert answer.status_code in (404, 422), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_tags_that_are_too_long_together_are_422(shared: Organization) -> None:
    full, too_long = ["t" * 100] * 50, ["t" * 100] * 49 + ["t" * 101]
    made = create(shared.responder, tags=full)
    for answer in (
        shared.responder.api.post(URL, json={"title": "x", "tags": too_long}),
        shared.responder.api.patch(f"{URL}/{made['id']}", json={"tags": too_long}),
    ):
        assert answer.status_code == 422, answer.text
        message = "may have 5000 characters together, these have 5001"
        assert answer.json()["errors"] == [{"field": "tags", "message": message}]


def test_viewers_look_on(acme: Organization) -> None:
    made = create(acme.admin)
    refused = [
        acme.viewer.api.post(URL, json={"title": "x"}),
        acme.viewer.api.patch(f"{URL}/{made['id']}", json={"title": "x"}),
        acme.viewer.api.post(f"{URL}/{made['id']}/updates", json={"body": "x"}),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
    assert acme.viewer.api.get(f"{URL}/{made['id']}").json() == made
    assert len(acme.viewer.api.get(f"{URL}/{made['id']}/updates").json()["items"]) == 1


def test_a_patch_changes_what_it_names(acme: Organization) -> None:
    made = create(acme.owner, customer="C", tags=["a"])
    address = f"{URL}/{made['id']}"
    assert acme.responder.api.patch(address, json={}).json() == made
    changed = acme.responder.api.patch(address, json={"status": "resolved", "tags": []}).json()
    assert {**changed, "updated_at": made["updated_at"]} == {**made, "status": "resolved", "tags": []}
    assert changed["updated_at"] > made["updated_at"]
    for body in ({"status": None}, {"title": None}, {"tags": None}, {"notification_id": None}, {"customer": None}):
        refused = acme.responder.api.patch(address, json=body)
        assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, list(body))
    timeline = acme.viewer.api.get(f"{address}/updates").json()["items"]
    told = [(one["kind"], one["status_from"], one["status_to"], one["author_id"]) for one in timeline]
    assert told == [
        ("created", None, "open", acme.owner.id),
        ("status", "open", "resolved", acme.responder.id),
        ("edited", None, None, acme.responder.id),
    ]


def test_who_works_on_it(acme: Organization, world: World) -> None:
    made = create(acme.owner)
    assert made["assignee_id"] is None
    address = f"{URL}/{made['id']}"
    taken = acme.responder.api.patch(address, json={"assignee_id": acme.responder.id, "assignee_was": None}).json()
    assert taken["assignee_id"] == acme.responder.id
    # Who saw nobody work on it is told who does, and nothing is taken away unseen.
    late = acme.admin.api.patch(address, json={"assignee_id": acme.admin.id, "assigneeWas": None})
    assert (late.status_code, late.json()["type"]) == (409, "/problems/incident-taken")
    assert late.json()["assignee_id"] == acme.responder.id
    seen = {"assignee_id": acme.admin.id, "assignee_was": acme.responder.id}
    assert acme.admin.api.patch(address, json=seen).json()["assignee_id"] == acme.admin.id
    assert acme.admin.api.patch(address, json={"assignee_id": None}).json()["assignee_id"] is None
    timeline = acme.viewer.api.get(f"{address}/updates").json()["items"]
    assert [(one["assignee_from"], one["assignee_to"], one["author_id"]) for one in timeline[1:]] == [
        (None, acme.responder.id, acme.responder.id),
        (acme.responder.id, acme.admin.id, acme.admin.id),
        (acme.admin.id, None, acme.admin.id),
    ]
    stranger = world.organization("Globex").owner
    for body in ({"assignee_id": stranger.id}, {"assignee_id": "me"}, {"assignee_was": 7}):
        refused = acme.owner.api.patch(address, json=body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, next(iter(body)))
    refused = acme.owner.api.post(URL, json={"title": "x", "assignee_id": stranger.id})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "assignee_id")
    own = {"assignee_id": acme.viewer.id}
    for change in (own, {**own, "assignee_was": None}):
        assert acme.viewer.api.patch(address, json=change).status_code == 403
    assert stranger.api.patch(address, json={"assignee_id": stranger.id}).status_code == 404


def test_of_those_who_take_it_at_once_one_has_it(acme: Organization) -> None:
    address = f"{URL}/{create(acme.owner)['id']}"
    people = [acme.owner, acme.admin, acme.responder]

    def take(person: Person) -> int:
        return person.api.patch(address, json={"assignee_id": person.id, "assignee_was": None}).status_code

    with ThreadPoolExecutor(len(people)) as pool:
        answers = list(pool.map(take, people))
    assert sorted(answers) == [200, 409, 409]
    holder = acme.viewer.api.get(address).json()["assignee_id"]
    assert holder == people[answers.index(200)].id


def test_ones_own_are_found(acme: Organization, world: World) -> None:
    mine = create(acme.owner, title="Mine", assignee_id=acme.responder.id)
    create(acme.owner, title="Another's", assignee_id=acme.owner.id)
    free = create(acme.owner, title="Nobody's")
    found = acme.responder.api.get(URL, params={"assignee": acme.responder.id}).json()["items"]
    assert [one["id"] for one in found] == [mine["id"]]
    found = acme.responder.api.get(URL, params={"assignee": "none"}).json()["items"]
    assert [one["id"] for one in found] == [free["id"]]
    assert acme.responder.api.get(URL, params={"assignee": "me"}).status_code == 422
    stranger = world.organization("Globex").owner
    assert stranger.api.get(URL, params={"assignee": acme.responder.id}).json()["items"] == []


def test_comments(acme: Organization) -> None:
    address = f"{URL}/{create(acme.owner)['id']}/updates"
    made = acme.responder.api.post(address, json={"body": " Looking into it.\n"})
    assert made.status_code == 201, made.text
    assert (made.json()["kind"], made.json()["body"], made.json()["author_id"]) == (
        "comment", "Looking into it.", acme.responder.id,
    )  # fmt: skip
    for body in (
        {},
        {"body": ""},
        {"body": " "},
        {"body": "x" * 10_001},
        {"body": None},
        {"body": "x", "kind": "created"},
    ):
        assert acme.responder.api.post(address, json=body).status_code == 422, body
    for number in range(5):
        acme.owner.api.post(address, json={"body": f"{number}"})
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        found = acme.viewer.api.get(address, params=query).json()
        seen += [one["body"] for one in found["items"]]
        if found["next"] is None:
            break
        query["after"] = found["next"]
    assert seen == ["", "Looking into it.", *"01234"]
    assert acme.viewer.api.get(f"{address}?after=bad").status_code == 400


def test_pages_miss_and_repeat_nothing_among_equal_times(acme: Organization, world: World) -> None:
    with world.database() as connection:
        rows = connection.execute(
            "insert into pagerduty.incidents (organization_id, title, created_at)"
            " select %s, 'Equal', '2026-11-23T10:00:00Z' from generate_series(1, 55) returning id",
            (acme.id,),
        ).fetchall()
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 10}
    while True:
        found = acme.viewer.api.get(URL, params=query).json()
        seen += [one["id"] for one in found["items"]]
        create(acme.owner, title="New")
        if found["next"] is None:
            break
        query["before"] = found["next"]
    assert sorted(seen) == sorted(str(row[0]) for row in rows)
    assert acme.viewer.api.get(f"{URL}?before=bad").status_code == 400


def test_the_incidents_of_others_are_not_there(acme: Organization, globex: Organization) -> None:
    theirs = create(globex.owner)
    notification = alert(globex)
    address = f"{URL}/{theirs['id']}"
    for answer in (
        acme.owner.api.get(address),
        acme.owner.api.patch(address, json={"title": "x"}),
        acme.owner.api.get(f"{address}/updates"),
        acme.owner.api.post(f"{address}/updates", json={"body": "x"}),
        acme.owner.api.post(URL, json={"title": "x", "notification_id": notification["id"]}),
    ):
        assert answer.status_code == 404, answer.text
    assert acme.owner.api.get(URL).json()["items"] == []
    assert globex.owner.api.get(address).json() == theirs


@pytest.mark.parametrize("name", ["7", GOOD_ID, "%00", "'", "null", "new", "a,b"])
def test_404_for_what_is_not_there(shared: Organization, name: str) -> None:
    for answer in (
        shared.owner.api.get(f"{URL}/{name}"),
        shared.owner.api.patch(f"{URL}/{name}", json={"title": "x"}),
        shared.owner.api.get(f"{URL}/{name}/updates"),
        shared.owner.api.post(f"{URL}/{name}/updates", json={"body": "x"}),
    ):
        assert answer.status_code == 404, answer.text
        assert answer.json()["type"] == "/problems/not-found"


# PagerDuty's --------------------------------------------------------------------------------------------------------


def test_the_second_person_is_sent_to_the_incident_that_is_there(acme: Organization) -> None:
    first, second = alert(acme), alert(acme, event_type="incident.acknowledged")
    body = {"title": "Mine", "notification_id": first["id"]}
    made = create(acme.responder, **body)
    for notification in (first, second):
        answer = acme.admin.api.post(URL, json={"title": "Mine, too", "notification_id": notification["id"]})
        assert answer.status_code == 409, answer.text
        assert answer.json()["type"] == "/problems/incident-exists"
        assert answer.json()["incident_id"] == made["id"]
        assert answer.headers["Location"] == f"{URL}/{made['id']}"
    assert len(acme.viewer.api.get(URL).json()["items"]) == 1


def test_a_notification_alone_makes_it_as_prefilled(acme: Organization) -> None:
    shown = alert(acme, title="Disk full", priority={"id": "P1", "summary": "P1"})
    made = acme.responder.api.post(URL, json={"notification_id": shown["id"]}).json()
    assert {field: made[field] for field in FORM} == {field: shown["prefill"][field] for field in FORM}
    assert (made["notification_id"], made["pagerduty_incident_id"]) == (shown["id"], shown["pagerduty_incident_id"])


def test_what_is_given_stands_in_place_of_the_prefill(acme: Organization) -> None:
    given = {"title": "Mine", "criticality": "critical", "tags": [], "customer": ""}
    shown = alert(acme)
    made = acme.responder.api.post(URL, json={"notificationId": shown["id"], **given}).json()
    rest = {field: shown["prefill"][field] for field in FORM if field not in given}
    assert {field: made[field] for field in FORM} == {**rest, **given}


def test_a_form_that_was_open_for_a_while_starts_where_pagerduty_stands(acme: Organization) -> None:
    """The prefill says with which status it was filled in: nobody chose that one."""
    form = alert(acme)["prefill"]
    acme.send(v3("incident.resolved"))
    assert acme.responder.api.post(URL, json=form).json()["status"] == "resolved"


def test_an_incident_needs_a_title_or_a_notification_of_one(acme: Organization) -> None:
    service = {"type": "service", "id": "PSVC9", "summary": "Ledger"}
    body = v3("service.updated")
    body["event"]["data"] = service
    of_service = acme.send(body).json()["outcomes"][0]["notification_id"]
    for given in ({}, {"title": None}, {"title": ""}, {"notification_id": of_service}):
        answer = acme.responder.api.post(URL, json=given)
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == ["title"]
    assert acme.responder.api.post(URL, json={"notification_id": GOOD_ID}).status_code == 404
    assert acme.viewer.api.post(URL, json={"notification_id": alert(acme)["id"]}).status_code == 403


def test_an_incident_that_exists_is_linked(acme: Organization, globex: Organization) -> None:
    shown, other, theirs = alert(acme), alert(acme, incident_id="P2"), alert(globex)
    made, second = create(acme.responder), create(acme.responder)
    path = f"{URL}/{made['id']}/link"
    for _ in range(2):
        linked = acme.responder.api.post(path, json={"notification_id": shown["id"]})
        assert linked.status_code == 200, linked.text
        assert linked.json()["pagerduty_incident_id"] == shown["pagerduty_incident_id"]
    found = acme.viewer.api.get(f"/api/notifications/{shown['id']}").json()
    assert found["incident_id"] == made["id"]
    for incident, notification, status, problem in (
        (made, other["id"], 409, "incident-linked"), (second, shown["id"], 409, "incident-exists"),
        (second, theirs["id"], 404, "not-found"), (second, GOOD_ID, 404, "not-found"),
        ({"id": GOOD_ID}, shown["id"], 404, "not-found"), (second, "x", 422, "invalid-fields"),
    ):  # fmt: skip
        answer = acme.responder.api.post(f"{URL}/{incident['id']}/link", json={"notification_id": notification})
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}")
    refused = acme.viewer.api.post(f"{URL}/{second['id']}/link", json={"notification_id": other["id"]})
    assert refused.status_code == 403
    acme.send(v3("incident.resolved", occurred_at=datetime.now(UTC).isoformat()))
    assert acme.viewer.api.get(f"{URL}/{made['id']}").json()["status"] == "resolved"


def test_ten_people_at_once_make_one_incident(acme: Organization) -> None:
    body = {"title": "Mine", "notification_id": alert(acme)["id"]}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: acme.responder.api.post(URL, json=body), range(10)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 9]
    (made,) = (answer.json() for answer in answers if answer.status_code == 201)
    assert {answer.json()["incident_id"] for answer in answers if answer.status_code == 409} == {made["id"]}


def test_the_longest_prefill_can_be_saved(acme: Organization) -> None:
    notification = alert(
        acme, title="t" * 3000, incident_id="P" * 255, service={"id": "S" * 255, "summary": "s" * 3000},
        html_url="https://acme.pagerduty.com/" + "x" * 2000, priority={"summary": "p" * 3000},
        assignees=[{"summary": f"{number}" * 300} for number in range(30)],
    )  # fmt: skip
    form = {name: notification["prefill"][name] for name in FORM}
    made = create(acme.responder, **form, notification_id=notification["id"])
    assert {name: made[name] for name in FORM} == form
    assert made["pagerduty_incident_id"] == "P" * 255


def test_an_older_event_does_not_move_it_back(acme: Organization) -> None:
    made = create(acme.responder, notification_id=alert(acme)["id"])
    acme.send(v3("incident.resolved", occurred_at="2026-11-23T11:00:00Z"))
    acme.send(v3("incident.acknowledged", occurred_at="2026-11-23T10:30:00Z"))
    assert acme.viewer.api.get(f"{URL}/{made['id']}").json()["status"] == "resolved"
    kinds = [one["kind"] for one in acme.viewer.api.get(f"{URL}/{made['id']}/updates").json()["items"]]
    assert kinds == ["pagerduty", "created", "pagerduty", "pagerduty"]


def test_a_priority_moves_nothing_and_a_hidden_resolve_does(acme: Organization) -> None:
    made = create(acme.responder, notification_id=alert(acme)["id"])
    acme.responder.api.patch(f"{URL}/{made['id']}", json={"status": "investigating"}).raise_for_status()
    filtered = {"event_types": ["incident.triggered"]}
    acme.owner.api.post("/api/integrations/pagerduty", json=filtered).raise_for_status()
    stood = []
    for kind in ("incident.priority_updated", "incident.resolved"):
        now = datetime.now(UTC).isoformat()
        (outcome,) = acme.send(v3(kind, occurred_at=now)).json()["outcomes"]
        assert (outcome["outcome"], outcome["incident_id"]) == ("updated", made["id"])
        stood.append(acme.viewer.api.get(f"{URL}/{made['id']}").json()["status"])
    assert stood == ["investigating", "resolved"]
    assert len(acme.viewer.api.get("/api/notifications").json()["items"]) == 1
    told = [one["body"] for one in acme.viewer.api.get(f"{URL}/{made['id']}/updates").json()["items"][-2:]]
    assert told == ["Priority changed to none", "Resolved"]
