"""The sandbox as PagerDuty: its REST API by PagerDuty's own schema, its webhooks, its clock, its page."""

import functools
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from devstack.pagerduty import (
    CLIENT_ID,
    CLIENT_SECRET,
    EU_KEY,
    FULL_ACCESS_KEY,
    RATE_LIMITED_KEY,
    RATE_LIMITED_SILENTLY_KEY,
    READ_ONLY_KEY,
    REVOKED_KEY,
    TEAM_KEY,
    USER_EMAIL,
    USER_KEY,
    Sandbox,
    create_app,
)
from service.pagerduty.events import V3_TYPES
from tests.api.service_processes import wait_for
from tests.pagerduty_schema import check_request, check_response

OLIVIA, RITA = "olivia@acme.test", "rita@acme.test"
SERVICE = {"id": "PSERV01", "type": "service_reference"}
OTHER_SERVICE = {"id": "PSERV03", "type": "service_reference"}


class Api:
    """PagerDuty's REST API with a key; every request and every answer is held to PagerDuty's schema."""

    def __init__(self, http: TestClient, sandbox: Sandbox, key: str = FULL_ACCESS_KEY, region: str = "us") -> None:
        self._http, self._sandbox, self._region = http, sandbox, region
        self.authorization = f"Token token={key}"

    def ask(self, method: str, path: str, body: Any = None, sender: str | None = OLIVIA, **query: Any) -> Any:
        headers = {
            "Authorization": self.authorization,
            "Accept": "application/vnd.pagerduty+json;version=2",
            "Content-Type": "application/json",
        } | ({"From": sender} if sender else {})
        answer = self._http.request(method, f"/{self._region}{path}", json=body, headers=headers, params=query)
        asked = self._sandbox.traffic[-1]
        if answer.is_success:
            # The schema allows a log entry's channel in two ways at once, and a custom field's value in none.
            if not path.endswith("/values"):
                check_request(asked)
            if not path.endswith(("/log_entries", "/values")):
                check_response(asked, answer.status_code, answer.content)
        return answer

    def got(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, sender=None, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def trigger(self, title: str = "A little bump in the road", **fields: Any) -> dict[str, Any]:
        incident = {"type": "incident", "title": title, "service": SERVICE} | fields
        answer = self.ask("POST", "/incidents", {"incident": incident})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()["incident"]
        return found

    def change(self, incident: dict[str, Any], sender: str | None = OLIVIA, **fields: Any) -> Any:
        answer = self.ask("PUT", f"/incidents/{incident['id']}", {"incident": {"type": "incident"} | fields}, sender)
        assert answer.status_code == 200, answer.text
        return answer.json()["incident"]

    def log(self, **query: Any) -> list[str]:
        return [entry["type"].removesuffix("_log_entry") for entry in self.got("/log_entries", **query)["log_entries"]]


class Receiver:
    """Takes webhooks, and answers as it is told to: statuses in turn, then 202 for ever; None does not answer."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body)["event"] for _, body in self.received]

    @property
    def types(self) -> list[str]:
        return [event["event_type"] for event in self.events]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[TestClient]:
    with TestClient(create_app(sandbox)) as client:
        yield client


@pytest.fixture
def api(http: TestClient, sandbox: Sandbox) -> Api:
    return Api(http, sandbox)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def subscribe(api: Api, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    subscription = {
        "type": "webhook_subscription",
        "delivery_method": {"type": "http_delivery_method", "url": receiver.url},
        "events": sorted(V3_TYPES),
        "filter": {"type": "account_reference"},
    } | fields
    answer = api.ask("POST", "/webhook_subscriptions", {"webhook_subscription": subscription}, None)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()["webhook_subscription"]
    return made


# --- the REST API ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/abilities", "abilities"), ("/users", "users"), ("/teams", "teams"), ("/teams/PTEAM01/members", "members"),
        ("/services", "services"), ("/escalation_policies", "escalation_policies"), ("/oncalls", "oncalls"),
        ("/priorities", "priorities"), ("/incidents/types", "incident_types"), ("/incidents", "incidents"),
        ("/incidents/types/incident_default/custom_fields", "fields"), ("/log_entries", "log_entries"),
        ("/webhook_subscriptions", "webhook_subscriptions"),
    ],
)  # fmt: skip
def test_every_list_is_as_pagerdutys_schema_has_it(api: Api, receiver: Receiver, path: str, key: str) -> None:
    api.trigger()
    subscribe(api, receiver)
    assert api.got(path)[key]


def test_an_incident_through_its_life(api: Api) -> None:
    incident = api.trigger(
        urgency="low", incident_key="ours-1", body={"type": "incident_body", "details": {"seen": "smoke"}}
    )
    assert (incident["status"], incident["urgency"], incident["incident_key"]) == ("triggered", "low", "ours-1")
    assert [a["assignee"]["summary"] for a in incident["assignments"]] == [
        "Rita Responder"
    ]  # who is on call at level 1
    acknowledged = api.change(incident, status="acknowledged")
    assert [a["acknowledger"]["summary"] for a in acknowledged["acknowledgements"]] == ["Olivia Owner"]
    assert [a["assignee"]["summary"] for a in acknowledged["assignments"]] == ["Olivia Owner"]
    changed = api.change(
        incident, title="A crater", urgency="high", priority={"id": "PPRIO01", "type": "priority_reference"}
    )
    assert (changed["title"], changed["urgency"], changed["priority"]["summary"]) == ("A crater", "high", "P1")
    resolved = api.change(incident, status="resolved", resolution="filled in")
    assert (resolved["status"], resolved["assignments"]) == ("resolved", [])
    assert "resolution" not in resolved
    entry = api.got(f"/incidents/{incident['id']}/log_entries")["log_entries"][0]
    assert (entry["type"], entry["note"]) == ("resolve_log_entry", "filled in")
    # To acknowledge a resolved one reopens it.
    assert api.change(incident, status="acknowledged")["status"] == "acknowledged"
    assert api.log() == [
        "acknowledge", "trigger", "resolve", "field_value_change", "urgency_change", "field_value_change",
        "acknowledge", "trigger",
    ]  # fmt: skip


def test_the_key_of_an_open_incident_makes_no_second_one(api: Api) -> None:
    incident = api.trigger(incident_key="once")
    again = api.ask(
        "POST",
        "/incidents",
        {"incident": {"type": "incident", "title": "x", "service": SERVICE, "incident_key": "once"}},
    )
    assert again.status_code == 400
    assert [found["id"] for found in api.got("/incidents", incident_key="once")["incidents"]] == [incident["id"]]
    api.change(incident, status="resolved")
    assert api.trigger(incident_key="once")["id"] != incident["id"]
    # Another service's key is another key.
    assert api.trigger(incident_key="once", service=OTHER_SERVICE)
    empty = {"type": "incident", "title": "x", "service": SERVICE, "incident_key": ""}
    assert api.ask("POST", "/incidents", {"incident": empty}).status_code == 400


def test_an_incident_for_its_own_creator_is_born_acknowledged(api: Api) -> None:
    mine = api.trigger(assignments=[{"assignee": {"id": "POLIVIA", "type": "user_reference"}}])
    assert mine["status"] == "acknowledged"
    theirs = api.trigger(assignments=[{"assignee": {"id": "PRITA01", "type": "user_reference"}}])
    assert theirs["status"] == "triggered"


@pytest.mark.parametrize("sender", [None, "nobody@example.com"])
def test_who_writes_must_be_a_user_of_the_account(
    api: Api, http: TestClient, sandbox: Sandbox, sender: str | None
) -> None:
    incident = api.trigger()
    for method, path, body in (
        ("PUT", f"/incidents/{incident['id']}", {"incident": {"type": "incident", "status": "resolved"}}),
        ("POST", f"/incidents/{incident['id']}/notes", {"note": {"content": "x"}}),
        ("POST", f"/incidents/{incident['id']}/snooze", {"duration": 60}),
        ("POST", "/incidents", {"incident": {"type": "incident", "title": "x", "service": SERVICE}}),
    ):
        assert api.ask(method, path, body, sender).status_code == 400
    # A user's own key needs nobody else.
    change = {"incident": {"type": "incident", "status": "acknowledged"}}
    authorization = {"Authorization": f"Token token={USER_KEY}"}
    assert http.put(f"/us/incidents/{incident['id']}", json=change, headers=authorization).status_code == 200
    assert (
        api.got(f"/incidents/{incident['id']}")["incident"]["acknowledgements"][0]["acknowledger"]["summary"]
        == "Earline Greenholt"
    )


def test_reassigning_escalating_and_delegating(api: Api) -> None:
    incident = api.trigger()
    to_sam = [{"assignee": {"id": "PSAM001", "type": "user_reference"}}]
    assert [a["assignee"]["id"] for a in api.change(incident, assignments=to_sam)["assignments"]] == ["PSAM001"]
    assert [a["assignee"]["id"] for a in api.change(incident, escalation_level=2)["assignments"]] == ["PNIGHT1"]
    policy = {"id": "PEPOL02", "type": "escalation_policy_reference"}
    assert api.change(incident, escalation_policy=policy)["escalation_policy"]["summary"] == "Operations"
    beyond = {"incident": {"type": "incident", "escalation_level": 9}}
    assert api.ask("PUT", f"/incidents/{incident['id']}", beyond).status_code == 400


def test_many_at_once_and_no_more_than_250(api: Api) -> None:
    incidents = [api.trigger(str(number)) for number in range(3)]
    wanted = [{"id": incident["id"], "type": "incident_reference", "status": "resolved"} for incident in incidents]
    answer = api.ask("PUT", "/incidents", {"incidents": wanted})
    assert [found["status"] for found in answer.json()["incidents"]] == ["resolved"] * 3
    assert api.ask("PUT", "/incidents", {"incidents": wanted * 84}).status_code == 413


def test_notes_can_be_edited_and_deleted(api: Api) -> None:
    incident = api.trigger()
    path = f"/incidents/{incident['id']}/notes"
    note = api.ask("POST", path, {"note": {"content": "first"}}).json()["note"]
    assert (note["content"], note["user"]["summary"]) == ("first", "Olivia Owner")
    edited = api.ask("PUT", f"{path}/{note['id']}", {"note": {"content": "second"}})
    assert edited.json()["note"]["content"] == "second"
    assert [found["content"] for found in api.got(path)["notes"]] == ["second"]
    assert api.ask("DELETE", f"{path}/{note['id']}", sender=None).status_code == 204
    assert api.got(path)["notes"] == []


def test_snooze_merge_responders_and_status_updates(api: Api, sandbox: Sandbox, http: TestClient) -> None:
    incident, other = api.trigger("one"), api.trigger("two")
    path = f"/incidents/{incident['id']}"
    for seconds in (0, 604_801):
        assert api.ask("POST", f"{path}/snooze", {"duration": seconds}).status_code == 400
    snoozed = api.ask("POST", f"{path}/snooze", {"duration": 3600}).json()["incident"]
    assert (snoozed["status"], snoozed["pending_actions"][0]["type"]) == ("acknowledged", "unacknowledge")
    http.post("/console/clock", json={"advance": 3601})
    wait_for(lambda: api.got(path)["incident"]["status"] == "triggered")  # nobody looked at it: it came back by itself
    target = {"responder_request_target": {"id": "PRITA01", "type": "user_reference"}}
    request = {"requester_id": "POLIVIA", "message": "help", "responder_request_targets": [target]}
    assert api.ask("POST", f"{path}/responder_requests", request, None).status_code == 200
    responders = api.got(path)["incident"]["incidents_responders"]
    assert [(r["user"]["id"], r["state"]) for r in responders] == [("PRITA01", "pending")]
    assert api.ask("POST", f"{path}/status_updates", {"message": "on it"}).json()["status_update"]["message"] == "on it"
    source = {"source_incidents": [{"id": other["id"], "type": "incident_reference"}]}
    assert api.ask("PUT", f"{path}/merge", source).status_code == 200
    merged = api.got(f"/incidents/{other['id']}")["incident"]
    assert (merged["status"], merged["resolve_reason"]["incident"]["id"]) == ("resolved", incident["id"])


def test_custom_fields(api: Api) -> None:
    path = f"/incidents/{api.trigger()['id']}/custom_fields/values"
    assert {field["name"]: field["value"] for field in api.got(path)["custom_fields"]} == {
        "environment": None,
        "region": None,
    }
    wanted = {"custom_fields": [{"id": "PFIELD1", "value": "production"}]}
    assert api.ask("PUT", path, wanted, None).status_code == 201
    assert api.got(path)["custom_fields"][0]["value"] == "production"


def test_on_call_lists_every_level_and_schedule(api: Api) -> None:
    shifts = api.got("/oncalls", **{"escalation_policy_ids[]": "PEPOL01"})["oncalls"]
    assert [(shift["escalation_level"], shift["user"]["summary"]) for shift in shifts] == [
        (1, "Rita Responder"), (2, "Nadia Night"), (3, "Earline Greenholt"),
    ]  # fmt: skip
    assert [shift["schedule"] is None for shift in shifts] == [False, True, True]
    assert [shift["start"] is None for shift in shifts] == [False, True, True]  # permanent without a schedule


def test_lists_have_pages(api: Api) -> None:
    for number in range(5):
        api.trigger(str(number))
    first = api.got("/incidents", limit=3)
    assert (len(first["incidents"]), first["more"], first["total"]) == (3, True, None)
    rest = api.got("/incidents", limit=3, offset=3, total="true")
    assert ([i["title"] for i in rest["incidents"]], rest["more"], rest["total"]) == (["3", "4"], False, 5)
    for wrong in ({"limit": 101}, {"limit": 0}, {"limit": "x"}, {"limit": 100, "offset": 9_901}):
        assert api.ask("GET", "/incidents", **wrong).status_code == 400


def test_the_log_has_every_change_since_a_moment_newest_first(api: Api, sandbox: Sandbox, http: TestClient) -> None:
    incident = api.trigger()
    http.post("/console/clock", json={"advance": 60})
    since = sandbox.clock.now().isoformat()
    http.post("/console/clock", json={"advance": 60})
    api.change(incident, status="acknowledged")
    api.change(incident, status="resolved")
    assert api.log(since=since) == ["resolve", "acknowledge"]
    assert api.log(until=since) == ["trigger"]
    assert api.ask("GET", "/log_entries", since="soon").status_code == 400


# --- who may do what --------------------------------------------------------------------------------------------------


def test_keys_may_do_what_they_may(http: TestClient, sandbox: Sandbox, api: Api) -> None:
    of_team, of_nobody = api.trigger(), api.trigger(service=OTHER_SERVICE)
    assert Api(http, sandbox, READ_ONLY_KEY).got("/incidents")["incidents"]
    refused = Api(http, sandbox, READ_ONLY_KEY).ask(
        "POST", f"/incidents/{of_team['id']}/notes", {"note": {"content": "x"}}
    )
    assert refused.status_code == 403
    team = Api(http, sandbox, TEAM_KEY)
    assert [found["id"] for found in team.got("/incidents")["incidents"]] == [of_team["id"]]
    assert team.ask("GET", f"/incidents/{of_nobody['id']}").status_code == 404
    assert Api(http, sandbox, REVOKED_KEY).ask("GET", "/abilities").status_code == 401
    assert Api(http, sandbox, EU_KEY, "eu").got("/incidents")["incidents"] == []  # an account of its own
    assert Api(http, sandbox, EU_KEY, "us").ask("GET", "/abilities").status_code == 401


def test_limits(http: TestClient, sandbox: Sandbox, api: Api) -> None:
    assert Api(http, sandbox, RATE_LIMITED_KEY).ask("GET", "/users").headers["ratelimit-reset"] == "42"
    silent = Api(http, sandbox, RATE_LIMITED_SILENTLY_KEY).ask("GET", "/users")
    assert (silent.status_code, "ratelimit-reset" in silent.headers) == (429, False)
    statuses = [api.ask("GET", "/oncalls").status_code for _ in range(241)]
    assert (statuses.count(200), statuses[-1]) == (240, 429)
    assert 1 <= int(api.ask("GET", "/oncalls").headers["ratelimit-reset"]) <= 61
    assert api.ask("GET", "/users").status_code == 200  # what is less dear is counted apart
    http.post("/console/clock", json={"advance": 61})
    assert api.ask("GET", "/oncalls").status_code == 200


def test_too_many_at_the_same_moment(http: TestClient, sandbox: Sandbox, api: Api) -> None:
    sandbox.latency = 0.3
    statuses: list[int] = []
    asking = [threading.Thread(target=lambda: statuses.append(api.ask("GET", "/users").status_code)) for _ in range(5)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert sorted(statuses) == [200, 200, 429, 429, 429]


def test_a_scoped_app_may_do_what_its_token_was_made_for_and_for_a_day(http: TestClient, sandbox: Sandbox) -> None:
    asked = {
        "grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "scope": "as_account-us.sandbox incidents.read",
    }  # fmt: skip
    token = http.post("/identity/oauth/token", data=asked).json()
    assert (token["token_type"], token["expires_in"]) == ("bearer", 86_400)
    app = Api(http, sandbox)
    app.authorization = f"Bearer {token['access_token']}"
    assert app.got("/incidents")["incidents"] == []
    denied = app.ask("GET", "/users")
    assert (denied.status_code, "users.read" in denied.text) == (403, True)
    http.post("/console/clock", json={"advance": 86_401})
    assert app.ask("GET", "/incidents").status_code == 401
    for wrong in ({"client_secret": "no"}, {"client_id": "no"}):
        assert http.post("/identity/oauth/token", data=asked | wrong).status_code == 401
    for wrong in ({"scope": "as_account-us.other x"}, {"scope": ""}, {"grant_type": "password"}):
        assert http.post("/identity/oauth/token", data=asked | wrong).status_code == 400


def test_accounts_of_one_s_own(http: TestClient, sandbox: Sandbox, api: Api) -> None:
    key = http.post("/console/accounts", json={"region": "eu", "subdomain": "acme"}).json()["api_key"]
    acme = Api(http, sandbox, key, "eu")
    acme.trigger()
    assert len(acme.got("/incidents")["incidents"]) == 1
    assert api.got("/incidents")["incidents"] == []
    made = http.post("/console/acme/users", json={"name": "Ann", "email": "ann@acme.example"}).json()["user"]
    assert [user["id"] for user in acme.got("/users", query="ann@")["users"]] == [made["id"]]
    assert "acme.eu.pagerduty.com" in made["html_url"]
    assert http.post("/console/accounts", json={"region": "eu", "subdomain": "us"}).status_code == 400


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_a_subscription_tells_its_secret_once_and_signs_with_it(api: Api, receiver: Receiver) -> None:
    method = {
        "type": "http_delivery_method",
        "url": receiver.url,
        "custom_headers": [{"name": "X-Ours", "value": "yes"}],
    }
    made = subscribe(api, receiver, delivery_method=method)
    secret = made["delivery_method"]["secret"]
    path = f"/webhook_subscriptions/{made['id']}"
    assert api.got(path)["webhook_subscription"]["delivery_method"]["secret"] is None
    assert api.ask("POST", f"{path}/ping", sender=None).status_code == 202
    headers, body = wait_for(lambda: receiver.received)[0]
    assert json.loads(body)["event"]["event_type"] == "pagey.ping"
    assert headers["x-pagerduty-signature"] == f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    assert (headers["x-webhook-subscription"], headers["x-ours"]) == (made["id"], "yes")
    assert headers["user-agent"] == "PagerDuty-Webhook/V3.0"


def test_where_a_subscription_delivers_to_cannot_be_changed(api: Api, receiver: Receiver) -> None:
    made = subscribe(api, receiver)
    path = f"/webhook_subscriptions/{made['id']}"
    changes = {
        "description": "ours",
        "events": ["incident.triggered"],
        "delivery_method": {"url": "https://elsewhere.example"},
    }
    changed = api.ask("PUT", path, {"webhook_subscription": changes}, None).json()["webhook_subscription"]
    assert (changed["description"], changed["events"]) == ("ours", ["incident.triggered"])
    assert changed["delivery_method"]["url"] == receiver.url
    assert api.ask("DELETE", path, sender=None).status_code == 204
    assert api.ask("GET", path).status_code == 404


def test_ten_subscriptions_of_a_filter_and_no_more(api: Api, receiver: Receiver) -> None:
    for _ in range(10):
        subscribe(api, receiver)
    eleventh = {
        "type": "webhook_subscription", "delivery_method": {"type": "http_delivery_method", "url": receiver.url},
        "events": ["incident.triggered"], "filter": {"type": "account_reference"},
    }  # fmt: skip
    assert api.ask("POST", "/webhook_subscriptions", {"webhook_subscription": eleventh}, None).status_code == 400
    assert subscribe(api, receiver, filter={"type": "service_reference", "id": "PSERV01"})


def test_filters_choose_what_is_told(api: Api, receiver: Receiver) -> None:
    subscribe(api, receiver, filter={"type": "service_reference", "id": "PSERV03"}, events=["incident.triggered"])
    subscribe(api, receiver, filter={"type": "team_reference", "id": "PTEAM01"}, events=["incident.resolved"])
    mine, theirs = api.trigger(), api.trigger(service=OTHER_SERVICE)
    for incident in (mine, theirs):
        api.change(incident, status="resolved")
    wait_for(lambda: len(receiver.received) == 2)
    assert sorted((event["event_type"], event["data"]["id"]) for event in receiver.events) == sorted(
        [("incident.triggered", theirs["id"]), ("incident.resolved", mine["id"])]
    )


def test_what_happens_to_an_incident_is_told_in_order(api: Api, receiver: Receiver) -> None:
    subscribe(api, receiver)
    incident = api.trigger()
    api.change(incident, RITA, status="acknowledged", priority={"id": "PPRIO02", "type": "priority_reference"})
    api.ask("POST", f"/incidents/{incident['id']}/notes", {"note": {"content": "x" * 600}})
    api.change(incident, RITA, status="resolved")
    wait_for(lambda: len(receiver.received) == 5)
    assert receiver.types == [
        "incident.triggered", "incident.priority_updated", "incident.acknowledged", "incident.annotated",
        "incident.resolved",
    ]  # fmt: skip
    acknowledged, annotated = receiver.events[2], receiver.events[3]
    assert acknowledged["agent"]["summary"] == "Rita Responder"
    assert acknowledged["data"]["assignees"][0]["summary"] == "Rita Responder"
    assert (annotated["data"]["trimmed"], annotated["data"]["incident"]["id"]) == (True, incident["id"])


def test_what_a_retry_cures_is_tried_again_and_holds_back_what_is_behind_it(
    api: Api, receiver: Receiver, http: TestClient
) -> None:
    receiver.statuses = [503, 429]
    subscribe(api, receiver)
    incident = api.trigger()
    wait_for(lambda: len(receiver.received) == 1)
    api.change(incident, status="resolved")
    other = api.trigger("another queue")
    wait_for(lambda: len(receiver.received) == 2)  # the other incident's queue goes on; it gets the 429
    assert receiver.events[1]["data"]["id"] == other["id"]
    wait_for(lambda: http.post("/console/clock", json={"advance": 10}).is_success and len(receiver.received) >= 5)
    assert receiver.types.count("incident.triggered") == 4
    of_one = [(event["event_type"]) for event in receiver.events if event["data"]["id"] == incident["id"]]
    assert of_one == ["incident.triggered", "incident.triggered", "incident.resolved"]
    ids = [headers["x-webhook-id"] for headers, body in receiver.received if incident["id"] in body.decode()]
    assert ids[0] == ids[1] != ids[2]  # the same on every attempt


def test_it_is_given_up_after_two_days(api: Api, receiver: Receiver, http: TestClient) -> None:
    receiver.statuses = [503] * 1000
    subscribe(api, receiver)
    api.trigger()
    wait_for(
        lambda: (
            http.post("/console/clock", json={"advance": 4000})
            and [d["state"] for d in http.get("/console/us").json()["deliveries"]] == ["given up"]
        )
    )


def test_three_drops_in_a_row_switch_a_subscription_off_and_its_queue_is_lost(
    api: Api, receiver: Receiver, http: TestClient
) -> None:
    made = subscribe(api, receiver)
    http.post("/console/switches", json={"webhooks": "held back"})
    incidents = [api.trigger(str(number)) for number in range(4)]
    receiver.statuses = [400, 404, 410, *[400] * 7]
    for status in ("acknowledged", "triggered", "acknowledged", "triggered", "resolved"):
        api.change(incidents[0], status=status)
    http.post("/console/switches", json={"webhooks": "sent"})
    path = f"/webhook_subscriptions/{made['id']}"

    def is_off() -> bool:
        return bool(api.got(path)["webhook_subscription"]["delivery_method"]["temporarily_disabled"])

    wait_for(is_off)
    states = [delivery["state"] for delivery in http.get("/console/us").json()["deliveries"]]
    assert states.count("dropped") >= 3
    assert "lost" in states
    receiver.statuses.clear()
    before = len(receiver.received)
    api.trigger("nobody hears of this one")
    http.post("/console/clock", json={"advance": 86_401})
    wait_for(lambda: not is_off())
    api.trigger("but of this one")
    wait_for(lambda: len(receiver.received) > before)
    assert "nobody hears of this one" not in str(receiver.events)


def test_switches_for_what_is_not_documented(api: Api, receiver: Receiver, http: TestClient) -> None:
    subscribe(api, receiver)
    subscribe(api, receiver)

    def heard() -> list[tuple[dict[str, str], dict[str, Any]]]:
        told = [(headers, json.loads(body)["event"]) for headers, body in receiver.received]
        receiver.received.clear()
        return told

    def note() -> tuple[str, list[tuple[dict[str, str], dict[str, Any]]]]:
        sent = api.ask("POST", f"/incidents/{incident['id']}/notes", {"note": {"content": "x"}}).json()["note"]
        wait_for(lambda: len(receiver.received) == 2)
        return sent["id"], heard()

    incident = api.trigger()
    wait_for(lambda: len(receiver.received) == 2)
    heard()
    note_id, told = note()
    assert [event["data"]["id"] for _, event in told] == [note_id] * 2
    assert len({event["id"] for _, event in told}) == 1  # one happening, one event
    assert len({headers["x-webhook-id"] for headers, _ in told}) == 2
    assert told[0][1]["agent"]["summary"] == "Olivia Owner"
    switched = {"note_ids": "different", "webhook_ids_of_overlaps": "same", "agent_of_account_key": "none"}
    assert http.post("/console/switches", json=switched).is_success
    note_id, told = note()
    assert note_id not in [event["data"]["id"] for _, event in told]
    assert len({headers["x-webhook-id"] for headers, _ in told}) == 1
    assert told[0][1]["agent"] is None
    http.post("/console/switches", json={"duplicates": "on"})
    api.change(incident, status="resolved")
    wait_for(lambda: len(receiver.received) == 4)
    assert http.post("/console/switches", json={"duplicates": "perhaps"}).status_code == 400


def test_what_happened_survives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    file = tmp_path / "pagerduty.sqlite"
    first = Sandbox(file)
    with TestClient(create_app(first)) as http:
        api = Api(http, first)
        http.post("/console/switches", json={"webhooks": "held back", "note_ids": "different"})
        http.post("/console/clock", json={"advance": 3600})
        subscribe(api, receiver)
        incident = api.trigger()
    second = Sandbox(file)
    assert (second.clock.ahead.total_seconds(), second.switches["note_ids"]) == (3600, "different")
    with TestClient(create_app(second)) as http:
        assert Api(http, second).got("/incidents")["incidents"][0]["id"] == incident["id"]
        assert receiver.received == []
        http.post("/console/switches", json={"webhooks": "sent"})
        wait_for(lambda: receiver.types == ["incident.triggered"])


# --- the page ---------------------------------------------------------------------------------------------------------


def test_its_page_plays_all_that_people_do(api: Api, http: TestClient, receiver: Receiver) -> None:
    subscribe(api, receiver)
    assert http.post("/console/us/incidents", data={"title": "<b>smoke</b>"}).status_code == 200  # and back to the page
    incident = api.got("/incidents")["incidents"][0]
    other = api.trigger("another")
    done: tuple[tuple[str, dict[str, str], str], ...] = (
        ("acknowledge", {}, "acknowledged"), ("unacknowledge", {}, "unacknowledged"),
        ("reassign", {"user": "PSAM001"}, "reassigned"), ("escalate", {"level": "2"}, "escalated"),
        ("delegate", {"escalation_policy": "PEPOL02"}, "delegated"), ("annotate", {"content": "a note"}, "annotated"),
        ("priority", {"priority": "PPRIO01"}, "priority_updated"),
        ("service", {"service": "PSERV02"}, "service_updated"),
        ("bridge", {"url": "https://meet.example"}, "conference_bridge.updated"),
        ("publish", {"message": "on it"}, "status_update_published"), ("ask", {"user": "PRITA01"}, "responder.added"),
        ("reply", {"user": "PRITA01"}, "responder.replied"), ("merge", {"incident": other["id"]}, "resolved"),
        ("reopen", {}, "reopened"), ("snooze", {"seconds": "60"}, "acknowledged"), ("resolve", {}, "resolved"),
    )  # fmt: skip

    def heard_of(event_type: str) -> bool:
        return event_type in receiver.types

    for action, form, told in done:
        answer = http.post(f"/console/us/incidents/{incident['id']}/{action}", data=form | {"as": "PRITA01"})
        assert answer.status_code == 200, (action, answer.text)
        wait_for(functools.partial(heard_of, f"incident.{told}"))
        receiver.received.clear()
    page = http.get("/").text
    assert "&lt;b&gt;smoke" in page
    assert "<b>smoke" not in page
    assert "a note" in page
    assert http.post("/console/us/storm").status_code == 200
    wait_for(lambda: receiver.types.count("incident.triggered") == 40)
    assert (
        http.post("/console/us/incidents", data={"title": "x"}, headers={"Origin": "https://evil.example"}).status_code
        == 403
    )


def test_begun_anew_it_goes_on_delivering(api: Api, http: TestClient, receiver: Receiver, sandbox: Sandbox) -> None:
    http.post("/console/clock", json={"advance": 3600})
    api.trigger("before")
    assert http.post("/console/reset").status_code == 200
    assert (api.got("/incidents")["incidents"], sandbox.clock.ahead.total_seconds()) == ([], 0)
    subscribe(api, receiver)
    api.trigger("after")
    wait_for(lambda: receiver.types == ["incident.triggered"])


def test_the_user_of_the_key_test_is_there(api: Api) -> None:
    assert USER_EMAIL in [user["email"] for user in api.got("/users")["users"]]
