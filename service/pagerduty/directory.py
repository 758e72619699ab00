"""What a PagerDuty account has to choose from: its services, escalation policies, priorities and users."""

from typing import Any

from service.pagerduty.account import Account
from service.pagerduty.fields import identifier, name, obj, objects
from service.vocabulary import DirectoryKind

_LISTS: dict[DirectoryKind, str] = {
    "priority": "priorities",
    "service": "services",
    "escalation_policy": "escalation_policies",
    "user": "users",
}
_A_PAGE, _MOST = 100, 1000


def read_directory(account: Account) -> list[dict[str, str]]:
    """[{"kind", "id", "name"}, …] in PagerDuty's order, at most a thousand of each. Raises what Account.ask raises."""
    return [
        {"kind": kind, "id": found_id, "name": found_name}
        for kind, plural in _LISTS.items()
        for found in _all(account, plural)
        if (found_id := identifier(found.get("id"))) and (found_name := name(found))
    ]


def _all(account: Account, plural: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for offset in range(0, _MOST, _A_PAGE):
        page = obj(account.ask("GET", f"/{plural}", params={"limit": _A_PAGE, "offset": offset}))
        found += objects(page.get(plural))
        if page.get("more") is not True:
            break
    return found
