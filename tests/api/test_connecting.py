"""Connecting: with an API key alone, the webhook is made in PagerDuty, proven, kept true, and removed."""

from typing import Any

import httpx
import pytest

from devstack import pagerduty
from devstack.stack import Stack
from tests.api.sandbox_account import SUBSCRIPTION, URL, Account, compare, connect, proven
from tests.api.service_processes import wait_for
from tests.pagerduty_schema import check_request
from tests.world import Organization, Person


@pytest.fixture
def account(stack: Stack) -> Account:
    return Account(stack)


def titles(person: Person) -> list[str]:
    return [row["title"] for row in person.api.get("/api/notifications").json()["items"]]


def test_one_click_and_alerts_arrive(acme: Organization, globex: Organization, stack: Stack) -> None:
    ours, theirs = Account(stack), Account(stack)
    for organization, account in ((acme, ours), (globex, theirs)):
        saved = connect(organization, account)
        assert (saved["enabled"], saved["signing_secret"]["set"], saved["health"]["state"]) == (True, True, "good")
        subscription = saved["subscription"]
        assert subscription["scope"] == {"type": "account", "id": None, "name": None}
        (made,) = account.subscriptions
        assert (made["id"], made["active"], len(made["events"])) == (subscription["id"], True, 30)
        assert made["delivery_method"]["url"] == saved["webhook_url"]
    ours.play("incidents", title="Ours is on fire")
    theirs.play("incidents", title="Theirs is on fire")
    wait_for(lambda: titles(acme.responder))
    wait_for(lambda: titles(globex.responder))
    assert (titles(acme.responder), titles(globex.responder)) == (["Ours is on fire"], ["Theirs is on fire"])
    # What is not signed with the secret that PagerDuty told is nobody's.
    assert acme.send({"event": {"id": "x", "event_type": "incident.triggered"}}).status_code == 401


def test_its_secret_is_told_to_nobody(acme: Organization, account: Account) -> None:
    saved = connect(acme, account)
    (made,) = account.subscriptions
    audit = acme.admin.api.get(f"{URL}/audit").json()["items"]
    secrets = [line for line in audit if line["subject"] == "credentials"]
    assert {line["setting"] for line in secrets} == {"api_key", "signing_secret"}
    assert all(line["old_value"] is line["new_value"] is None for line in secrets)
    assert made["delivery_method"]["secret"] is None
    for person in (acme.owner, acme.responder, acme.viewer):
        answer = person.api.get(URL)
        assert account.key not in answer.text
        assert answer.json()["subscription"]["id"] == saved["subscription"]["id"]
        assert (answer.json()["webhook_url"] is None) == (person is not acme.owner)


def test_to_connect_again_replaces_and_doubles_nothing(acme: Organization, account: Account) -> None:
    first = connect(acme, account)["subscription"]["id"]
    second = connect(acme, account)["subscription"]["id"]
    assert [found["id"] for found in account.subscriptions] == [second] != [first]
    account.play("incidents", title="Once")
    wait_for(lambda: titles(acme.viewer))
    assert acme.viewer.api.get("/api/notifications").json()["items"][0]["events"] == 1


def test_what_an_attempt_left_behind_is_removed(acme: Organization, account: Account) -> None:
    url = connect(acme, account)["webhook_url"]
    (made,) = account.subscriptions
    left = {
        "type": "webhook_subscription", "description": made["description"], "events": ["incident.triggered"],
        "delivery_method": {"type": "http_delivery_method", "url": url}, "filter": {"type": "account_reference"},
    }  # fmt: skip
    by_hand = left | {"description": "somebody's own"}
    for body in (left, by_hand):
        assert account.ask("POST", "/webhook_subscriptions", json={"webhook_subscription": body}).status_code == 200
    connect(acme, account)
    assert sorted(found["description"] for found in account.subscriptions) == sorted(
        [made["description"], "somebody's own"]
    )


def test_a_new_url_moves_the_subscription_over(acme: Organization, account: Account) -> None:
    before = connect(acme, account)
    rotated = acme.admin.api.post(f"{URL}/rotate-url")
    assert rotated.status_code == 200
    after = proven(acme.admin)
    assert after["webhook_url"] != before["webhook_url"]
    assert [found["delivery_method"]["url"] for found in account.subscriptions] == [after["webhook_url"]]


def test_a_new_url_that_pagerduty_cannot_be_told_says_so_and_is_mended(acme: Organization, account: Account) -> None:
    connect(acme, account)
    (made,) = account.subscriptions
    # The key is another's now: PagerDuty refuses it.
    acme.admin.api.post(URL, json={"api_key": pagerduty.REVOKED_KEY})
    assert acme.admin.api.post(f"{URL}/rotate-url").json()["subscription"]["state"] == "old_url"
    account.play("incidents", title="Still arrives")  # the old URL is taken for 48 hours
    wait_for(lambda: titles(acme.viewer))
    connect(acme, account)
    assert [found["id"] for found in account.subscriptions] != [made["id"]]
    assert len(account.subscriptions) == 1


@pytest.mark.parametrize("what", ["suspended", "inactive", "gone", "changed"])
def test_what_became_of_it_in_pagerduty_is_found_and_mended(acme: Organization, account: Account, what: str) -> None:
    connect(acme, account)
    compare(acme.admin)  # else the worker does so now, and mends it
    assert acme.admin.api.get(SUBSCRIPTION).json()["state"] == "on"
    (made,) = account.subscriptions
    path = f"/webhook_subscriptions/{made['id']}"
    if what == "suspended":
        account.play(f"subscriptions/{made['id']}/disable")
    elif what == "inactive":
        account.ask("PUT", path, json={"webhook_subscription": {"active": False}})
    elif what == "gone":
        account.ask("DELETE", path)
    else:
        account.ask("PUT", path, json={"webhook_subscription": {"events": ["incident.triggered"]}})
    found = acme.admin.api.get(SUBSCRIPTION).json()
    assert found["state"] == {"inactive": "off"}.get(what, what)
    assert ("switched on again from here" if what == "suspended" else "Connect again") in found["message"]
    if what == "gone":
        assert acme.admin.api.post(f"{URL}/ping", json={}).status_code == 409
    connect(acme, account)
    assert acme.admin.api.get(SUBSCRIPTION).json()["state"] == "on"
    assert len(account.subscriptions) == 1


def test_disconnecting_removes_it_there_and_here(acme: Organization, account: Account) -> None:
    connect(acme, account)
    answer = acme.admin.api.delete(SUBSCRIPTION)
    assert (answer.status_code, answer.json()["subscription"], account.subscriptions) == (200, None, [])
    assert acme.admin.api.delete(SUBSCRIPTION).status_code == 404
    assert acme.admin.api.post(f"{URL}/ping", json={}).status_code == 404
    audit = acme.admin.api.get(f"{URL}/audit").json()["items"]
    assert [line["change"] for line in audit if line["setting"] == "subscription_id"] == ["removed", "set"]


def test_one_that_is_gone_there_can_be_disconnected(acme: Organization, account: Account) -> None:
    made = connect(acme, account)["subscription"]
    account.ask("DELETE", f"/webhook_subscriptions/{made['id']}")
    assert acme.admin.api.delete(SUBSCRIPTION).json()["subscription"] is None


def test_a_ping_proves_it_again(acme: Organization, account: Account) -> None:
    before = connect(acme, account)["subscription"]["proven_at"]
    assert acme.admin.api.post(f"{URL}/ping", json={}).status_code == 200
    wait_for(lambda: acme.admin.api.get(URL).json()["subscription"]["proven_at"] > before)


@pytest.mark.parametrize(
    ("kind", "named", "name"), [("service", "PSERV01", "Checkout"), ("team", "PTEAM01", "Storefront")]
)
def test_a_service_or_a_team_alone(acme: Organization, account: Account, kind: str, named: str, name: str) -> None:
    saved = connect(acme, account, scope={"type": kind, "id": named})
    assert saved["subscription"]["scope"] == {"type": kind, "id": named, "name": name}
    account.play("incidents", title="Not ours", service="PSERV03")
    account.play("incidents", title="Ours", service="PSERV01")
    wait_for(lambda: titles(acme.viewer))
    assert titles(acme.viewer) == ["Ours"]


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ({"type": "service", "id": "PNONE00"}, 409), ({"type": "team", "id": "PNONE00"}, 409),
        ({"type": "service"}, 422), ({"type": "account", "id": "PSERV01"}, 422), ({"type": "planet", "id": "x"}, 422),
        ({"type": "service", "id": "../users"}, 422), ({"type": "service", "id": "x" * 256}, 422),
    ],
)  # fmt: skip
def test_what_there_is_not_is_not_connected(
    acme: Organization, account: Account, scope: dict[str, Any], status: int
) -> None:
    acme.admin.api.post(URL, json={"api_key": account.key})
    assert acme.admin.api.post(SUBSCRIPTION, json={"scope": scope}).status_code == status
    assert account.subscriptions == []


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        (pagerduty.READ_ONLY_KEY, 409, "read-only"), (pagerduty.REVOKED_KEY, 409, "does not accept the saved API key"),
        (pagerduty.RATE_LIMITED_KEY, 503, "limiting"), (pagerduty.UNAVAILABLE_KEY, 503, "status 503"),
        (None, 409, "No API key is saved"),
    ],
)  # fmt: skip
def test_what_pagerduty_does_not_do_is_said_in_its_words(
    acme: Organization, key: str | None, status: int, words: str
) -> None:
    before = acme.admin.api.post(URL, json={"api_key": key}).json()
    answer = acme.admin.api.post(SUBSCRIPTION, json={})
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    if key == pagerduty.RATE_LIMITED_KEY:
        assert answer.headers["retry-after"] == str(pagerduty.RATE_LIMIT_RESET)
    after = acme.admin.api.get(URL).json()
    assert (after["subscription"], after["signing_secret"]) == (None, before["signing_secret"])


def test_only_admins_connect_and_only_their_own(acme: Organization, globex: Organization, account: Account) -> None:
    connect(acme, account)
    elsewhere = {"X-Organization-Id": acme.id}
    for method, path in (
        ("GET", SUBSCRIPTION),
        ("POST", SUBSCRIPTION),
        ("DELETE", SUBSCRIPTION),
        ("POST", f"{URL}/ping"),
    ):
        body: Any = {"json": {}} if method == "POST" else {}
        for person in (acme.responder, acme.viewer):
            assert person.api.request(method, path, **body).status_code == 403, (method, path)
        assert globex.admin.api.request(method, path, headers=elsewhere, **body).status_code == 403, (method, path)
    assert len(account.subscriptions) == 1


def test_what_is_sent_is_valid_by_pagerdutys_schema(acme: Organization, account: Account) -> None:
    connect(acme, account, scope={"type": "service", "id": "PSERV01"})
    connect(acme, account, scope={"type": "team", "id": "PTEAM01"})
    acme.admin.api.get(SUBSCRIPTION)
    acme.admin.api.post(f"{URL}/ping", json={})
    acme.admin.api.post(f"{URL}/test", json={})
    acme.admin.api.delete(SUBSCRIPTION)
    asked = httpx.get(f"{account.url}/console/traffic").json()
    assert len({(one["method"], one["call"]) for one in asked}) >= 9
    for one in asked:
        if (
            "python-httpx/" not in one["headers"]["user-agent"] and one["body"] != "{}"
        ):  # the key test's is wrong on purpose
            check_request(one)
