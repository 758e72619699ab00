"""A call of the REST API: who makes it, as whom it acts, and what it may see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from devstack.pagerduty.account import Account
from devstack.pagerduty.deliveries import Deliveries
from devstack.pagerduty.errors import Refused, invalid, not_found
from devstack.pagerduty.incidents import Actor, Incidents
from devstack.pagerduty.keys import Key
from devstack.pagerduty.store import Document

_MOST_A_PAGE, _USUAL_PAGE, _MOST_PAGED = 100, 25, 10_000


@dataclass(frozen=True)
class Call:
    """One request: its key, its path's parameters, query and body, and the account that it reached.

    `agent_of_account_key` says whom webhooks name for a change by an account's key: "user" (as `From`) or "none".
    """

    account: Account
    incidents: Incidents
    deliveries: Deliveries
    key: Key
    params: Mapping[str, str]
    query: QueryParams
    sender: str | None
    body: Any
    agent_of_account_key: str

    def given(self, name: str) -> Document:
        """The object that the body carries under this name. Raises Refused."""
        value = as_object(self.body).get(name)
        if not isinstance(value, dict):
            raise invalid(f"{name} is required")
        return value

    def found(self, kind: str, document_id: Any) -> Document:
        """What the body refers to. Raises Refused (400)."""
        document = self.account.get(kind, document_id)
        if document is None:
            raise invalid(f"{kind.replace('_', ' ').capitalize()} not found")
        return document

    def addressed(self, kind: str, parameter: str = "id") -> Document:
        """What the path names. Raises Refused (404); what is not the key's team's is not found either."""
        document = self.account.get(kind, self.params[parameter])
        if document is None or not self.sees(document):
            raise not_found()
        return document

    def sees(self, document: Document) -> bool:
        """Whether the key's team may see it. People are the account's, whoever's key it is."""
        teams = document.get("teams") if document.get("type") != "user" else None
        return self.key.team is None or teams is None or self.key.team in [team["id"] for team in teams]

    def requester(self) -> Document:
        """The user who acts: the key's own, or the one whose address `From` names. Raises Refused.

        PagerDuty docs: "the From header is required for … requests that write incidents".
        """
        if self.key.user:
            return self.found("user", self.key.user)
        user = self.account.user_of(self.sender) if self.sender else None
        if user is None:
            raise Refused(400, "Requester User Not Found", code=1008)
        return user

    def actor(self) -> Actor:
        return Actor(self.requester(), "api", is_told=self.key.user is not None or self.agent_of_account_key == "user")

    def page(self, name: str, documents: list[Document], shown: Callable[[Document], Document]) -> Document:
        """A page of what the key may see, by `limit` and `offset`. Raises Refused."""
        limit, offset = self._number("limit", _USUAL_PAGE), self._number("offset", 0)
        if not 1 <= limit <= _MOST_A_PAGE:
            raise invalid(f"Limit must be between 1 and {_MOST_A_PAGE}")
        if offset + limit > _MOST_PAGED:
            raise invalid("Offset plus limit may not exceed 10000")
        seen = [document for document in documents if self.sees(document)]
        total = len(seen) if self.query.get("total") == "true" else None
        return {
            name: [shown(document) for document in seen[offset : offset + limit]],
            "limit": limit, "offset": offset, "more": offset + limit < len(seen), "total": total,
        }  # fmt: skip

    def _number(self, name: str, usual: int) -> int:
        value = self.query.get(name, str(usual))
        if not value.isdecimal() or len(value) > 9:
            raise invalid(f"{name.capitalize()} must be a number")
        return int(value)


def as_object(value: Any) -> Document:
    """What a body may hold, where an object is wanted: {} for anything else."""
    return value if isinstance(value, dict) else {}


Answer = tuple[int, Document | None]
Handler = Callable[[Call], Answer]
