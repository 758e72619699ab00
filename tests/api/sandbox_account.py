"""An account in PagerDuty's sandbox, of one test's own, and an organization that is connected to it."""

import uuid
from datetime import UTC, datetime
from typing import Any

import httpx

from devstack.stack import Stack
from tests.api.service_processes import wait_for
from tests.world import Organization, Person

URL = "/api/integrations/pagerduty"
SUBSCRIPTION = f"{URL}/subscription"


class Account:
    """An account in the sandbox, of one test's own."""

    def __init__(self, stack: Stack) -> None:
        self.url = f"http://localhost:{stack.config['pagerduty_port']}"
        self.name = f"t{uuid.uuid4().hex[:12]}"
        opened = self.play("accounts", region="us", subdomain=self.name, in_account=False)
        self.key = opened["api_key"]

    def play(self, what: str, *, in_account: bool = True, who: str | None = None, **form: Any) -> Any:
        """Presses a button of the sandbox's page, as the user with that id."""
        place = f"/{self.name}" if in_account else ""
        answer = httpx.post(f"{self.url}/console{place}/{what}", json=form | {"as": who})
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def state(self) -> Any:
        return httpx.get(f"{self.url}/console/{self.name}").json()

    @property
    def incidents(self) -> list[dict[str, Any]]:
        """Oldest first, each with its `notes`."""
        found: list[dict[str, Any]] = self.state["incidents"]
        return found

    @property
    def subscriptions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.state["subscriptions"]
        return found

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """As somebody who has the key, too."""
        headers = {"Authorization": f"Token token={self.key}"}
        return httpx.request(method, f"{self.url}/us{path}", headers=headers, **arguments)


def connect(organization: Organization, account: Account, **body: Any) -> dict[str, Any]:
    """Saves the key, connects, and waits for PagerDuty's test event."""
    api = organization.admin.api
    assert api.post(URL, json={"api_key": account.key, "region": "us"}).status_code == 200
    answer = api.post(SUBSCRIPTION, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["subscription"]["state"] in ("waiting", "proven")
    return proven(organization.admin)


def proven(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = wait_for(
        lambda: (saved := person.api.get(URL).json())["subscription"]["state"] == "proven" and saved
    )
    return found


def compare(person: Person) -> dict[str, Any]:
    """Has the worker compare with PagerDuty's log, and waits until it has; answers the settings."""
    begun = datetime.now(UTC)
    assert person.api.post(f"{URL}/reconcile", json={}).status_code == 200

    def done() -> Any:
        saved = person.api.get(URL).json()
        compared = saved["reconciliation"]
        times = [compared[name] and datetime.fromisoformat(compared[name]) for name in ("read_until", "checked_at")]
        return (compared["error"] or all(time and time >= begun for time in times)) and saved

    found: dict[str, Any] = wait_for(done, 20, "comparing with PagerDuty's log")
    return found
