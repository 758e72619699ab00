"""The incident and the service that an event is about, from all the parts of a payload that tell of them.

V3's events about notes, tasks and the like carry a reference to the incident; V2's log entry has references to both,
and what the monitoring tool sent with the alert.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from service.pagerduty.effects import EFFECTS, status_after
from service.pagerduty.events import Incident, Service
from service.pagerduty.fields import (
    NAME_LIMIT,
    choice,
    identifier,
    line,
    moment,
    name,
    name_or_id,
    names,
    number,
    obj,
    objects,
    one_line,
    shorten,
    text,
    web_url,
)
from service.pagerduty.prose import prose, said
from service.vocabulary import DESCRIPTION_LIMIT, PAGERDUTY_STATUSES, URGENCIES

TITLE_LIMIT = 1024
VALUE_LIMIT = 2000  # PagerDuty: a custom field holds ten values of 200 characters
MAX_ASSIGNEES = 100
MAX_CUSTOM_FIELDS = 100

# Lines of a description that an event may tell alone.
CONFERENCE_LINK = "Conference link"
CONFERENCE_NUMBER = "Conference number"
INCIDENT_TYPE = "Type"
#: The lines of a description that are not custom fields.
OWN_LABELS = frozenset(
    {
        "Service", "Urgency", "Priority", "Status", "Number", INCIDENT_TYPE, "Assigned to", "Teams",
        "Escalation policy", CONFERENCE_LINK, CONFERENCE_NUMBER, "Client", "Client link", "Merged into", "Opened at",
        "Link",
    }
)  # fmt: skip

Json = dict[str, Any]
T = TypeVar("T")


def described(event_type: str, data: Json) -> Json:
    """The incident itself, or the reference that notes, tasks and the like carry; empty if there is neither.

    `data` is what holds it: V3's `event.data`, or `data` of a message of V1 and of the documented form.
    """
    if data.get("type") == "incident":
        return data
    references = [data.get("incident"), *(entry.get("incident") for entry in _roles(data))]
    if found := next(filter(None, map(reference, references)), None):
        return found
    is_the_incident = isinstance(data.get("title"), str) or (event_type in EFFECTS and EFFECTS[event_type].is_incident)
    return data if is_the_incident else {}


def _roles(data: Json) -> list[Json]:
    return objects(data.get("incident_role_assignments"))


def reference(value: Any) -> Json:
    """A reference to an object; an id in place of it will do."""
    return value if isinstance(value, dict) else {"id": value} if identifier(value) else {}


def log_entry(data: Json) -> Json:
    """V2's log entry of the event."""
    return next(iter(objects(data.get("log_entries"))), {})


def completed(incident: Json, data: Json) -> Json:
    """The incident, with what the log entry's reference to it knows besides."""
    known = reference(log_entry(data).get("incident"))
    ids = {identifier(incident.get("id")), identifier(known.get("id"))} - {None}
    if len(ids) > 1:
        return incident
    return known | {key: value for key, value in incident.items() if value not in (None, "")}


def service_of(references: Iterable[Any]) -> Service | None:
    """The first service that is referred to, with what further references to the same one know besides."""
    found = [_service(entry) for entry in references]
    known = [service for service in found if service.id or service.name]
    if not known:
        return None
    same = [service for service in known if _is_same(service, known[0])]
    return Service(
        next((service.id for service in same if service.id), None),
        next((service.name for service in same if service.name), None),
        next((service.html_url for service in same if service.html_url), None),
    )


def _service(value: Any) -> Service:
    return Service(identifier(obj(value).get("id")), name(value), web_url(obj(value).get("html_url")))


def _is_same(one: Service, other: Service) -> bool:
    return one.id == other.id if one.id and other.id else one.name == other.name


def incident_of(event_type: str, payload: Json, data: Json, raw: Json, service: Service | None) -> Incident | None:
    """The incident that `raw` describes, or None when there is nothing to recognise one by.

    `payload` is the event or message, `data` as in `described()`; `service` is that of `service_of()`.
    """
    written = obj(raw.get("trigger_summary_data"))  # V1: the title, and what the monitoring tool sent
    channel = _trigger_channel(event_type, data, raw)
    summary_number, summary = _split_summary(raw.get("summary"))
    incident_id = identifier(raw.get("id"))
    count = _first(number, raw.get("number"), raw.get("incident_number"), summary_number)
    title = _title(raw, written, summary, channel)
    description = _description(raw, written, channel, title)
    html_url = web_url(raw.get("html_url"))
    if service is None and all(known is None for known in (incident_id, count, title, description, html_url)):
        return None
    entry = log_entry(data)
    client, client_url = _client([payload, raw, channel, obj(channel.get("cef_details")), written])
    bridge = _bridge(raw, data)
    fields = raw.get("custom_fields") or data.get("custom_fields")
    return Incident(
        id=incident_id,
        number=count,
        title=title,
        description=description,
        status=status_after(event_type, choice(raw.get("status"), PAGERDUTY_STATUSES)),
        urgency=choice(raw.get("urgency"), URGENCIES),
        priority=name_or_id(raw.get("priority")),
        incident_type=name_or_id(raw.get("incident_type")),
        service_id=service.id if service else None,
        service_name=service.name if service else None,
        assignees=_assignees(raw),
        teams=names(raw.get("teams")) or names(entry.get("teams")),
        escalation_policy=name_or_id(raw.get("escalation_policy")),
        conference_url=conference_url(bridge),
        conference_numbers=conference_numbers(bridge),
        custom_fields=_custom_fields(fields),
        client=client,
        client_url=client_url,
        merged_into=_merged_into(raw),
        created_at=_first(moment, raw.get("created_at"), raw.get("created_on")),
        html_url=html_url,
        incident_key=text(raw.get("incident_key"), NAME_LIMIT),
    )


def _first(read: Callable[[Any], T | None], *values: Any) -> T | None:
    return next((found for found in map(read, values) if found is not None), None)


def _split_summary(value: Any) -> tuple[str | None, Any]:
    """V2's summaries are "[#33] My new incident"."""
    summary = line(value, TITLE_LIMIT) or ""
    before, bracket, after = summary.partition("]")
    if bracket and before.startswith("[#") and number(before[2:]) is not None:
        return before[2:], after
    return None, value


def _title(raw: Json, written: Json, summary: Any, channel: Json) -> str | None:
    told = (raw.get("title"), written.get("subject"), written.get("description"), summary)
    of_the_channel = (channel.get("subject"), channel.get("summary"), channel.get("description"))
    return _first(lambda value: line(value, TITLE_LIMIT), *told, *of_the_channel)


# What an alert says beside its details: of an e-mail, of Nagios (PagerDuty: Channel).
_FACTS = ("from", "host", "service", "state")
_NOT_DETAILS = frozenset({"subject", "description", "client", "client_url"})


def _description(raw: Json, written: Json, channel: Json, title: str | None) -> str | None:
    """Every text about the incident, each once, a blank line between them; none that only repeats the title.

    A title that had to be cut is here in full.
    """
    body = raw.get("body")
    texts = (
        raw.get("description"),
        written.get("description"),
        *(_details(body) if isinstance(body, dict) else [body]),
        raw.get("details"),
        channel.get("subject"),
        channel.get("summary"),
        channel.get("description"),
        *_details(channel),
        channel.get("body"),
        {key: channel.get(key) for key in _FACTS},
        {key: value for key, value in written.items() if key not in _NOT_DETAILS},
        raw.get("title"),
        written.get("subject"),
    )
    told = dict.fromkeys(found for found in map(prose, texts) if found and one_line(found) != title)
    return shorten("\n\n".join(told), DESCRIPTION_LIMIT) or None


def _details(source: Json) -> list[Any]:
    """What the tool sent as details, and its links; Events API v2 has the details in `cef_details`, too."""
    in_common_format = obj(source.get("cef_details"))
    contexts = [*objects(source.get("contexts")), *objects(in_common_format.get("contexts"))]
    links = filter(None, map(_context, contexts))
    return [source.get("details"), in_common_format.get("details"), "\n".join(links)]


def _context(context: Json) -> str | None:
    """A link or an image (PagerDuty: Events API v2), with its text."""
    told, address = line(context.get("text"), TITLE_LIMIT), web_url(context.get("href")) or web_url(context.get("src"))
    return f"{told}: {address}" if told and address else address


def _trigger_channel(event_type: str, data: Json, raw: Json) -> Json:
    """V2: the way on which the alert came, with what came. A note's channel, for one, is not about the alert."""
    entries = [*objects(data.get("log_entries")), obj(raw.get("first_trigger_log_entry"))]
    triggers = [entry for entry in entries if entry.get("type") == "trigger_log_entry"]
    if event_type == "incident.triggered":
        triggers += entries
    return next(filter(None, (obj(entry.get("channel")) for entry in triggers)), {})


def _client(sources: list[Json]) -> tuple[str | None, str | None]:
    """The tool that the alert came from and its link: V3's `client`, V2's channel, V1's summary data."""
    client = _first(name, *(source.get("client") for source in sources))
    links = [link for source in sources for link in (source.get("client_url"), *_links(obj(source.get("client"))))]
    return client, _first(web_url, *links)


def _links(client: Json) -> Iterator[Any]:
    return (client.get(key) for key in ("url", "html_url", "client_url"))


def _bridge(raw: Json, data: Json) -> Json:
    """The incident's, or the data of the event about it; a link in place of it will do."""
    bridge = raw.get("conference_bridge") or data
    return bridge if isinstance(bridge, dict) else {"conference_url": bridge}


def conference_url(bridge: Json) -> str | None:
    """The link of an incident's `conference_bridge`, or of the event about it."""
    return web_url(bridge.get("conference_url"))


def conference_numbers(bridge: Json) -> tuple[str, ...]:
    """The telephone numbers of it, with what they are called: one `conference_number`, or `conference_numbers`."""
    only = text(bridge.get("conference_number"), NAME_LIMIT)
    several = [_conference_number(entry) for entry in objects(bridge.get("conference_numbers"))]
    return tuple(dict.fromkeys(line(found, NAME_LIMIT) or "" for found in (only, *several) if found))


def _conference_number(entry: Json) -> str | None:
    dialled, label = line(entry.get("number"), NAME_LIMIT), line(entry.get("label"), NAME_LIMIT)
    return f"{label}: {dialled}" if label and dialled else dialled


def _custom_fields(value: Any) -> tuple[tuple[str, str], ...]:
    """The name and the value of each field that has a value."""
    fields = objects(value) or [{"name": key, "value": item} for key, item in obj(value).items()]
    told = ((custom_field_label(field), said(field.get("value"), VALUE_LIMIT)) for field in fields[:MAX_CUSTOM_FIELDS])
    return tuple((label, value) for label, value in told if label and value)


def custom_field_label(field: Json) -> str | None:
    """What a custom field is called; one with the name of a line of ours says that it is not that one."""
    label = name_or_id(field)
    return f"{shorten(label, NAME_LIMIT - 8)} (field)" if label in OWN_LABELS else label


def _merged_into(raw: Json) -> str | None:
    """PagerDuty resolves an incident that is merged into another: for that reason, and no other (ResolveReason)."""
    into = reference(obj(raw.get("resolve_reason")).get("incident"))
    count, summary = _split_summary(into.get("summary"))
    title = line(summary, TITLE_LIMIT) or name(into)
    called = " ".join(filter(None, (count and f"#{count}", title))) or identifier(into.get("id"))
    return ": ".join(filter(None, (called, web_url(into.get("html_url"))))) or None


def _assignees(raw: Json) -> tuple[str, ...]:
    """V3's `assignees`, V2's `assignments[].assignee`, V1's `assigned_to[].object` or `assigned_to_user`."""
    entries = [entry for key in ("assignees", "assignments", "assigned_to") for entry in _listed(raw.get(key))]
    people = [obj(entry).get("assignee") or obj(entry).get("object") or entry for entry in entries]
    return names(people or raw.get("assigned_to_user"))[:MAX_ASSIGNEES]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []
