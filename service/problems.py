"""The catalogue of everything that can go wrong, as `application/problem+json` (RFC 9457) with a stable `type`.

A problem is raised by its entry here. The same entries are what the OpenAPI document, the pages and `/problems` say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, g, jsonify, make_response
from pydantic import BaseModel, ConfigDict, Field


class FieldError(BaseModel):
    """What is wrong with one field of the request."""

    field: str
    message: str


class ProblemBody(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="Stable, relative URI: what kind of problem this is", examples=["/problems/not-found"]
    )
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[FieldError] | None = Field(None, description="With 422: the fields that are wrong")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: the last part of its `type`, its status and title, what it means and what to do about it."""

    slug: str
    status: int
    title: str
    meaning: str
    remedy: str

    def __call__(self, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> "Problem":
        """A problem of this kind; `extra` members are added to the body, `headers` to the answer."""
        return Problem(self, detail, headers or {}, extra)

    @property
    def type(self) -> str:
        """A relative URI; also the address of the page about it."""
        return f"/problems/{self.slug}"

    @property
    def text(self) -> str:
        """For people who meet it in the pages."""
        return f"{self.meaning} {self.remedy}"


class Problem(Exception):
    """An answer other than success."""

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str], extra: Mapping[str, Any]) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.headers, self.extra = kind, detail, headers, extra

    def response(self) -> Response:
        """The problem as a response."""
        body = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "request_id": g.get("request_id"),
            **self.extra,
        }
        response = make_response(jsonify(body), self.kind.status)
        response.headers.extend(dict(self.headers))
        response.content_type = "application/problem+json"
        return response


# The request --------------------------------------------------------------------------------------------------------

BAD_REQUEST = Kind(
    "bad-request", 400, "Bad Request",
    "The request could not be understood.",
    "Compare it with the API's description.",
)  # fmt: skip
NOT_JSON = Kind(
    "not-json", 400, "Not JSON",
    "The body is not a JSON object.",
    "Send one JSON object, in UTF-8.",
)  # fmt: skip
BAD_CURSOR = Kind(
    "bad-cursor", 400, "Bad cursor",
    "A list was asked to go on from a place that no list gave.",
    "Take `before` and `after` from a list's answer, or load the list anew.",
)  # fmt: skip
BAD_ORGANIZATION = Kind(
    "bad-organization", 400, "Bad organization",
    "The header X-Organization-Id does not hold an id.",
    "Send the id of one of your organizations, as /api/me lists them.",
)  # fmt: skip
ORGANIZATION_REQUIRED = Kind(
    "organization-required", 400, "Which organization?",
    "You are in several organizations, and the request names none.",
    "Choose one: its id goes into the header X-Organization-Id.",
)  # fmt: skip
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed", 405, "Method Not Allowed",
    "This address does not take this method.",
    "Use one of those that the header Allow names.",
)  # fmt: skip
TOO_LARGE = Kind(
    "too-large", 413, "Too large",
    "The body is larger than anything that is taken here.",
    "Send less at once.",
)  # fmt: skip
INVALID_FIELDS = Kind(
    "invalid-fields", 422, "Some fields are not valid",
    "Some fields are missing, unknown or hold what they cannot.",
    "Correct those that `errors` names.",
)  # fmt: skip

# Who asks, and for what ---------------------------------------------------------------------------------------------

MISSING_TOKEN = Kind(
    "missing-token", 401, "Not signed in",
    "This is for signed-in people, and the request says nothing about who you are.",
    "Sign in; the access token goes into the header Authorization.",
)  # fmt: skip
INVALID_TOKEN = Kind(
    "invalid-token", 401, "Not signed in",
    "The access token is not, or no longer, good; `check` says what is wrong with it.",
    "Sign in again.",
)  # fmt: skip
FORBIDDEN = Kind(
    "forbidden", 403, "Not allowed",
    "You are known, and this is not for you.",
    "Ask an owner or admin of the organization for the role that it needs.",
)  # fmt: skip
NOT_FOUND = Kind(
    "not-found", 404, "Not found",
    "It does not exist, or you may not see it: the two are not told apart.",
    "Check the address, and for which organization you ask.",
)  # fmt: skip

# What is there already ----------------------------------------------------------------------------------------------

CONFLICT = Kind(
    "conflict", 409, "Conflict",
    "It collides with something that is there already, or that is gone.",
    "Load again what you see, then try once more.",
)  # fmt: skip
INCIDENT_EXISTS = Kind(
    "incident-exists", 409, "There is an incident already",
    "Somebody has already made an incident of this PagerDuty incident.",
    "Go on with that one: `incident_id` names it.",
)  # fmt: skip

INCIDENT_LINKED = Kind(
    "incident-linked", 409, "The incident is linked already",
    "It belongs to another PagerDuty incident, and to no more than one.",
    "Link another incident, or make one.",
)  # fmt: skip

INCIDENT_TAKEN = Kind(
    "incident-taken", 409, "Somebody else works on it",
    "Who works on the incident has changed since it was read.",
    "Look who it is: `assignee_id` names them. Sent as `assignee_was`, it lets the change through.",
)  # fmt: skip

INVITATION_OVER = Kind(
    "invitation-over", 410, "The invitation is over",
    "The invitation has expired, was withdrawn, or was used already; the detail says which.",
    "Ask an owner or admin of the organization for another one.",
)  # fmt: skip

# Webhooks -----------------------------------------------------------------------------------------------------------

NOTHING_USABLE = Kind(
    "nothing-usable", 400, "Nothing usable",
    "The webhook's body holds no event that can be understood.",
    "Send what PagerDuty's webhook subscriptions send.",
)  # fmt: skip
BAD_SIGNATURE = Kind(
    "bad-signature", 401, "Not authenticated",
    "The webhook is not signed, or not with the signing secret of its integration.",
    "Compare the signing secret in the settings with that of the subscription in PagerDuty.",
)  # fmt: skip
NO_BARE_URL = Kind(
    "no-bare-url", 404, "Not found",
    "No integration serves the webhook URL without a token.",
    "Give PagerDuty the webhook URL that the settings show.",
)  # fmt: skip

# Not the caller's fault ---------------------------------------------------------------------------------------------

TOO_MANY_REQUESTS = Kind(
    "too-many-requests", 429, "Too many requests",
    "More requests came than are taken in this time.",
    "Wait as long as the header Retry-After says.",
)  # fmt: skip
INTERNAL = Kind(
    "internal", 500, "Our fault",
    "Something went wrong in the service.",
    "Try again; if it lasts, tell who runs the service the request id, which finds it in the log.",
)  # fmt: skip
WEB_NOT_INSTALLED = Kind(
    "web-not-installed", 500, "The web app is not installed",
    "Files that the pages need are missing on the server.",
    "Who runs the service installs them, as the detail says.",
)  # fmt: skip
PAGERDUTY_REFUSED = Kind(
    "pagerduty-refused",
    409,
    "PagerDuty refused",
    "PagerDuty did not do what it was asked for.",
    "Its own words are in the detail. Check what the API key may do, or set the webhook up by hand.",
)
UNAVAILABLE = Kind(
    "unavailable", 503, "Try again shortly",
    "Something that the service needs cannot be reached.",
    "Try again after as many seconds as the header Retry-After says.",
)  # fmt: skip

KINDS: Mapping[str, Kind] = {
    kind.slug: kind
    for kind in (
        BAD_REQUEST, NOT_JSON, BAD_CURSOR, BAD_ORGANIZATION, ORGANIZATION_REQUIRED, METHOD_NOT_ALLOWED, TOO_LARGE,
        INVALID_FIELDS, MISSING_TOKEN, INVALID_TOKEN, FORBIDDEN, NOT_FOUND, CONFLICT, INCIDENT_EXISTS, INCIDENT_LINKED,
        INCIDENT_TAKEN, INVITATION_OVER,
        NOTHING_USABLE, BAD_SIGNATURE, NO_BARE_URL, TOO_MANY_REQUESTS, INTERNAL, WEB_NOT_INSTALLED, UNAVAILABLE,
    )
}  # fmt: skip


def not_found(what: str) -> Problem:
    """There is none, or none that the caller may see."""
    return NOT_FOUND(f"There is no such {what}, or you may not see it.")


def invalid_fields(errors: Sequence[FieldError]) -> Problem:
    """422 with what is wrong, field by field."""
    return INVALID_FIELDS(
        "; ".join(f"{error.field}: {error.message}" for error in errors),
        errors=[error.model_dump() for error in errors],
    )


def unavailable(detail: str, *, retry_after: int = 5) -> Problem:
    """503: something that we need cannot be reached; `retry_after` is in seconds."""
    return UNAVAILABLE(detail, headers={"Retry-After": str(retry_after)})
