"""The OpenAPI document is the truth: valid in structure, complete, and kept by real answers."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from devstack.stack import Stack
from service import create_app
from service.api import schemas
from service.config import Settings
from service.crypto import new_key
from service.problems import ProblemBody
from tests.world import Organization, v3

METHODS = {"get", "post", "put", "patch", "delete"}
OF_THE_DOCUMENT = {"/api/openapi.json", "/api/docs"}


@pytest.fixture(scope="module")
def document(stack: Stack) -> dict[str, Any]:
    answer = httpx.get(f"{stack.service_url}/api/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"]
    assert document["info"]["version"]
    seen = set()
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert path.startswith("/"), where
        assert operation["operationId"] not in seen, where
        seen.add(operation["operationId"])
        assert operation["summary"], where
        assert operation["responses"], where
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d|default", status), where
            assert response["description"], where
        in_path = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), where
        assert all(one["required"] for one in operation.get("parameters", []) if one["in"] == "path"), where
        assert all("schema" in one for one in operation.get("parameters", [])), where


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        node: Any = document
        assert reference.startswith("#/")
        for part in reference[2:].split("/"):
            assert part in node, reference
            node = node[part]


def test_no_schema_is_of_openapi_3_0(document: dict[str, Any]) -> None:
    """3.1 is JSON Schema: no `nullable`."""

    def keys(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from node
            for value in node.values():
                yield from keys(value)
        elif isinstance(node, list):
            for value in node:
                yield from keys(value)

    assert "nullable" not in set(keys(document))


def test_every_route_of_the_application_is_in_it(document: dict[str, Any]) -> None:
    settings = Settings.model_validate(
        {
            "supabase_url": "http://localhost:1", "supabase_publishable_key": "x", "supabase_secret_key": "y",
            "credentials_keys": new_key(),
        }
    )  # fmt: skip
    app = create_app(settings)
    described = {(method.upper(), path) for path, method, _ in operations(document)}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        if path.startswith("/api") and path not in OF_THE_DOCUMENT:
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert (method, path) in described
    assert ("GET", "/healthz") in described
    assert ("GET", "/readyz") in described


def test_routes_for_users_are_secured_and_webhooks_are_not(document: dict[str, Any]) -> None:
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, method, operation in operations(document):
        public = path.startswith(("/api/webhooks", "/healthz", "/readyz"))
        assert bool(operation.get("security")) != public, f"{method} {path}"
        if not public:
            assert {"401", "403", "503"} <= set(operation["responses"]), path
        for status, response in operation["responses"].items():
            if status >= "400" and path != "/readyz":
                assert list(response["content"]) == ["application/problem+json"], f"{method} {path} {status}"


def test_the_webhook_route_names_all_its_answers(document: dict[str, Any]) -> None:
    for path in ("/api/webhooks/pagerduty", "/api/webhooks/pagerduty/{token}"):
        assert {"202", "400", "401", "404", "413", "429", "503"} <= set(document["paths"][path]["post"]["responses"])


def test_limits_are_in_the_document(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["IncidentInput"]["properties"]
    assert [one["maxLength"] for one in fields["title"]["anyOf"] if one["type"] == "string"] == [1100]
    assert fields["description"]["maxLength"] == 20_000
    assert fields["tags"]["maxItems"] == 50
    parameters = document["paths"]["/api/notifications"]["get"]["parameters"]
    (limit,) = (one["schema"] for one in parameters if one["name"] == "limit")
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 20)


def test_there_is_a_page_to_read_it(stack: Stack, document: dict[str, Any]) -> None:
    answer = httpx.get(f"{stack.service_url}/api/docs")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    for path, _, operation in operations(document):
        assert path in answer.text
        assert operation["summary"] in answer.text.replace("&#39;", "'")


def strictly(model: type[BaseModel], value: Any) -> None:
    """The value has exactly the fields that the schema shows, of the right types."""
    strict: Any = type(model.__name__, (model,), {"model_config": {"extra": "forbid"}, "__module__": __name__})
    strict.model_validate(value, strict=True)
    assert set(value) == set(model.model_fields), model.__name__


def test_real_answers_keep_to_their_schemas(acme: Organization) -> None:
    member = acme.admin.api
    sent = acme.send(v3())
    schemas.WebhookAnswer.model_validate(sent.json(), strict=True)
    assert set(sent.json()["outcomes"][0]) <= set(schemas.Outcome.model_fields)
    strictly(schemas.MeAnswer, member.get("/api/me").json())
    strictly(schemas.OrganizationAnswer, member.post("/api/organizations", json={"name": "x"}).json())
    invited = {"email": "somebody@example.test", "role": "viewer"}
    strictly(schemas.Invitation, member.post("/api/invitations", json=invited).json())
    strictly(schemas.InvitationList, member.get("/api/invitations").json())
    strictly(schemas.IntegrationAnswer, member.get("/api/integrations/pagerduty").json())
    strictly(schemas.IntegrationAnswer, member.post("/api/integrations/pagerduty", json={}).json())
    strictly(schemas.KeyTestAnswer, member.post("/api/integrations/pagerduty/test", json={}).json())
    strictly(
        schemas.KeyTestAnswer, member.post("/api/integrations/pagerduty/test", json={"api_key": "unknown-key"}).json()
    )
    listed = member.get("/api/notifications").json()
    strictly(schemas.NotificationList, listed)
    (notification,) = listed["items"]
    strictly(schemas.Notification, notification)
    strictly(schemas.Prefill, notification["prefill"])
    strictly(schemas.Notification, member.post(f"/api/notifications/{notification['id']}/read").json())
    strictly(schemas.UnreadCount, member.get("/api/notifications/unread-count").json())
    strictly(schemas.ReadAllAnswer, member.post("/api/notifications/read-all", json={}).json())
    made = member.post("/api/incidents", json={"title": "x", "notification_id": notification["id"]}).json()
    strictly(schemas.Incident, made)
    strictly(schemas.Incident, member.patch(f"/api/incidents/{made['id']}", json={"title": "y"}).json())
    strictly(schemas.IncidentList, member.get("/api/incidents").json())
    updates = member.get(f"/api/incidents/{made['id']}/updates").json()
    strictly(schemas.UpdateList, updates)
    strictly(schemas.Update, updates["items"][0])
    for problem in (member.get("/api/nothing"), member.post("/api/incidents", json={"title": 7})):
        ProblemBody.model_validate(problem.json(), strict=True)
    schemas.Ready.model_validate(member.get("/readyz").json(), strict=True)
    alive = member.get(f"/api/webhooks/pagerduty/{acme.token}").json()
    strictly(schemas.WebhookAlive, alive)


@pytest.mark.parametrize("path", ["/api/docs", "/api/openapi.json"])
def test_the_description_is_made_once(stack: Stack, path: str) -> None:
    """Made for everybody who asks, it held up the webhooks of a process: 32 who read it delayed them by 7 s."""

    def quickest(asked: str) -> float:
        return min(httpx.get(f"{stack.service_url}{asked}").elapsed.total_seconds() for _ in range(30))

    assert quickest(path) < 5 * quickest("/healthz")
