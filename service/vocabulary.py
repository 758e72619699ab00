"""The words and limits that stand in several places: said here once.

The API's shapes and the pages are made from them; tests hold the database's enums and checks to them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Role = Literal["viewer", "responder", "admin", "owner"]
Level = Literal["low", "medium", "high", "critical"]
IncidentStatus = Literal["open", "investigating", "resolved"]
UpdateKind = Literal["created", "status", "assigned", "edited", "comment", "pagerduty"]
Region = Literal["us", "eu"]
Urgency = Literal["high", "low"]
PagerDutyStatus = Literal["triggered", "acknowledged", "resolved"]
#: How an integration is; what is further to the left matters more.
HealthState = Literal["failing", "not_configured", "disabled", "waiting", "all_ignored", "good"]
#: What a webhook subscription covers, how it stands as far as is known here, and as PagerDuty says when asked.
ScopeType = Literal["account", "service", "team"]
SubscriptionState = Literal["waiting", "proven", "old_url", "off", "gone", "changed", "silent"]
SubscriptionCheckState = Literal["on", "suspended", "off", "gone", "changed"]
#: Which way a field goes between our incident and PagerDuty's.
Direction = Literal["both", "to_pagerduty", "from_pagerduty", "off"]
#: What PagerDuty is told of an incident: its status and comments by themselves, the others when a member asks for it.
OutboxThing = Literal[
    "status", "note", "incident", "priority", "urgency", "escalation", "assignment", "snooze", "responders",
    "status_update",
]  # fmt: skip
#: What a PagerDuty account has to choose from.
DirectoryKind = Literal["service", "escalation_policy", "priority", "user"]
OutboxState = Literal["waiting", "sent", "dead"]
InboxView = Literal["inbox", "snoozed", "done", "all"]
AuditSubject = Literal["organizations", "memberships", "integrations", "credentials"]
AuditChange = Literal["set", "changed", "removed"]

#: Each may do what those before it may, and more.
ROLES: tuple[Role, ...] = get_args(Role)
LEVELS: tuple[Level, ...] = get_args(Level)
STATUSES: tuple[IncidentStatus, ...] = get_args(IncidentStatus)
UPDATE_KINDS: tuple[UpdateKind, ...] = get_args(UpdateKind)
REGIONS: tuple[Region, ...] = get_args(Region)
URGENCIES: tuple[Urgency, ...] = get_args(Urgency)
PAGERDUTY_STATUSES: tuple[PagerDutyStatus, ...] = get_args(PagerDutyStatus)
AUDIT_SUBJECTS: tuple[AuditSubject, ...] = get_args(AuditSubject)
AUDIT_CHANGES: tuple[AuditChange, ...] = get_args(AuditChange)

# Lengths are in characters.
TITLE_LIMIT = 1100  # PagerDuty's 1024, and the prefix of a prefilled title
DESCRIPTION_LIMIT = 20_000
CUSTOMER_LIMIT = 255
TAG_LIMIT = 300  # "service:" and the longest name of a service
TAGS_LIMIT = 50  # tags of one incident
ALL_TAGS_LIMIT = 5000  # all tags of one incident together
COMMENT_LIMIT = 10_000
SEARCH_LIMIT = 200
ID_LIMIT = 255  # PagerDuty's ids and keys
URL_LIMIT = 2048
EVENT_TYPE_LIMIT = 255
EVENT_TYPES_LIMIT = 100  # event types in an integration's filter
ALL_EVENT_TYPES_LIMIT = 5000  # all of them together
SERVICE_LIMIT = 255  # id or name of a PagerDuty service
SERVICES_LIMIT = 100  # services in an integration's filter
ALL_SERVICES_LIMIT = 5000  # all of them together
API_KEY_LIMIT = 128
SIGNING_SECRET_LIMIT = 512
EMAIL_LIMIT = 320
ORGANIZATION_NAME_LIMIT = 200
ID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"  # of our own rows
BULK_LIMIT = 100  # notifications that are marked by one request
MOST_SEQ = 2**63 - 1  # a sequence number is a bigint
INVITATION_DAYS = 30  # until an invitation must have expired

#: What forms must know, by field.
LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "title": TITLE_LIMIT,
        "description": DESCRIPTION_LIMIT,
        "customer": CUSTOMER_LIMIT,
        "tag": TAG_LIMIT,
        "tags": TAGS_LIMIT,
        "all_tags": ALL_TAGS_LIMIT,
        "comment": COMMENT_LIMIT,
        "search": SEARCH_LIMIT,
        "integration_key": ID_LIMIT,
        "api_key": API_KEY_LIMIT,
        "signing_secret": SIGNING_SECRET_LIMIT,
        "email": EMAIL_LIMIT,
        "organization_name": ORGANIZATION_NAME_LIMIT,
    }
)
