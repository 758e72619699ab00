"""What PagerDuty is asked for: by whom, of which incident, and how an incident that it makes is linked to ours."""

from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.database.database import Database, Organization
from tests.database.events import event
from tests.database.test_outbox import claim, connected, finish, states
from tests.database.twins import TwinnedDatabase

ASK = "select pagerduty.ask_pagerduty(%s, %s, %s)"
URGENT = Jsonb({"urgency": "high"})
SERVICE = {"service": "PSVC001"}


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    twins.rows("select pgmq.purge_queue('pagerduty')")
    return twins


def made_here(database: Database, organization: Organization, **fields: Any) -> str:
    """An incident that is not linked."""
    columns = {"organization_id": organization.id, "title": "Ours", **fields}
    statement = f"insert into pagerduty.incidents ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})"
    [row] = database.run_as(organization["responder"], f"{statement} returning id", tuple(columns.values()))
    return str(row["id"])


def told_of(incident: str, pagerduty_id: str = "PMADE01", **details: Any) -> dict[str, Any]:
    """PagerDuty's own event of the incident that it made of ours."""
    made = event(incident_id=pagerduty_id, occurred_at=datetime.now(UTC).isoformat(), **details)
    made["incident"]["key"] = incident
    return made


def link_of(database: Database, incident: str) -> Any:
    return database.incident(incident)["pagerduty_incident_id"]


def test_members_ask_for_incidents_of_their_own_organization(database: Database) -> None:
    (acme, ours), (other, theirs) = connected(database), connected(database)
    database.run_as(acme["responder"], ASK, (ours, "urgency", URGENT))
    for person, incident in ((acme["viewer"], ours), (other["responder"], ours), (acme["owner"], theirs)):
        assert database.refusal(person, ASK, (incident, "urgency", URGENT)) == "PT404"
    assert database.refusal(acme["responder"], ASK, (ours, "status", URGENT)) == "22023"
    assert database.refusal(acme["responder"], ASK, (ours, "incident", Jsonb(SERVICE))) == "PT409"
    unlinked = made_here(database, acme)
    assert database.refusal(acme["responder"], ASK, (unlinked, "urgency", URGENT)) == "PT409"
    assert states(database, acme) == [("urgency", '{"urgency": "high"}', "waiting")]
    assert states(database, other) == []


def test_what_pagerduty_made_is_linked_whichever_comes_first(database: Database) -> None:
    (acme, _), (other, _) = connected(database), connected(database)
    first, second = made_here(database, acme), made_here(database, acme, status="investigating")
    for incident in (first, second):
        database.run_as(acme["responder"], ASK, (incident, "incident", Jsonb(SERVICE)))
    # The event of the first is there before the worker has its answer.
    job = claim(database)
    assert job["incident_id"] == first
    assert job["title"] == "Ours"
    [outcome] = database.ingest(acme, told_of(first))
    assert (outcome["incident_id"], link_of(database, first)) == (first, "PMADE01")
    assert database.rows(
        "select is_quiet from pagerduty.notifications where id = %s", (outcome["notification_id"],)
    ) == [{"is_quiet": True}]
    assert database.incident(first)["notification_id"] is not None
    finish(database, job)
    # Of the second, the answer.
    job = claim(database)
    link = "select pagerduty.link_paged_incident(%s, 'PMADE02', 'https://acme.pagerduty.com/2') as linked"
    answers = [database.run_as(None, link, (job["id"],), role="service_role")[0]["linked"] for _ in range(2)]
    assert answers == [True, False]
    finish(database, job)
    assert link_of(database, second) == "PMADE02"
    # PagerDuty's is born triggered: it is told where ours stands.
    assert ("status", "acknowledged", "waiting") in states(database, acme)
    assert database.status_of(second) == "investigating"
    assert states(database, other) == []


def test_a_key_that_nobody_asked_for_links_nothing(database: Database) -> None:
    (acme, _), (other, _) = connected(database), connected(database)
    unasked, asked = made_here(database, acme), made_here(database, acme)
    database.ingest(acme, told_of(unasked))
    database.run_as(acme["responder"], ASK, (asked, "incident", Jsonb(SERVICE)))
    database.ingest(acme, told_of(asked, "PMADE02"))  # before it was sent
    claim(database)
    database.ingest(other, told_of(asked, "PMADE03"))  # of somebody else's account
    database.ingest(acme, told_of("no id at all", "PMADE04"))
    assert [link_of(database, one) for one in (unasked, asked)] == [None, None]
    database.ingest(acme, told_of(asked, "PMADE05"))
    assert link_of(database, asked) == "PMADE05"


def test_the_rule_is_of_one_organization(database: Database) -> None:
    (acme, _), (other, _) = connected(database), connected(database)
    rule = Jsonb({"paging_service_id": "PSVC001", "paging_criticality": "high"})
    database.run_as(acme["admin"], "select pagerduty.save_integration(%s, %s)", (acme.id, rule))
    mild = made_here(database, acme, criticality="medium")
    made_here(database, acme, criticality="critical", status="resolved")
    grave = made_here(database, acme, criticality="critical")
    made_here(database, other, criticality="critical")
    found = "select incident_id::text from pagerduty.outbox where organization_id = %s"
    assert [row["incident_id"] for row in database.rows(found, (acme.id,))] == [grave]
    worse = "update pagerduty.incidents set criticality = 'high' where id = %s"
    database.run_as(acme["responder"], worse, (mild,))
    assert states(database, acme) == [("incident", '{"service": "PSVC001"}', "waiting")] * 2
    assert states(database, other) == []


def test_the_directory_is_replaced_as_a_whole(database: Database) -> None:
    (acme, _), (other, _) = connected(database), connected(database)
    write = "select pagerduty.write_directory(i.id, %s) from pagerduty.integrations i where i.organization_id = %s"
    read = "select kind, pagerduty_id, name from pagerduty.directory where organization_id = %s order by place"

    def entries(*names: str) -> Jsonb:
        return Jsonb([{"kind": "priority", "id": name, "name": name} for name in names])

    for one, names in ((acme, ("P1", "P2")), (other, ("P1", "P9")), (acme, ("P3", "P1", "P1"))):
        database.run_as(None, write, (entries(*names), one.id), role="service_role")
    assert [row["name"] for row in database.run_as(acme["viewer"], read, (acme.id,))] == ["P3", "P1"]
    assert [row["name"] for row in database.run_as(other["viewer"], read, (other.id,))] == ["P1", "P9"]
    assert database.run_as(other["viewer"], read, (acme.id,)) == []
