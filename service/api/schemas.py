"""Shapes of requests and answers: what pydantic validates and the OpenAPI document shows."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from service.api.body import Input
from service.pagerduty.events import V3_TYPES
from service.pagerduty.fields import one_line
from service.vocabulary import (
    ALL_EVENT_TYPES_LIMIT,
    ALL_SERVICES_LIMIT,
    ALL_TAGS_LIMIT,
    API_KEY_LIMIT,
    BULK_LIMIT,
    COMMENT_LIMIT,
    CUSTOMER_LIMIT,
    DESCRIPTION_LIMIT,
    EMAIL_LIMIT,
    EVENT_TYPE_LIMIT,
    EVENT_TYPES_LIMIT,
    ID_LIMIT,
    ID_PATTERN,
    INVITATION_DAYS,
    LEVELS,
    MOST_SEQ,
    ORGANIZATION_NAME_LIMIT,
    PAGERDUTY_STATUSES,
    SEARCH_LIMIT,
    SERVICE_LIMIT,
    SERVICES_LIMIT,
    SIGNING_SECRET_LIMIT,
    STATUSES,
    TAG_LIMIT,
    TAGS_LIMIT,
    TITLE_LIMIT,
    URL_LIMIT,
    AuditChange,
    AuditSubject,
    Direction,
    HealthState,
    InboxView,
    IncidentStatus,
    Level,
    OutboxState,
    OutboxThing,
    PagerDutyStatus,
    Region,
    Role,
    ScopeType,
    SubscriptionCheckState,
    SubscriptionState,
    UpdateKind,
    Urgency,
)

#: What an e-mail address looks like.
ADDRESS = r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+"

Timestamp = Annotated[str, Field(description="ISO 8601", examples=["2026-11-23T12:00:00+00:00"])]
Id = Annotated[str, Field(description="UUID")]
# Postgres stores no NUL in text, and PostgREST cuts a query's value off at one: a search for it would find everything.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


def _together(most: int) -> AfterValidator:
    """Texts of at most so many characters in total."""

    def check(texts: list[str]) -> list[str]:
        length = sum(map(len, texts))
        if length > most:
            raise ValueError(f"may have {most} characters together, these have {length}")
        return texts

    return AfterValidator(check)


Tag = Annotated[Text, StringConstraints(min_length=1, max_length=TAG_LIMIT)]
Tags = Annotated[list[Tag], Field(max_length=TAGS_LIMIT), _together(ALL_TAGS_LIMIT)]
EventType = Annotated[Text, StringConstraints(min_length=1, max_length=EVENT_TYPE_LIMIT)]
EventTypes = Annotated[
    list[EventType], Field(min_length=1, max_length=EVENT_TYPES_LIMIT), _together(ALL_EVENT_TYPES_LIMIT)
]
PagerDutyId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=ID_LIMIT)]
Cursor = Annotated[Text, StringConstraints(max_length=200)]


def _line(what: str) -> AfterValidator:
    """One line without control characters, whoever sends it."""

    def check(value: str) -> str:
        found = one_line(value)
        if not found:
            raise ValueError(f"{what} needs a character that can be seen")
        return found

    return AfterValidator(check)


Title = Annotated[Text, _line("a title")]
Service = Annotated[Text, StringConstraints(max_length=SERVICE_LIMIT), _line("the id or name of a service")]
Services = Annotated[list[Service], Field(min_length=1, max_length=SERVICES_LIMIT), _together(ALL_SERVICES_LIMIT)]


_SCHEMAS: dict[type[BaseModel], dict[str, Any]] = {}


class _Parameters(BaseModel):
    """A query or headers: flask-openapi3 asks for the schema with each request, and making it takes milliseconds."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As pydantic makes it; without arguments, as with each request, once."""
        if args or kwargs:
            return super().model_json_schema(*args, **kwargs)
        if cls not in _SCHEMAS:
            _SCHEMAS[cls] = super().model_json_schema()
        return _SCHEMAS[cls]


class Page(_Parameters):
    """Query of a list, newest first."""

    limit: int = Field(20, ge=1, le=100)
    before: Cursor | None = Field(None, description="Cursor: rows older than it")


class IdPath(BaseModel):
    """A path that ends in an id."""

    id: Id


class OrganizationHeader(_Parameters):
    """For users of several organizations."""

    x_organization_id: str | None = Field(None, description="Which of the caller's organizations; not needed with one")


# me -------------------------------------------------------------------------------------------------------------------


class UserAnswer(BaseModel):
    id: Id
    email: str | None


class OrganizationAnswer(BaseModel):
    id: Id
    name: str
    role: Role
    topic: str = Field(
        description="Its private Realtime topic. When somebody leaves, the last message is `moved`: there is another"
    )


class Invitation(BaseModel):
    id: Id
    organization_id: Id
    organization_name: str = Field(description="As it was when the invitation was made")
    email: str
    role: Role
    invited_by: Id | None
    invited_by_name: str
    expires_at: Timestamp
    created_at: Timestamp
    cursor: str


class MeAnswer(BaseModel):
    user: UserAnswer
    organizations: list[OrganizationAnswer]
    invitations: list[Invitation] = Field(description="Those that the caller can accept")


# organizations and invitations ----------------------------------------------------------------------------------------


class OrganizationInput(Input):
    name: Title = Field(min_length=1, max_length=ORGANIZATION_NAME_LIMIT)


class InvitationInput(Input):
    email: str = Field(max_length=EMAIL_LIMIT, json_schema_extra={"format": "email"})
    role: Role
    expires_at: AwareDatetime | None = Field(
        None, description=f"In 7 days by default, at most in {INVITATION_DAYS}", examples=["2026-11-30T12:00:00Z"]
    )

    @field_validator("email")
    @classmethod
    def _address(cls, value: str) -> str:
        if not re.fullmatch(ADDRESS, value):
            raise ValueError("is not an address")
        return value

    @field_validator("expires_at")
    @classmethod
    def _soon(cls, value: datetime | None) -> datetime | None:
        if value is not None and not timedelta() < value - datetime.now(UTC) <= timedelta(days=INVITATION_DAYS):
            raise ValueError(f"must be within the next {INVITATION_DAYS} days")
        return value


class InvitationList(BaseModel):
    items: list[Invitation]
    next: str | None = Field(description="`before` of the next, older page")


# integration ----------------------------------------------------------------------------------------------------------


class SecretHint(BaseModel):
    """A secret is never answered: only that it is there, and how it ends."""

    set: bool
    last4: str | None = Field(description="Null for those who may not see it")


class RecentEvents(BaseModel):
    """The events of a week, the last thousand at most, that came since the filters were last changed; no pings."""

    received: int
    ignored: int
    invalid: int
    repeated: int = Field(description="Which another event had told before: two feeds of one service are on")
    since: Timestamp | None = Field(description="When the first of them came")
    reasons: dict[str, int] = Field(description="How many were ignored for which reason")


class Health(BaseModel):
    state: HealthState = Field(description="all_ignored: none of the recent events was taken; `reasons` says why")
    recent_events: RecentEvents
    last_event_at: Timestamp | None
    last_error: str | None
    last_error_at: Timestamp | None


class SeenService(BaseModel):
    id: str | None
    name: str | None


class SubscriptionScope(BaseModel):
    """What a webhook subscription covers."""

    type: ScopeType = "account"
    id: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,255}$", description="PagerDuty's id of the service or the team"
    )
    name: str | None = Field(None, description="What PagerDuty calls it; not taken from a request")

    @model_validator(mode="after")
    def _named(self) -> "SubscriptionScope":
        if (self.type == "account") != (self.id is None):
            raise ValueError("a service or a team is named by its id, an account is not")
        return self


class SubscriptionAnswer(BaseModel):
    """The webhook subscription that was made from here."""

    id: str
    scope: SubscriptionScope
    made_at: Timestamp
    proven_at: Timestamp | None = Field(description="When a webhook of it, perhaps its ping, arrived last")
    state: SubscriptionState = Field(
        description="old_url: it still sends to the webhook URL before this one; off, gone, changed: as PagerDuty said "
        "when the worker asked last; silent: its last test event has not arrived"
    )


class SubscriptionInput(Input):
    """`{}` covers the whole account."""

    scope: SubscriptionScope = Field(default_factory=lambda: SubscriptionScope.model_validate({}))


class SubscriptionCheck(BaseModel):
    """How the subscription stands in PagerDuty now."""

    state: SubscriptionCheckState
    message: str = Field(description="What it means, and what to do")


class Reconciliation(BaseModel):
    """What came of comparing with PagerDuty's log."""

    changes: int = Field(description="That the log has since `since`")
    healed: int = Field(description="Those of them that no webhook had told, and that were taken from the log")
    healed_at: Timestamp | None = Field(description="When the last one was")
    since: Timestamp = Field(description="A Monday, or when it was connected")
    read_until: Timestamp = Field(description="All of the log before it was compared")
    checked_at: Timestamp | None = Field(description="When PagerDuty was last asked about the subscription")
    mended_at: Timestamp | None = Field(description="When one that PagerDuty had suspended was last switched on again")
    pinged_at: Timestamp | None = Field(description="When PagerDuty was last asked for its test event, once a day")
    error: str | None = Field(description="Why it could not be compared the last time")


class OutboxSummary(BaseModel):
    """What PagerDuty has not been told yet."""

    waiting: int
    dead: int = Field(description="Given up, each with its reason at its incident")
    paused_until: Timestamp | None
    paused_because: str | None


class OutboxItem(BaseModel):
    """One thing of an incident that PagerDuty is told."""

    id: str
    thing: OutboxThing
    update_id: str | None = Field(description="The comment, of a note")
    state: OutboxState = Field(description="dead: given up, until it is tried again")
    attempts: int
    last_error: str | None
    due_at: Timestamp = Field(description="When it is tried, or tried again")
    sent_at: Timestamp | None
    acted_as: str | None = Field(description="Address of the PagerDuty user as whom; null: PagerDuty had it already")


class AskInput(Input):
    """What PagerDuty is asked for: what a `thing` needs is said beside it."""

    thing: Literal[
        "incident", "priority", "urgency", "escalation", "assignment", "snooze", "responders", "status_update"
    ]  # fmt: skip
    service: PagerDutyId | None = Field(None, description="incident: the service that is paged")
    priority: PagerDutyId | None = Field(None, description="priority")
    urgency: Urgency | None = Field(None, description="urgency")
    level: int | None = Field(None, ge=1, le=20, description="escalation: the level of its escalation policy")
    users: list[PagerDutyId] = Field([], max_length=50, description="assignment: who has it; responders: who is asked")
    policies: list[PagerDutyId] = Field([], max_length=50, description="responders: whose people on call are asked")
    message: Text | None = Field(None, min_length=1, max_length=1000, description="responders, status_update")
    seconds: int | None = Field(None, ge=1, le=604_800, description="snooze: for so long")

    def missing(self) -> str | None:
        """The field that the thing needs and that is not given."""
        needed = {
            "incident": "service", "priority": "priority", "urgency": "urgency", "escalation": "level",
            "assignment": "users", "snooze": "seconds", "responders": "message", "status_update": "message",
        }.get(self.thing)  # fmt: skip
        if self.thing == "responders" and not (self.users or self.policies):
            return "users"
        return needed if needed and not getattr(self, needed) else None

    def wanted(self) -> dict[str, Any]:
        """As `pagerduty.ask_pagerduty` takes it."""
        if self.thing == "priority":
            return {"id": self.priority}
        names = {
            "incident": ("service",), "urgency": ("urgency",), "escalation": ("level",), "assignment": ("users",),
            "snooze": ("seconds",), "responders": ("users", "policies", "message"), "status_update": ("message",),
        }[self.thing]  # fmt: skip
        return {name: getattr(self, name) for name in names}


class Choice(BaseModel):
    id: str
    name: str


class Directory(BaseModel):
    """What the PagerDuty account has to choose from, as the worker read it last: once a day, and after connecting."""

    services: list[Choice]
    escalation_policies: list[Choice]
    priorities: list[Choice] = Field(description="Most severe first")
    users: list[Choice]


class OutboxPath(BaseModel):
    id: str
    outbox_id: str


class OutboxList(BaseModel):
    items: list[OutboxItem]


class IntegrationAnswer(BaseModel):
    configured: bool
    can_edit: bool
    enabled: bool
    region: Region
    event_types: list[str] | None = Field(description="V3 names; null takes all")
    services: list[str] | None = Field(description="Ids or names of PagerDuty services; null takes all")
    seen_services: list[SeenService] | None = Field(
        description="Of the last thousand events, to choose from; null for those who may not"
    )
    integration_key: str | None = Field(description="No V3 webhook carries one: for them, choose services")
    api_key: SecretHint
    signing_secret: SecretHint
    webhook_url: str | None = Field(description="What to give to PagerDuty; null for those who may not see it")
    previous_webhook_url_expires_at: Timestamp | None = Field(
        description="Until when the webhook URL before this one is taken; null if it is not, and as webhook_url"
    )
    bare_webhook_url: str | None = Field(description="Set if this integration serves the URL without a token")
    subscription: SubscriptionAnswer | None = Field(
        description="The webhook subscription that was made from here; null: none, what arrives was set up by hand"
    )
    acting_email: str | None = Field(description="As whom PagerDuty is told what a member did whom it does not know")
    sync_status: Direction
    sync_notes: Direction
    paging_service_id: str | None = Field(
        description="The PagerDuty service that is paged of an incident that is made here and critical enough"
    )
    paging_criticality: Level = Field(description="How critical it must be for that")
    outbox: OutboxSummary | None
    reconciliation: Reconciliation | None = Field(description="Null: nothing is compared without a subscription")
    health: Health
    updated_at: Timestamp | None


class IntegrationInput(Input):
    """An absent field stays as it is; null removes."""

    enabled: bool | None = None
    region: Region | None = None
    event_types: EventTypes | None = None
    services: Services | None = Field(None, description="Ids or names of PagerDuty services, in any case")
    integration_key: str | None = Field(None, max_length=ID_LIMIT)
    api_key: str | None = Field(None, max_length=API_KEY_LIMIT)
    signing_secret: str | None = Field(None, max_length=SIGNING_SECRET_LIMIT)
    acting_email: str | None = Field(None, max_length=EMAIL_LIMIT, json_schema_extra={"format": "email"})
    sync_status: Direction | None = None
    sync_notes: Direction | None = None
    paging_service_id: PagerDutyId | None = None
    paging_criticality: Level | None = None

    @field_validator("acting_email")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(ADDRESS, value):
            raise ValueError("is not an address")
        return value

    @field_validator("enabled", "region", "sync_status", "sync_notes", "paging_criticality")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("cannot be null; leave it out to keep it")
        return value

    @field_validator("api_key", "signing_secret", "integration_key")
    @classmethod
    def _visible(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if value == "":
            return None  # a form's empty field
        if not re.fullmatch(r"[\x21-\x7e]+", value):
            raise ValueError("may hold only visible ASCII characters, without spaces: copy it again from PagerDuty")
        return value

    @field_validator("api_key", "signing_secret")
    @classmethod
    def _long_enough(cls, value: str | None) -> str | None:
        if value is not None and len(value) < 8:
            raise ValueError("is too short to be one of PagerDuty's")
        return value

    @field_validator("services")
    @classmethod
    def _once(cls, value: list[str] | None) -> list[str] | None:
        return sorted(set(value)) if value is not None else None

    @field_validator("event_types")
    @classmethod
    def _known(cls, value: list[str] | None) -> list[str] | None:
        unknown = sorted(set(value or ()) - V3_TYPES)
        if unknown:
            raise ValueError(f"unknown event type: {unknown[0][:100]}")
        return sorted(set(value)) if value is not None else None


class AuditLine(BaseModel):
    """Who changed which setting from what to what; of a secret, only that it was changed."""

    id: Id
    created_at: Timestamp
    actor_id: Id | None = Field(description="Null: nobody who was signed in")
    actor_name: str | None = Field(description="What they were called then")
    subject: AuditSubject = Field(description="The table that holds the setting")
    member_id: Id | None = Field(description="With memberships: whose")
    member_name: str | None
    setting: str = Field(description="A membership's role is set when somebody joins, and removed when they are")
    change: AuditChange
    old_value: Any = Field(description="As in the settings; null: nothing, or a secret")
    new_value: Any = Field(description="As in the settings; null: nothing, or a secret")
    cursor: str


class AuditList(BaseModel):
    items: list[AuditLine]
    next: str | None = Field(description="`before` of the next, older page")


class KeyTestInput(Input):
    """Without a key, the saved one is tested."""

    api_key: str | None = Field(None, max_length=512)
    region: Region | None = Field(None, description="By default the saved one for a saved key, else both")


class TestAlertAnswer(BaseModel):
    """Of a test alert that everybody was told of."""

    notification_id: Id


class KeyTestAnswer(BaseModel):
    ok: bool
    status: Literal[
        "valid",
        "read_only",
        "invalid_key",
        "wrong_region",
        "forbidden",
        "rate_limited",
        "unreachable",
        "malformed_key",
        "not_set",
    ]
    message: str
    region: Region | None
    account: str | None
    can_write: bool | None
    user_email: str | None
    retry_after: int | None = Field(description="Seconds, with rate_limited")


# webhooks -------------------------------------------------------------------------------------------------------------


class TokenPath(BaseModel):
    token: str


class WebhookAlive(BaseModel):
    status: Literal["ok"]
    known: bool | None = Field(None, description="With a token: is there such an integration")
    enabled: bool | None = Field(None, description="With a known token: is it switched on")


class Outcome(BaseModel):
    event_id: str | None
    outcome: Literal["created", "updated", "duplicate", "ignored", "invalid"]
    reason: str | None = None
    notification_id: Id | None = None
    incident_id: Id | None = None


class WebhookAnswer(BaseModel):
    outcomes: list[Outcome]


# notifications --------------------------------------------------------------------------------------------------------


def _one_or_more(words: Sequence[str]) -> str:
    """A pattern for some of the words, separated by commas."""
    word = f"({'|'.join(words)})"
    return f"^{word}(,{word})*$"


def _within_a_year(text: str) -> str:
    """A moment from now on, as ISO 8601. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not an ISO 8601 time with a zone") from None
    if moment.tzinfo is None:
        raise ValueError("is not an ISO 8601 time with a zone")
    if not timedelta() < moment - datetime.now(UTC) <= timedelta(days=365):
        raise ValueError("must be within the next 365 days")
    return moment.isoformat()


class NotificationQuery(Page):
    view: InboxView = Field("inbox", description="inbox: neither done nor snoozed")
    unread: bool = Field(False, description="Only those that the caller has not read")
    status: str | None = Field(None, pattern=_one_or_more(PAGERDUTY_STATUSES), description="One or more")
    urgency: Urgency | None = None
    service: Text | None = Field(None, max_length=SERVICE_LIMIT, description="Id or name, in any case")
    without_incident: bool = Field(False, description="Only those of which no incident was made")
    q: Text | None = Field(None, max_length=SEARCH_LIMIT, description="A part of title, service or #number")
    changed_since: int | None = Field(
        None,
        ge=0,
        le=MOST_SEQ,
        description="What changed since a `newest_seq`, in the order of the changes, whatever the view and the filters",
    )


class Prefill(BaseModel):
    """What to post to /api/incidents, as it is or changed."""

    title: str
    description: str
    criticality: Level
    urgency: Level
    status: IncidentStatus
    customer: str
    tags: list[str]
    notification_id: Id
    pagerduty_status: PagerDutyStatus | None = Field(description="The one with which `status` was filled in")
    pagerduty_incident_id: str | None
    pagerduty_url: str | None


class Notification(BaseModel):
    """One subject as it stands now. `unread`, `done` and `snoozed_until` are the caller's own."""

    id: Id
    organization_id: Id
    title: str
    number: int | None
    pagerduty_incident_id: str | None
    pagerduty_status: PagerDutyStatus | None
    pagerduty_status_at: Timestamp | None
    acknowledged_by: str | None
    urgency: Urgency | None
    priority: str | None
    service_id: str | None
    service_name: str | None
    assignees: list[str]
    conference_url: str | None
    pagerduty_url: str | None
    prefill: Prefill | None = Field(description="Null: it is not about an incident")
    event_type: str = Field(description="Of the last loud change")
    body: str = Field(description="What happened then, in one line")
    occurred_at: Timestamp | None = Field(description="When, by PagerDuty's clock")
    events: int = Field(description="How many were about it")
    seq: int = Field(description="Of its last change")
    loud_seq: int = Field(description="Of its last loud change: the order of lists")
    is_quiet: bool = Field(description="Nothing loud has happened to it yet")
    loud_at: Timestamp = Field(description="When the last loud change arrived")
    created_at: Timestamp
    changed_at: Timestamp
    unread: bool
    done: bool
    snoozed_until: Timestamp | None
    incident_id: Id | None = Field(description="The incident that was made of it")
    cursor: str


class NotificationList(BaseModel):
    items: list[Notification]
    next: str | None = Field(description="`before` of the next, older page; with changed_since, the next one")
    newest_seq: int = Field(description="Of the latest change there was: `changed_since` for what comes after it")


class NotificationItems(BaseModel):
    items: list[Notification]


class NotificationEvent(BaseModel):
    id: Id
    event_type: str
    headline: str | None = Field(description="What happened and by whom, with every text that it brought")
    agent_name: str | None
    pagerduty_status: PagerDutyStatus | None = Field(description="The status that it told")
    is_loud: bool
    occurred_at: Timestamp | None
    received_at: Timestamp
    cursor: str


class NotificationEventList(BaseModel):
    items: list[NotificationEvent]
    next: str | None = Field(description="`before` of the next, older page")


UpTo = Annotated[int, Field(ge=0, le=MOST_SEQ)]
_SEEN = "What became loud after this sequence number stays as it is: the caller has not seen it"


class MarkInput(Input):
    up_to: UpTo | None = Field(None, description=_SEEN)


class SnoozeInput(MarkInput):
    until: Text = Field(max_length=64, description="ISO 8601 with a zone, in the future")

    @field_validator("until")
    @classmethod
    def _soon(cls, value: str) -> str:
        return _within_a_year(value)


class Ids(Input):
    ids: list[Annotated[str, StringConstraints(pattern=ID_PATTERN)]] = Field(min_length=1, max_length=BULK_LIMIT)


class MarkManyInput(MarkInput, Ids): ...


class SnoozeManyInput(SnoozeInput, Ids): ...


class ReadAllAnswer(BaseModel):
    read: int


class UnreadElsewhere(BaseModel):
    organization_id: Id
    name: str
    count: int
    capped: bool


class UnreadCount(BaseModel):
    count: int
    capped: bool = Field(description="There are at least `count`: counting stopped there")
    others: list[UnreadElsewhere] = Field(description="The caller's other organizations with something unread")


# incidents ------------------------------------------------------------------------------------------------------------


class IncidentQuery(Page):
    status: str | None = Field(None, pattern=_one_or_more(STATUSES), description="One or more")
    criticality: str | None = Field(None, pattern=_one_or_more(LEVELS), description="One or more")
    assignee: str | None = Field(
        None, pattern=f"{ID_PATTERN}|^none$", description="Whose they are, a member's id; none: nobody's yet"
    )
    q: Text | None = Field(None, max_length=SEARCH_LIMIT, description="Words of the title, the customer")


class IncidentInput(Input):
    """With `notification_id`, whatever is left out is as its prefill says."""

    title: Title | None = Field(
        None, min_length=1, max_length=TITLE_LIMIT, description="Needed without notification_id"
    )
    description: Text = Field("", max_length=DESCRIPTION_LIMIT)
    criticality: Level = "medium"
    urgency: Level = "medium"
    status: IncidentStatus = "open"
    customer: Text = Field("", max_length=CUSTOMER_LIMIT)
    tags: Tags = Field(default_factory=list)
    assignee_id: str | None = Field(None, pattern=ID_PATTERN, description="The member who works on it")
    notification_id: str | None = Field(None, pattern=ID_PATTERN, description="Links it to PagerDuty's")
    pagerduty_status: PagerDutyStatus | None = Field(
        None, description="As in a prefill: the status with which the form was filled in"
    )
    pagerduty_incident_id: str | None = Field(
        None,
        max_length=ID_LIMIT,
        exclude=True,
        description="As in a prefill; the notification says what it is linked to",
    )
    pagerduty_url: str | None = Field(None, max_length=URL_LIMIT, exclude=True, description="As in a prefill")

    def row(self) -> dict[str, Any]:
        """What to insert. Without a notification, defaults stand for what is left out; with one, the database's do."""
        row = self.model_dump(mode="json")
        if self.notification_id is None:
            return row
        return {name: value if name in self.model_fields_set else None for name, value in row.items()}


class LinkInput(Input):
    notification_id: str = Field(pattern=ID_PATTERN)


class IncidentChange(Input):
    """Only what is sent changes. Only who works on it can be null."""

    title: Title | None = Field(None, min_length=1, max_length=TITLE_LIMIT)
    description: Text | None = Field(None, max_length=DESCRIPTION_LIMIT)
    criticality: Level | None = None
    urgency: Level | None = None
    status: IncidentStatus | None = None
    customer: Text | None = Field(None, max_length=CUSTOMER_LIMIT)
    tags: Tags | None = None
    assignee_id: str | None = Field(None, pattern=ID_PATTERN, description="A member who works on it; null: nobody")
    assignee_was: str | None = Field(
        None, pattern=ID_PATTERN, exclude=True, description="Who the caller saw work on it: 409 if that has changed"
    )

    @field_validator("*")
    @classmethod
    def _not_null(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.field_name not in ("assignee_id", "assignee_was"):
            raise ValueError("cannot be null; leave it out to keep it")
        return value

    def expects_assignee(self) -> bool:
        """Whether it may change anything only while somebody, or nobody, works on it."""
        return "assignee_was" in self.model_fields_set


class Incident(BaseModel):
    id: Id
    organization_id: Id
    title: str
    description: str
    criticality: Level
    urgency: Level
    status: IncidentStatus
    customer: str
    tags: list[str]
    notification_id: Id | None
    pagerduty_incident_id: str | None
    pagerduty_url: str | None
    assignee_id: Id | None = Field(description="The member who works on it")
    created_by: Id | None
    created_at: Timestamp
    updated_at: Timestamp
    cursor: str


class IncidentList(BaseModel):
    items: list[Incident]
    next: str | None


class UpdatesQuery(_Parameters):
    limit: int = Field(100, ge=1, le=200)
    after: Cursor | None = Field(None, description="Cursor: entries newer than it")


class UpdateInput(Input):
    body: Text = Field(min_length=1, max_length=COMMENT_LIMIT)


class Update(BaseModel):
    id: Id
    kind: UpdateKind
    body: str
    status_from: IncidentStatus | None
    status_to: IncidentStatus | None
    assignee_from: Id | None
    assignee_to: Id | None
    author_id: Id | None = Field(description="Null: PagerDuty")
    created_at: Timestamp
    cursor: str


class UpdateList(BaseModel):
    items: list[Update]
    next: str | None = Field(description="`after` of the next, newer page")


# health ---------------------------------------------------------------------------------------------------------------


class Alive(BaseModel):
    status: Literal["ok"]


class Ready(BaseModel):
    status: Literal["ok", "down"]
    down: list[str] = Field(description="What cannot be reached")
    problems: list[str] | None = Field(None, description="What to do about it; absent where nothing is known")
