"""Invitations and new organizations through the API: who, until when, and what it says when that is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.test_requests import assert_problem
from tests.world import Organization, Person, World

URL = "/api/invitations"


@pytest.fixture
def nina(world: World) -> Person:
    """A user in no organization."""
    return world.person("Nina")


def invite(organization: Organization, person: Person, role: str = "responder") -> dict[str, Any]:
    answer = organization.admin.api.post(URL, json={"email": person.email, "role": role})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def me(person: Person) -> dict[str, Any]:
    answer: dict[str, Any] = person.api.get("/api/me").json()
    return answer


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_from_the_invitation_to_the_membership(acme: Organization, globex: Organization, nina: Person) -> None:
    made = invite(acme, nina)
    theirs = invite(globex, nina, "viewer")
    assert (made["organization_name"], made["role"], made["email"]) == (acme.name, "responder", nina.email)
    assert (made["invited_by"], made["invited_by_name"]) == (acme.admin.id, acme.admin.name)
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    assert ids(acme.owner.api.get(URL).json()["items"]) == [made["id"]]
    assert acme.viewer.api.get(URL).json() == {"items": [], "next": None}

    assert me(nina)["organizations"] == []
    assert me(nina)["invitations"] == [theirs, made]
    assert me(acme.owner)["invitations"] == [], "what one may read is not what one can accept"
    for _ in range(2):
        accepted = nina.api.post(f"{URL}/{made['id']}/accept")
        assert accepted.status_code == 200, accepted.text
        joined = {"id": acme.id, "name": acme.name, "role": "responder", "topic": acme.topic_for(nina)}
        assert accepted.json() == joined
    assert ids(me(nina)["organizations"]) == [acme.id]
    assert me(nina)["invitations"] == [theirs]
    assert acme.owner.api.get(URL).json()["items"] == []
    assert_problem(acme.admin.api.delete(f"{URL}/{made['id']}"), 409, "conflict")


def test_a_second_one_takes_the_place_of_the_first(acme: Organization, nina: Person) -> None:
    made = invite(acme, nina)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {"email": f" {nina.email.upper()} ", "role": "owner", "expiresAt": soon}
    again = acme.owner.api.post(URL, json=body).json()
    assert (again["id"], again["role"]) == (made["id"], "owner")
    assert datetime.fromisoformat(again["expires_at"]) == datetime.fromisoformat(soon)
    assert len(acme.owner.api.get(URL).json()["items"]) == 1
    assert_problem(acme.admin.api.post(URL, json={"email": nina.email, "role": "viewer"}), 403, "forbidden")


@pytest.mark.parametrize("end", ["withdrawn", "expired"])
def test_what_is_over_says_so(world: World, acme: Organization, nina: Person, end: str) -> None:
    made = invite(acme, nina)
    if end == "withdrawn":
        for _ in range(2):
            answer = acme.owner.api.delete(f"{URL}/{made['id']}")
            assert (answer.status_code, answer.content) == (204, b"")
    else:
        with world.database() as connection:
            connection.execute("update pagerduty.invitations set expires_at = now() where id = %s", (made["id"],))
    assert end in assert_problem(nina.api.post(f"{URL}/{made['id']}/accept"), 410, "invitation-over")["detail"]
    assert me(nina)["invitations"] == []
    assert acme.owner.api.get(URL).json()["items"] == []
    assert invite(acme, nina)["id"] in ids(me(nina)["invitations"]), "and one can be invited again"


def test_it_is_nobody_elses(world: World, acme: Organization, globex: Organization, nina: Person) -> None:
    made = invite(acme, nina)
    unverified = world.person("Unverified")
    unverifieds = invite(acme, unverified)
    with world.database() as connection:
        connection.execute("update auth.users set email_confirmed_at = null where id = %s", (unverified.id,))
    assert me(unverified)["invitations"] == []
    assert_problem(unverified.api.post(f"{URL}/{unverifieds['id']}/accept"), 404, "not-found")
    for person in (unverified, globex.owner, acme.owner, acme.viewer):
        assert_problem(person.api.post(f"{URL}/{made['id']}/accept"), 404, "not-found")
    for person in (unverified, globex.owner, acme.viewer):
        assert_problem(person.api.delete(f"{URL}/{made['id']}"), 404, "not-found")
    assert_problem(nina.api.delete(f"{URL}/{made['id']}"), 403, "forbidden")
    assert_problem(nina.api.post(f"{URL}/no-id/accept"), 404, "not-found")
    assert_problem(globex.owner.api.get(URL, headers={"X-Organization-Id": acme.id}), 403, "forbidden")
    assert ids(nina.api.get(URL, headers={"X-Organization-Id": acme.id}).json()["items"]) == [made["id"]], "her own"
    assert ids(me(nina)["invitations"]) == [made["id"]]


@pytest.mark.parametrize(("role", "given", "status"), [
    ("owner", "owner", 201), ("admin", "admin", 201), ("admin", "owner", 403), ("responder", "viewer", 403),
    ("viewer", "viewer", 403),
])  # fmt: skip
def test_who_invites_whom(acme: Organization, globex: Organization, role: str, given: str, status: int) -> None:
    body = {"email": "somebody@example.test", "role": given}
    assert acme.people[role].api.post(URL, json=body).status_code == status
    elsewhere = acme.people[role].api.post(URL, json=body, headers={"X-Organization-Id": globex.id})
    assert_problem(elsewhere, 403, "forbidden")


def test_a_member_is_not_invited(acme: Organization) -> None:
    answer = acme.owner.api.post(URL, json={"email": acme.viewer.email.upper(), "role": "admin"})
    assert "member already" in assert_problem(answer, 409, "conflict")["detail"]


@pytest.mark.parametrize(("field", "value"), [
    ("email", "nobody"), ("email", "a b@example.test"), ("email", "a@b@c"), ("email", "x" * 320 + "@example.test"),
    ("email", "a\u0000@b"), ("role", "king"), ("expires_at", "2020-01-01T00:00:00Z"), ("expires_at", "tomorrow"),
    ("expires_at", "2999-01-01T00:00:00Z"), ("expires_at", "2026-11-30T00:00:00"), ("expires_at", "infinity"),
])  # fmt: skip
def test_what_is_wrong_is_said_at_its_field(acme: Organization, field: str, value: str) -> None:
    answer = acme.owner.api.post(URL, json={"email": "somebody@example.test", "role": "viewer", field: value})
    assert assert_problem(answer, 422, "invalid-fields")["errors"][0]["field"] == field


def test_the_list_is_paged(acme: Organization) -> None:
    made = [acme.owner.api.post(URL, json={"email": f"{number}@example.test", "role": "viewer"}).json()["id"]
            for number in range(3)]  # fmt: skip
    first = acme.owner.api.get(f"{URL}?limit=2").json()
    second = acme.owner.api.get(f"{URL}?limit=2&before={first['next']}").json()
    assert ids(first["items"]) + ids(second["items"]) == made[::-1]
    assert second["next"] is None


def test_who_makes_an_organization_owns_it(nina: Person) -> None:
    answer = nina.api.post("/api/organizations", json={"name": "Nina's"})
    assert answer.status_code == 201
    assert me(nina)["organizations"] == [answer.json()]
    assert answer.json()["role"] == "owner"
    for name in ("", "  ", "x" * 201):
        assert_problem(nina.api.post("/api/organizations", json={"name": name}), 422, "invalid-fields")


def test_an_unconfirmed_person_makes_none(world: World, nina: Person) -> None:
    with world.database() as connection:
        connection.execute("update auth.users set email_confirmed_at = null where id = %s", (nina.id,))
    assert_problem(nina.api.post("/api/organizations", json={"name": "Nina's"}), 403, "forbidden")


def test_nobody_makes_thousands(nina: Person) -> None:
    made = [nina.api.post("/api/organizations", json={"name": f"Number {number}"}) for number in range(21)]
    assert [answer.status_code for answer in made] == [201] * 20 + [409]
    assert "give one away" in assert_problem(made[-1], 409, "conflict")["detail"]
