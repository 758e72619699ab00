"""The audit through the API: who changed what, page by page, for owners and admins."""

from typing import Any

import pytest

from tests.world import Organization, World

URL = "/api/integrations/pagerduty"
AUDIT = f"{URL}/audit"
SECRETS = {"api_key": "marked-api-key-QXZQ", "signing_secret": "marked-signing-secret-QXZQ", "integration_key": "QXZQ"}


def audit(organization: Organization, **query: Any) -> dict[str, Any]:
    answer = organization.owner.api.get(AUDIT, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_who_changed_what(acme: Organization) -> None:
    acme.admin.api.post(URL, json={"region": "eu"}).raise_for_status()
    line = audit(acme)["items"][0]
    assert {name: line[name] for name in line if name not in ("id", "created_at", "cursor")} == {
        "actor_id": acme.admin.id, "actor_name": acme.admin.name, "subject": "integrations",
        "member_id": None, "member_name": None, "setting": "region", "change": "changed",
        "old_value": "us", "new_value": "eu",
    }  # fmt: skip
    role = {"role": "responder"}
    changed = acme.owner.rest.patch(f"/memberships?user_id=eq.{acme.viewer.id}", json=role)
    assert changed.status_code == 204, changed.text
    line = audit(acme)["items"][0]
    assert (line["actor_id"], line["member_id"], line["member_name"]) == (
        acme.owner.id, acme.viewer.id, acme.viewer.name,
    )  # fmt: skip
    assert (line["setting"], line["old_value"], line["new_value"]) == ("role", "viewer", "responder")


def test_no_secret_is_answered(acme: Organization) -> None:
    tokens = [acme.owner.api.get(URL).json()["webhook_url"].split("/")[-1]]
    acme.admin.api.post(URL, json=SECRETS).raise_for_status()
    tokens.append(acme.admin.api.post(f"{URL}/rotate-url").json()["webhook_url"].split("/")[-1])
    acme.admin.api.post(URL, json=dict.fromkeys(SECRETS)).raise_for_status()
    answer = acme.owner.api.get(AUDIT)
    told = {(line["setting"], line["change"]) for line in answer.json()["items"]}
    assert {(name, change) for name in SECRETS for change in ("set", "removed")} <= told
    assert ("webhook_token", "changed") in told
    assert "marked" not in answer.text
    assert "QXZQ" not in answer.text
    assert not [token for token in tokens if token in answer.text]


def test_page_by_page(acme: Organization) -> None:
    everything = audit(acme, limit=100)
    assert everything["next"] is None
    pages, before = [], None
    while True:
        page = audit(acme, limit=3, **({"before": before} if before else {}))
        pages += page["items"]
        before = page["next"]
        if before is None:
            break
    assert pages == everything["items"]
    assert len(pages) > 3
    assert acme.owner.api.get(AUDIT, params={"before": "nonsense"}).status_code == 400
    assert acme.owner.api.get(AUDIT, params={"limit": 0}).status_code == 422
    assert audit(acme, before=pages[-1]["cursor"]) == {"items": [], "next": None}


@pytest.mark.parametrize("role", ["responder", "viewer"])
def test_only_owners_and_admins_read_it(acme: Organization, role: str) -> None:
    refused = getattr(acme, role).api.get(AUDIT)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")


def test_the_audit_of_others_is_out_of_reach(world: World, acme: Organization, globex: Organization) -> None:
    assert acme.owner.api.get(AUDIT, headers={"X-Organization-Id": globex.id}).status_code == 403
    stranger = world.person()
    assert stranger.api.get(AUDIT, headers={"X-Organization-Id": acme.id}).status_code == 403
    assert globex.name not in str(audit(acme))
