"""What a record tells of PagerDuty's incident, wherever it stands in it."""

from typing import Any

from service.pagerduty.mapping import IngestRecord


def incident_told(record: IngestRecord) -> dict[str, Any] | None:
    """The incident as {"id", "number", "title", "url", "status", "urgency", "service_id", "service_name"}."""
    incident, notification = record["incident"], record["notification"]
    if incident is None or notification is None:
        return None
    described = notification["described"]
    return {
        **{name: told for name, told in incident.items() if name != "key"},
        "number": described["number"],
        "url": described["pagerduty_url"],
        "urgency": described["urgency"],
        "service_id": described["service_id"],
    }
