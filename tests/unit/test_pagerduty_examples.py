"""Every documented delivery gives the right notification, with every field of it written out here."""

from dataclasses import dataclass
from typing import Any

import pytest

from service.pagerduty.events import Event
from service.pagerduty.mapping import ingest_record
from service.pagerduty.payloads import parse
from tests.unit.pagerduty_examples import NAMES, body, delivery
from tests.unit.records import incident_told


@dataclass
class Expected:
    """`event`: family, type, id, occurred_at."""

    event: tuple[str, str, str, str]
    title: str
    body: str
    urgency: str | None
    url: str
    integration_keys: list[str]
    incident: dict[str, Any] | None
    prefill: dict[str, Any] | None = None


EXPECTED = {
    "documented-01-incident-triggered": Expected(
        event=("documented", "incident.triggered", "webhook-event-id", "2025-01-15T12:00:00+00:00"),
        title="Database Connection Issues",
        body="Triggered · Database Service · high urgency",
        urgency="high",
        url="https://your-org.pagerduty.com/incidents/incident-123",
        integration_keys=["service-456"],
        incident={
            "id": "incident-123",
            "number": None,
            "title": "Database Connection Issues",
            "url": "https://your-org.pagerduty.com/incidents/incident-123",
            "status": "triggered",
            "urgency": "high",
            "service_id": "service-456",
            "service_name": "Database Service",
        },
        prefill={
            "title": "[PagerDuty] Database Connection Issues",
            "description": (
                "Connection timeouts on primary DB\n"
                "\n"
                "Service: Database Service\n"
                "Urgency: high\n"
                "Status: triggered\n"
                "Opened at: 2025-01-15 12:00:00 UTC\n"
                "Link: https://your-org.pagerduty.com/incidents/incident-123"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "Database Service",
            "tags": ["source:pagerduty", "service:Database Service", "urgency:high", "pagerduty-id:incident-123"],
            "pagerduty_incident_id": "incident-123",
            "pagerduty_url": "https://your-org.pagerduty.com/incidents/incident-123",
        },
    ),
    "v1-01-incident-trigger": Expected(
        event=("v1", "incident.triggered", "a52d3f80-d9a7-11e5-8db3-22000ad5aec9", "2016-02-22T21:02:55+00:00"),
        title="CPU Load High on xdb_production_echo",
        body="Triggered · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PDS1SN6"],
        incident={
            "id": "PRORDTY",
            "number": 2126,
            "title": "CPU Load High on xdb_production_echo",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "triggered",
            "urgency": "high",
            "service_id": "PDS1SN6",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] CPU Load High on xdb_production_echo",
            "description": (
                "CPU Load High on xdb_production_echo\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: triggered\n"
                "Number: #2126\n"
                "Assigned to: Laura Haley\n"
                "Escalation policy: Database Team\n"
                "Opened at: 2016-02-22 21:02:55 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v1-02-incident-acknowledge": Expected(
        event=("v1", "incident.acknowledged", "286890b0-d9a9-11e5-bbf4-22000ae21df7", "2016-02-22T21:13:44+00:00"),
        title="CPU Load High on xdb_production_echo",
        body="Acknowledged by Wiley Jacobson · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PDS1SN6"],
        incident={
            "id": "PRORDTY",
            "number": 2126,
            "title": "CPU Load High on xdb_production_echo",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "acknowledged",
            "urgency": "high",
            "service_id": "PDS1SN6",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] CPU Load High on xdb_production_echo",
            "description": (
                "CPU Load High on xdb_production_echo\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: acknowledged\n"
                "Number: #2126\n"
                "Assigned to: Wiley Jacobson, Laura Haley\n"
                "Escalation policy: Database Team\n"
                "Opened at: 2016-02-22 21:02:55 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "investigating",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v1-03-incident-unacknowledge": Expected(
        event=("v1", "incident.unacknowledged", "1acf45c0-d9a9-11e5-9ad4-22000a1798ef", "2016-02-22T21:13:21+00:00"),
        title="CPU Load High on xdb_production_echo",
        body=(
            "No longer acknowledged: its snooze, or the time to work on it, is over"
            " · Production XDB Cluster · high urgency"
        ),
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PDS1SN6"],
        incident={
            "id": "PRORDTY",
            "number": 2126,
            "title": "CPU Load High on xdb_production_echo",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "triggered",
            "urgency": "high",
            "service_id": "PDS1SN6",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] CPU Load High on xdb_production_echo",
            "description": (
                "CPU Load High on xdb_production_echo\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: triggered\n"
                "Number: #2126\n"
                "Assigned to: Wiley Jacobson, Laura Haley\n"
                "Escalation policy: Database Team\n"
                "Opened at: 2016-02-22 21:02:55 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v1-04-incident-resolve": Expected(
        event=("v1", "incident.resolved", "9dd14c90-d9ac-11e5-9ad4-22000a1798ef", "2016-02-22T21:38:30+00:00"),
        title="CPU Load High on xdb_production_echo",
        body="Resolved by Wiley Jacobson · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PDS1SN6"],
        incident={
            "id": "PRORDTY",
            "number": 2126,
            "title": "CPU Load High on xdb_production_echo",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "resolved",
            "urgency": "high",
            "service_id": "PDS1SN6",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] CPU Load High on xdb_production_echo",
            "description": (
                "CPU Load High on xdb_production_echo\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: resolved\n"
                "Number: #2126\n"
                "Escalation policy: Database Executive\n"
                "Opened at: 2016-02-22 21:02:55 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "resolved",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v1-05-incident-assign": Expected(
        event=("v1", "incident.reassigned", "b4dbd5e0-d9a7-11e5-9ad4-22000a1798ef", "2016-02-22T21:03:21+00:00"),
        title="CPU Load High on xdb_production_echo",
        body="Reassigned to Wiley Jacobson · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PDS1SN6"],
        incident={
            "id": "PRORDTY",
            "number": 2126,
            "title": "CPU Load High on xdb_production_echo",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "acknowledged",
            "urgency": "high",
            "service_id": "PDS1SN6",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] CPU Load High on xdb_production_echo",
            "description": (
                "CPU Load High on xdb_production_echo\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: acknowledged\n"
                "Number: #2126\n"
                "Assigned to: Laura Haley, Wiley Jacobson\n"
                "Escalation policy: Database Team\n"
                "Opened at: 2016-02-22 21:02:55 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "investigating",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v1-06-incident-escalate": Expected(
        event=("v1", "incident.escalated", "41163e80-d9ab-11e5-bbf4-22000ae21df7", "2016-02-22T21:28:45+00:00"),
        title="CPU Load High on xdb_production_echo",
        body="Escalated to Nina Gulgowski · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PDS1SN6"],
        incident={
            "id": "PRORDTY",
            "number": 2126,
            "title": "CPU Load High on xdb_production_echo",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "triggered",
            "urgency": "high",
            "service_id": "PDS1SN6",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] CPU Load High on xdb_production_echo",
            "description": (
                "CPU Load High on xdb_production_echo\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: triggered\n"
                "Number: #2126\n"
                "Assigned to: Nina Gulgowski\n"
                "Escalation policy: Database Team\n"
                "Opened at: 2016-02-22 21:02:55 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v1-07-incident-delegate": Expected(
        event=("v1", "incident.delegated", "85973630-d9ac-11e5-bbf4-22000ae21df7", "2016-02-22T21:37:49+00:00"),
        title="CPU Load High on xdb_production_echo",
        body="Delegated to Default · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PDS1SN6"],
        incident={
            "id": "PRORDTY",
            "number": 2126,
            "title": "CPU Load High on xdb_production_echo",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "triggered",
            "urgency": "high",
            "service_id": "PDS1SN6",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] CPU Load High on xdb_production_echo",
            "description": (
                "CPU Load High on xdb_production_echo\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: triggered\n"
                "Number: #2126\n"
                "Assigned to: Wiley Jacobson\n"
                "Escalation policy: Default\n"
                "Opened at: 2016-02-22 21:02:55 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v2-01-incident-trigger": Expected(
        event=("v2", "incident.triggered", "69a7ced0-a2cd-11e7-a799-22000a15839c", "2017-09-26T15:14:36+00:00"),
        title="My new incident",
        body="Triggered by Laura Haley · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PN49J75", "PUAYF96", "P90GZUH"],
        incident={
            "id": "PRORDTY",
            "number": 33,
            "title": "My new incident",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "triggered",
            "urgency": "high",
            "service_id": "PN49J75",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] My new incident",
            "description": (
                "Oh my gosh\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: triggered\n"
                "Number: #33\n"
                "Assigned to: Laura Haley\n"
                "Teams: Engineering\n"
                "Escalation policy: Default\n"
                "Opened at: 2017-09-26 15:14:36 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v2-02-incident-acknowledge": Expected(
        event=("v2", "incident.acknowledged", "82a33960-a2cd-11e7-8f69-22000affca53", "2017-09-26T15:15:17+00:00"),
        title="My new incident",
        body="Acknowledged by Laura Haley · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PN49J75", "PUAYF96", "P90GZUH"],
        incident={
            "id": "PRORDTY",
            "number": 33,
            "title": "My new incident",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "acknowledged",
            "urgency": "high",
            "service_id": "PN49J75",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] My new incident",
            "description": (
                "My new incident\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: acknowledged\n"
                "Number: #33\n"
                "Assigned to: Laura Haley\n"
                "Teams: Engineering\n"
                "Escalation policy: Default\n"
                "Opened at: 2017-09-26 15:14:36 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "investigating",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v2-03-incident-resolve": Expected(
        event=("v2", "incident.resolved", "e82195c0-a2cd-11e7-8f69-22000affca53", "2017-09-26T15:18:09+00:00"),
        title="My new incident",
        body="Resolved by Laura Haley · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PN49J75", "PUAYF96", "P90GZUH"],
        incident={
            "id": "PRORDTY",
            "number": 33,
            "title": "My new incident",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "resolved",
            "urgency": "high",
            "service_id": "PN49J75",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] My new incident",
            "description": (
                "My new incident\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: resolved\n"
                "Number: #33\n"
                "Assigned to: Wiley Jacobson\n"
                "Teams: Engineering\n"
                "Escalation policy: Default\n"
                "Opened at: 2017-09-26 15:14:36 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "resolved",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v2-04-incident-assign": Expected(
        event=("v2", "incident.reassigned", "9e7850d0-a2cd-11e7-8f69-22000affca53", "2017-09-26T15:16:05+00:00"),
        title="My new incident",
        body="Reassigned to Wiley Jacobson by Laura Haley · Production XDB Cluster · high urgency",
        urgency="high",
        url="https://webdemo.pagerduty.com/incidents/PRORDTY",
        integration_keys=["PN49J75", "PUAYF96", "P90GZUH"],
        incident={
            "id": "PRORDTY",
            "number": 33,
            "title": "My new incident",
            "url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
            "status": "triggered",
            "urgency": "high",
            "service_id": "PN49J75",
            "service_name": "Production XDB Cluster",
        },
        prefill={
            "title": "[PagerDuty] My new incident",
            "description": (
                "My new incident\n"
                "\n"
                "Service: Production XDB Cluster\n"
                "Urgency: high\n"
                "Status: triggered\n"
                "Number: #33\n"
                "Assigned to: Wiley Jacobson\n"
                "Teams: Engineering\n"
                "Escalation policy: Default\n"
                "Opened at: 2017-09-26 15:14:36 UTC\n"
                "Link: https://webdemo.pagerduty.com/incidents/PRORDTY"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "Production XDB Cluster",
            "tags": ["source:pagerduty", "service:Production XDB Cluster", "urgency:high", "pagerduty-id:PRORDTY"],
            "pagerduty_incident_id": "PRORDTY",
            "pagerduty_url": "https://webdemo.pagerduty.com/incidents/PRORDTY",
        },
    ),
    "v3-02-webhook-payload": Expected(
        event=(
            "v3",
            "incident.priority_updated",
            "5ac64822-4adc-4fda-ade0-410becf0de4f",
            "2020-10-02T18:45:22.169000+00:00",
        ),
        title="A little bump in the road",
        body="Priority changed to P1 by Tenex Engineer · API Service · high urgency",
        urgency="high",
        url="https://acme.pagerduty.com/incidents/PGR0VU2",
        integration_keys=["PF9KMXH"],
        incident={
            "id": "PGR0VU2",
            "number": 2,
            "title": "A little bump in the road",
            "url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "status": "triggered",
            "urgency": "high",
            "service_id": "PF9KMXH",
            "service_name": "API Service",
        },
        prefill={
            "title": "[PagerDuty] A little bump in the road",
            "description": (
                "A little bump in the road\n"
                "\n"
                "Service: API Service\n"
                "Urgency: high\n"
                "Priority: P1\n"
                "Status: triggered\n"
                "Number: #2\n"
                "Assigned to: User 123\n"
                "Teams: Engineering\n"
                "Escalation policy: Default\n"
                "Conference link: https://example.com\n"
                "Conference number: +1 1234123412,,987654321#\n"
                "Client: PagerDuty\n"
                "Opened at: 2020-04-09 15:16:27 UTC\n"
                "Link: https://acme.pagerduty.com/incidents/PGR0VU2"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "API Service",
            "tags": ["source:pagerduty", "service:API Service", "urgency:high", "pagerduty-id:PGR0VU2"],
            "pagerduty_incident_id": "PGR0VU2",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
        },
    ),
    "v3-03-webhook-payload": Expected(
        event=("v3", "service.updated", "01BRB6ZP4M6T8ZG4X6BP63ZB9O", "2021-03-02T13:35:11.682000+00:00"),
        title="testing service updates",
        body="Service updated",
        urgency=None,
        url="https://acme.pagerduty.com/services/PF9KMXH",
        integration_keys=["PF9KMXH"],
        incident=None,
    ),
    "v3-04-incident": Expected(
        event=("v3", "incident.triggered", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="A little bump in the road",
        body="Triggered by Tenex Engineer · API Service · high urgency",
        urgency="high",
        url="https://acme.pagerduty.com/incidents/PGR0VU2",
        integration_keys=["PF9KMXH"],
        incident={
            "id": "PGR0VU2",
            "number": 2,
            "title": "A little bump in the road",
            "url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "status": "triggered",
            "urgency": "high",
            "service_id": "PF9KMXH",
            "service_name": "API Service",
        },
        prefill={
            "title": "[PagerDuty] A little bump in the road",
            "description": (
                "A little bump in the road\n"
                "\n"
                "Service: API Service\n"
                "Urgency: high\n"
                "Priority: P1\n"
                "Status: triggered\n"
                "Number: #2\n"
                "Type: major\n"
                "Assigned to: User 123\n"
                "Teams: Engineering\n"
                "Escalation policy: Default\n"
                "Conference link: https://example.com\n"
                "Conference number: +1 1234123412,,987654321#\n"
                "Opened at: 2020-04-09 15:16:27 UTC\n"
                "Link: https://acme.pagerduty.com/incidents/PGR0VU2"
            ),
            "criticality": "high",
            "urgency": "high",
            "status": "open",
            "customer": "API Service",
            "tags": ["source:pagerduty", "service:API Service", "urgency:high", "pagerduty-id:PGR0VU2"],
            "pagerduty_incident_id": "PGR0VU2",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
        },
    ),
    "v3-05-incident-conference-bridge": Expected(
        event=("v3", "incident.conference_bridge.updated", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="Major incident - customer shopping cart screen",
        body="Conference bridge updated by Tenex Engineer: https://example.com, +1-555-555-5555",
        urgency=None,
        url="https://acme.pagerduty.com/incidents/PGR0VU2",
        integration_keys=[],
        incident={
            "id": "PGR0VU2",
            "number": None,
            "title": "Major incident - customer shopping cart screen",
            "url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "status": None,
            "urgency": None,
            "service_id": None,
            "service_name": None,
        },
        prefill={
            "title": "[PagerDuty] Major incident - customer shopping cart screen",
            "description": (
                "Major incident - customer shopping cart screen\n"
                "\n"
                "Conference link: https://example.com\n"
                "Conference number: +1-555-555-5555\n"
                "Link: https://acme.pagerduty.com/incidents/PGR0VU2"
            ),
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "",
            "tags": ["source:pagerduty", "pagerduty-id:PGR0VU2"],
            "pagerduty_incident_id": "PGR0VU2",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
        },
    ),
    "v3-06-incident-field-values": Expected(
        event=("v3", "incident.custom_field_values.updated", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="PagerDuty incident PBAZLIU",
        body="Custom fields changed by Tenex Engineer: environment: staging → production",
        urgency=None,
        url="https://acme.pagerduty.com/incidents/PBAZLIU",
        integration_keys=[],
        incident={
            "id": "PBAZLIU",
            "number": None,
            "title": None,
            "url": "https://acme.pagerduty.com/incidents/PBAZLIU",
            "status": None,
            "urgency": None,
            "service_id": None,
            "service_name": None,
        },
        prefill={
            "title": "[PagerDuty] Incident PBAZLIU",
            "description": (
                "PagerDuty incident PBAZLIU\n"
                "\n"
                "Link: https://acme.pagerduty.com/incidents/PBAZLIU\n"
                "environment: production\n"
                "region: US"
            ),
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "",
            "tags": ["source:pagerduty", "pagerduty-id:PBAZLIU"],
            "pagerduty_incident_id": "PBAZLIU",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PBAZLIU",
        },
    ),
    "v3-07-incident-note": Expected(
        event=("v3", "incident.annotated", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="A little bump in the road",
        body="Note added by Tenex Engineer: I sure am glad we are using PagerDuty!",
        urgency=None,
        url="https://acme.pagerduty.com/incidents/PGR0VU2",
        integration_keys=[],
        incident={
            "id": "PGR0VU2",
            "number": None,
            "title": "A little bump in the road",
            "url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "status": None,
            "urgency": None,
            "service_id": None,
            "service_name": None,
        },
        prefill={
            "title": "[PagerDuty] A little bump in the road",
            "description": ("A little bump in the road\n\nLink: https://acme.pagerduty.com/incidents/PGR0VU2"),
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "",
            "tags": ["source:pagerduty", "pagerduty-id:PGR0VU2"],
            "pagerduty_incident_id": "PGR0VU2",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
        },
    ),
    "v3-08-incident-role-assignment": Expected(
        event=("v3", "incident.role.assigned", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="PagerDuty incident PBAZLIU",
        body="Role assigned by Tenex Engineer: Role Display Name to User 1810194",
        urgency=None,
        url="https://acme.pagerduty.com/incidents/PBAZLIU",
        integration_keys=[],
        incident={
            "id": "PBAZLIU",
            "number": None,
            "title": None,
            "url": "https://acme.pagerduty.com/incidents/PBAZLIU",
            "status": None,
            "urgency": None,
            "service_id": None,
            "service_name": None,
        },
        prefill={
            "title": "[PagerDuty] Incident PBAZLIU",
            "description": (
                "PagerDuty incident PBAZLIU\n\n"
                "Link: https://acme.pagerduty.com/incidents/PBAZLIU\nRole Role Display Name: User 1810194"
            ),
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "",
            "tags": ["source:pagerduty", "pagerduty-id:PBAZLIU"],
            "pagerduty_incident_id": "PBAZLIU",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PBAZLIU",
        },
    ),
    "v3-09-incident-status-update": Expected(
        event=("v3", "incident.status_update_published", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="A little bump in the road",
        body="Status update by Tenex Engineer: A fix for this incident is being developed",
        urgency=None,
        url="https://acme.pagerduty.com/incidents/PGR0VU2",
        integration_keys=[],
        incident={
            "id": "PGR0VU2",
            "number": None,
            "title": "A little bump in the road",
            "url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "status": None,
            "urgency": None,
            "service_id": None,
            "service_name": None,
        },
        prefill={
            "title": "[PagerDuty] A little bump in the road",
            "description": ("A little bump in the road\n\nLink: https://acme.pagerduty.com/incidents/PGR0VU2"),
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "",
            "tags": ["source:pagerduty", "pagerduty-id:PGR0VU2"],
            "pagerduty_incident_id": "PGR0VU2",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
        },
    ),
    "v3-10-incident-responder": Expected(
        event=("v3", "incident.responder.added", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="A little bump in the road",
        body="Responder requested by Tenex Engineer: Maeve (pending): Please help me make the tests pass",
        urgency=None,
        url="https://acme.pagerduty.com/incidents/PGR0VU2",
        integration_keys=[],
        incident={
            "id": "PGR0VU2",
            "number": None,
            "title": "A little bump in the road",
            "url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "status": None,
            "urgency": None,
            "service_id": None,
            "service_name": None,
        },
        prefill={
            "title": "[PagerDuty] A little bump in the road",
            "description": (
                "A little bump in the road\n\n"
                "Link: https://acme.pagerduty.com/incidents/PGR0VU2\nResponder Maeve: pending"
            ),
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "",
            "tags": ["source:pagerduty", "pagerduty-id:PGR0VU2"],
            "pagerduty_incident_id": "PGR0VU2",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
        },
    ),
    "v3-11-incident-task": Expected(
        event=("v3", "incident.task.created", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="PagerDuty incident Q0SDD3HB6SGFTI",
        body="Task created by Tenex Engineer: A thing that needs to be done (todo), for User 661768438",
        urgency=None,
        url="https://acme.pagerduty.com/incidents/Q0SDD3HB6SGFTI",
        integration_keys=[],
        incident={
            "id": "Q0SDD3HB6SGFTI",
            "number": None,
            "title": None,
            "url": "https://acme.pagerduty.com/incidents/Q0SDD3HB6SGFTI",
            "status": None,
            "urgency": None,
            "service_id": None,
            "service_name": None,
        },
        prefill={
            "title": "[PagerDuty] Incident Q0SDD3HB6SGFTI",
            "description": (
                "PagerDuty incident Q0SDD3HB6SGFTI\n\nLink: https://acme.pagerduty.com/incidents/Q0SDD3HB6SGFTI"
            ),
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "",
            "tags": ["source:pagerduty", "pagerduty-id:Q0SDD3HB6SGFTI"],
            "pagerduty_incident_id": "Q0SDD3HB6SGFTI",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/Q0SDD3HB6SGFTI",
        },
    ),
    "v3-12-incident-workflow-instance": Expected(
        event=("v3", "incident.workflow.started", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="A little bump in the road",
        body="Workflow started by Tenex Engineer: A Workflow Name · A service",
        urgency=None,
        url="https://acme.pagerduty.com/incidents/PBAZLIU",
        integration_keys=["PF9KMXH"],
        incident={
            "id": "PBAZLIU",
            "number": None,
            "title": "A little bump in the road",
            "url": "https://acme.pagerduty.com/incidents/PBAZLIU",
            "status": None,
            "urgency": None,
            "service_id": "PF9KMXH",
            "service_name": "A service",
        },
        prefill={
            "title": "[PagerDuty] A little bump in the road",
            "description": (
                "A little bump in the road\n\nService: A service\nLink: https://acme.pagerduty.com/incidents/PBAZLIU"
            ),
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "A service",
            "tags": ["source:pagerduty", "service:A service", "pagerduty-id:PBAZLIU"],
            "pagerduty_incident_id": "PBAZLIU",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PBAZLIU",
        },
    ),
    "v3-13-service": Expected(
        event=("v3", "service.created", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="testing service updates",
        body="Service created by Tenex Engineer",
        urgency=None,
        url="https://acme.pagerduty.com/services/PF9KMXH",
        integration_keys=["PF9KMXH"],
        incident=None,
    ),
    "v3-14-service-field-values": Expected(
        event=("v3", "service.custom_field_values.updated", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="PagerDuty service PY0TW31",
        body="Service's custom fields changed by Tenex Engineer: example_field: Some old value → Some new value",
        urgency=None,
        url="https://acme.pd-staging.com/services/PY0TW31",
        integration_keys=["PY0TW31"],
        incident=None,
    ),
    "v3-15-incident-action-invocation": Expected(
        event=("v3", "incident.action_invocation.created", "01WRAPPED", "2024-03-01T08:30:00+00:00"),
        title="An Incident",
        body=(
            "Automation action started by Tenex Engineer: A Helpful Action (created): https://acme.pagerduty.com/"
            "rundeck-actions/actions/01CDYN0IRV4VG991K5FR73YNTW/invocations/01CELD6T9C2JS745I7CAK0LRRF/report"
        ),
        urgency=None,
        url="https://acme.pagerduty.com/incidents/PBAZLIU",
        integration_keys=[],
        incident={
            "id": "PBAZLIU",
            "number": None,
            "title": "An Incident",
            "url": "https://acme.pagerduty.com/incidents/PBAZLIU",
            "status": None,
            "urgency": None,
            "service_id": None,
            "service_name": None,
        },
        prefill={
            "title": "[PagerDuty] An Incident",
            "description": ("An Incident\n\nLink: https://acme.pagerduty.com/incidents/PBAZLIU"),
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "",
            "tags": ["source:pagerduty", "pagerduty-id:PBAZLIU"],
            "pagerduty_incident_id": "PBAZLIU",
            "pagerduty_url": "https://acme.pagerduty.com/incidents/PBAZLIU",
        },
    ),
}


def test_every_example_is_expected() -> None:
    assert list(EXPECTED) == NAMES
    assert len(NAMES) == 26


@pytest.mark.parametrize("name", NAMES)
def test_example_gives_its_notification(name: str) -> None:
    expected = EXPECTED[name]
    document = delivery(name)
    (event,) = parse(body(document))
    assert isinstance(event, Event)
    assert event.known
    record = ingest_record(event, "delivery-1")
    assert (record["family"], record["event_type"], record["event_id"], record["occurred_at"]) == expected.event
    assert record["delivery_id"] == "delivery-1"
    assert record["invalid"] is None
    assert record["payload"] == (document["event"] if "event" in document else document["messages"][0])
    assert record["integration_keys"] == expected.integration_keys
    assert incident_told(record) == expected.incident
    shown = record["notification"]
    assert shown is not None
    assert (shown["title"], shown["body"], shown["prefill"]) == (expected.title, expected.body, expected.prefill)
    described = shown["described"]
    assert (described.get("urgency"), described["pagerduty_url"]) == (expected.urgency, expected.url)
    assert record["headline"] == expected.body.split(" · ")[0]
    assert record["subject"] is not None
    kind, _, subject = record["subject"].partition(":")
    assert (kind, subject) == (("incident", expected.incident["id"]) if expected.incident else ("service", subject))
    assert subject
