"""What the settings say of the integration's health, and of the services that were seen."""

from typing import Any

import pytest

from tests.world import Organization, World, v3

URL = "/api/integrations/pagerduty"
LEDGER = {"id": "PLEDG", "type": "service_reference", "summary": "Ledger"}
KEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


def _save(organization: Organization, **settings: Any) -> None:
    organization.owner.api.post(URL, json=settings).raise_for_status()


def _settings(organization: Organization) -> dict[str, Any]:
    found: dict[str, Any] = organization.owner.api.get(URL).json()
    return found


def _health(organization: Organization) -> dict[str, Any]:
    health: dict[str, Any] = _settings(organization)["health"]
    return health


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"integration_key": KEY}, "integration_key_mismatch"), ({"services": ["Checkout API"]}, "service_not_taken"),
        ({"event_types": ["incident.resolved"]}, "event_type_not_taken"),
    ],
    ids=["key", "service", "event type"],
)  # fmt: skip
def test_health_tells_that_everything_is_ignored_and_why(
    acme: Organization, globex: Organization, filters: dict[str, Any], reason: str
) -> None:
    """No V3 webhook carries an integration key, so that a key filter takes none of them."""
    _save(acme, **filters)
    acme.send(v3("pagey.ping"))
    assert _health(acme)["state"] == "good"
    for number in range(3):
        [outcome] = acme.send(v3(service=LEDGER, incident_id=f"P{number}")).json()["outcomes"]
        assert (outcome["outcome"], outcome["reason"]) == ("ignored", reason)
    globex.send(v3())
    health = _health(acme)
    recent = health["recent_events"]
    assert (health["state"], recent["received"], recent["ignored"]) == ("all_ignored", 3, 3)
    assert recent["reasons"] == {reason: 3}
    assert recent["since"] < health["last_event_at"]
    assert acme.viewer.api.get(URL).json()["health"] == health
    assert _health(globex)["state"] == "good"


def test_health_is_good_again_when_something_is_taken(acme: Organization) -> None:
    _save(acme, services=["Ledger"])
    acme.send(v3())
    assert _health(acme)["state"] == "all_ignored"
    acme.send(v3(service=LEDGER, incident_id="P2"))
    health = _health(acme)
    assert health["state"] == "good"
    assert health["recent_events"]["reasons"] == {"service_not_taken": 1}
    _save(acme, services=["Payments"])
    assert _health(acme)["state"] == "good", "nothing has come since"
    acme.send(v3(incident_id="P3"))
    assert _health(acme)["state"] == "all_ignored"
    _save(acme, services=None)
    assert _health(acme)["state"] == "good"


def test_other_states_of_health_come_first(world: World) -> None:
    fresh = world.organization("Fresh", ("owner",), enabled=False)
    assert _health(fresh)["state"] == "disabled"
    _save(fresh, enabled=True, services=["Ledger"])
    assert _health(fresh)["state"] == "waiting"
    fresh.send(v3())
    assert _health(fresh)["state"] == "all_ignored"
    fresh.send(b"no JSON")
    assert _health(fresh)["state"] == "failing"
    _save(fresh, enabled=False)
    fresh.send(v3(incident_id="P2"))
    assert _health(fresh)["state"] == "disabled"


def test_services_that_were_seen_are_there_to_choose_from(acme: Organization, globex: Organization) -> None:
    globex.send(v3(service={"id": "PELSE", "summary": "Elsewhere"}))
    assert _settings(acme)["seen_services"] == []
    _save(acme, services=["PLEDG"])
    acme.send(v3())
    acme.send(v3(service=LEDGER, incident_id="P2"))
    expected = [{"id": "PSVC001", "name": "Checkout API"}, {"id": "PLEDG", "name": "Ledger"}]
    assert _settings(acme)["seen_services"] == expected
    assert acme.viewer.api.get(URL).json()["seen_services"] is None
    shown = acme.viewer.api.get("/api/notifications").json()["items"]
    assert [one["service_name"] for one in shown] == ["Ledger"]
