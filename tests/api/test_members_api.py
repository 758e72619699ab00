"""Members through Supabase's own API, which anybody with a token can call: nobody is let in that way."""

import httpx
import pytest

from tests.world import PROFILE, Organization, Person

ROLES = ("owner", "admin", "responder", "viewer")
URL = "/memberships"


def organizations(person: Person) -> list[str]:
    """What /api/me answers, in its order."""
    return [one["id"] for one in person.api.get("/api/me").json()["organizations"]]


@pytest.mark.parametrize("prefer", ["", "resolution=merge-duplicates", "resolution=ignore-duplicates"])
def test_nobody_adds_somebody_elses_people(acme: Organization, globex: Organization, prefer: str) -> None:
    """Else theirs would become the default of whoever was added."""
    guest = globex.viewer
    row = {"organization_id": acme.id, "user_id": guest.id, "role": "viewer"}
    for role in ROLES:
        for rows in (row, [row]):
            answer = acme.people[role].rest.post(URL, json=rows, headers={"Prefer": prefer})
            assert (answer.status_code, answer.json()["code"]) == (403, "42501"), role
        moved = acme.people[role].rest.patch(f"{URL}?user_id=eq.{acme.viewer.id}", json={"user_id": guest.id})
        assert (moved.status_code, moved.json()["code"]) == (403, "42501"), role
    assert organizations(guest) == [globex.id]
    assert guest.rest.get(f"{URL}?select=organization_id&user_id=eq.{guest.id}").json() == [
        {"organization_id": globex.id}
    ]


def test_the_service_role_adds(acme: Organization, globex: Organization) -> None:
    row = {"organization_id": acme.id, "user_id": globex.viewer.id, "role": "responder"}
    rest = f"{acme.stack.supabase_url}/rest/v1"
    answer = httpx.post(f"{rest}{URL}", json=row, headers={"apikey": acme.stack.secret_key, **PROFILE})
    assert answer.status_code == 201, answer.text
    assert sorted(organizations(globex.viewer)) == sorted([acme.id, globex.id])
