from tests.world import Organization, v3


def test_an_alert_reaches_the_bell(acme: Organization, globex: Organization) -> None:
    answer = acme.send(v3())
    assert answer.status_code == 202, answer.text
    assert [one["title"] for one in acme.viewer.api.get("/api/notifications").json()["items"]] == ["Checkout is down"]
    assert globex.viewer.api.get("/api/notifications").json()["items"] == []
