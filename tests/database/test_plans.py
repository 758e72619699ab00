"""Queries that run all day use the indexes made for them, and look memberships up once a statement."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.postgres import Cluster
from tests.database.database import Database, Organization, scratch

BIG = {
    "audit",
    "notifications",
    "receipts",
    "inbox_marks",
    "incidents",
    "incident_updates",
    "events",
    "integrations",
}

# Neighbours with little each, and one organization with a long history.
FILL = """
insert into pagerduty.organizations (name) select 'Neighbour ' || n from generate_series(1, 3000) n;
insert into pagerduty.integrations (organization_id) select id from pagerduty.organizations on conflict do nothing;
create temporary table sizes as
  select id, case when id = %(ours)s then 2000 else 100 end as size
  from (select id from pagerduty.organizations order by id = %(ours)s desc, id limit 40) few;
insert into pagerduty.events (organization_id, integration_id, event_id, family, event_type, outcome,
    pagerduty_incident_id, service_id, service_name, received_at)
  select s.id, i.id, 'E' || n, 'v3', 'incident.triggered', 'created', 'PBUSY', 'PSVC', 'Service',
    now() - n * interval '1 minute'
  from sizes s join pagerduty.integrations i on i.organization_id = s.id, generate_series(1, s.size * 5) n;
insert into pagerduty.audit (organization_id, subject, setting, change, created_at)
  select s.id, 'integrations', 'region', 'changed', now() - n * interval '1 minute'
  from sizes s, generate_series(1, s.size) n;
insert into pagerduty.notifications (organization_id, subject, event_type, title, pagerduty_incident_id,
    pagerduty_status, seq, loud_seq)
  select s.id, 'incident:P' || n, 'incident.triggered', 'Alert ' || n, 'P' || n, 'triggered', n, n
  from sizes s, generate_series(1, s.size) n;
insert into pagerduty_private.inboxes (organization_id, last_seq) select id, size from sizes;
alter table pagerduty.incidents disable trigger record_incident_change;
insert into pagerduty.incidents (organization_id, title, pagerduty_incident_id, created_at)
  select s.id, 'Incident ' || n, 'P' || n, now() - n * interval '1 minute' from sizes s, generate_series(1, s.size) n;
alter table pagerduty.incidents enable trigger record_incident_change;
alter table pagerduty.incident_updates disable trigger broadcast_incident_update;
insert into pagerduty.incident_updates (incident_id, organization_id, body, author_id)
  select i.id, i.organization_id, 'Update', null from pagerduty.incidents i, generate_series(1, 2);
alter table pagerduty.incident_updates enable trigger broadcast_incident_update;
insert into auth.users (id, email) select gen_random_uuid(), 'reader-' || n from generate_series(1, 15) n;
insert into pagerduty.receipts (notification_id, organization_id, user_id, seq, read)
  select n.id, n.organization_id, u.id, n.loud_seq, n.loud_seq % 7 <> 0 from pagerduty.notifications n, auth.users u
  where u.email like 'reader-%' and hashtext(n.id::text || u.id) % 5 = 0;
insert into pagerduty.receipts (notification_id, organization_id, user_id, seq, read)
  select n.id, n.organization_id, %(reader)s, n.loud_seq, true from pagerduty.notifications n
  where n.organization_id = %(ours)s and n.loud_seq < 1950;
drop table sizes;
"""
ANALYZE = "analyze pagerduty.notifications, pagerduty.receipts, pagerduty.incidents, pagerduty.incident_updates,\
 pagerduty.events, pagerduty.audit, pagerduty.integrations, pagerduty.organizations, pagerduty.memberships"


@dataclass
class Scene:
    database: Database
    ours: Organization


@pytest.fixture(scope="module")
def scene(cluster: Cluster, migrated_template: str) -> Iterator[Scene]:
    with scratch(cluster, template=migrated_template) as url, Database(url) as database:
        ours = database.organization()
        values = {"ours": ours.id, "reader": ours["viewer"]}
        for statement in FILL.split(";\n"):
            if statement.strip():
                database.rows(statement, values if "%(" in statement else None)
        database.rows(ANALYZE)
        yield Scene(database, ours)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)


def _explain(scene: Scene, user: str, statement: str, values: Any = None) -> list[dict[str, Any]]:
    """The nodes of the plan with which a statement ran, as the user."""
    found = scene.database.run_as(user, f"explain (analyze, format json) {statement}", values)
    plan = found[0]["QUERY PLAN"]
    return list(_nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))


def _assert_indexed(nodes: list[dict[str, Any]], *indexes: str) -> None:
    scanned = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
    assert not BIG & set(scanned), f"reads all of {scanned}"
    used = {node["Index Name"] for node in nodes if "Index Name" in node}
    assert set(indexes) <= used, used


def _assert_memberships_looked_up_once(nodes: list[dict[str, Any]]) -> None:
    lookups = [
        node for node in nodes if node.get("Function Name") == "my_organizations" or node["Node Type"] == "ProjectSet"
    ]
    assert lookups, "the policy looks memberships up"
    assert {node["Actual Loops"] for node in lookups} == {1}


# Pages as the API asks for them.
PAGE = "organization_id = %(org)s order by created_at desc, id desc limit 50"
OLDER = "(created_at < %(older)s or (created_at = %(older)s and id < %(org)s)) and "
QUERIES = {
    "the bell": (
        "select * from pagerduty.notification_feed where organization_id = %(org)s order by loud_seq desc limit 50",
        "notifications_loud_seq_key",
    ),
    "the bell, further down": (
        "select * from pagerduty.notification_feed where organization_id = %(org)s and loud_seq < 500"
        " order by loud_seq desc limit 50",
        "notifications_loud_seq_key",
    ),
    "what changed": (
        "select * from pagerduty.notification_feed where organization_id = %(org)s and seq > 1900"
        " order by seq limit 50",
        "notifications_seq_key",
    ),
    "one notification": (
        "select * from pagerduty.notification_feed where id = (select n.id from pagerduty.notifications n"
        " where n.organization_id = %(org)s and n.subject = 'incident:P7')",
        "notifications_organization_id_subject_key",
    ),
    "incidents": (f"select * from pagerduty.incidents where {PAGE}", "incidents_organization_created_idx"),
    "incidents, further down": (
        f"select * from pagerduty.incidents where {OLDER}{PAGE}", "incidents_organization_created_idx",
    ),
    "received events": (
        "select * from pagerduty.events where organization_id = %(org)s"
        " order by received_at desc, id desc limit 50",
        "events_organization_received_idx",
    ),
    "the audit": (f"select * from pagerduty.audit where {PAGE}", "audit_organization_idx"),
    "a timeline": (
        "select * from pagerduty.incident_updates where incident_id = (select i.id from pagerduty.incidents i"
        " where i.organization_id = %(org)s and i.pagerduty_incident_id = 'P7') order by created_at, id",
        "incident_updates_incident_idx",
    ),
}  # fmt: skip


def _values(scene: Scene, query: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    values = {"org": scene.ours.id, "recent": now - timedelta(minutes=20), "older": now - timedelta(hours=10)}
    return {name: value for name, value in values.items() if f"%({name})s" in query}


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_comes_from_its_index(scene: Scene, name: str) -> None:
    query, index = QUERIES[name]
    nodes = _explain(scene, scene.ours["owner"], query, _values(scene, query))
    assert nodes[0]["Actual Rows"] > 0
    _assert_indexed(nodes, index)
    _assert_memberships_looked_up_once(nodes)


@pytest.mark.parametrize("name", ["the bell", "incidents", "received events", "the audit"])
def test_a_page_costs_a_page(scene: Scene, name: str) -> None:
    """Nothing is sorted, and no more is read than is shown."""
    nodes = _explain(scene, scene.ours["owner"], QUERIES[name][0], _values(scene, QUERIES[name][0]))
    assert not [node for node in nodes if "Sort" in node["Node Type"]]
    [page] = [node for node in nodes if node.get("Index Name") == QUERIES[name][1]]
    assert page["Actual Rows"] <= 50


LOOKUPS = {
    "get_webhook": "select pagerduty.get_webhook(%s)",
    "ingest_webhooks": (
        "select pagerduty.ingest_webhooks(jsonb_build_array("
        "jsonb_build_object('token', %s::text, 'settings_version', 0, 'events', '[]'::jsonb)))"
    ),
    "report_problem": "select pagerduty.report_problem(%s, 'x')",
}


@pytest.mark.parametrize("name", LOOKUPS)
@pytest.mark.parametrize("url", ["token", "previous", "bare"])
def test_a_webhook_finds_its_integration_by_index(scene: Scene, name: str, url: str) -> None:
    """Not by reading the integrations of thousands of organizations for every webhook."""
    database = scene.database
    scans = (
        "select pg_stat_get_xact_numscans('pagerduty.integrations'::regclass) as whole,"
        " pg_stat_get_xact_numscans('pagerduty.integrations_webhook_token_key'::regclass)"
        " + pg_stat_get_xact_numscans('pagerduty.integrations_previous_webhook_token_key'::regclass)"
        " + pg_stat_get_xact_numscans('pagerduty.integrations_bare_url_key'::regclass) as by_index"
    )
    with database.connect() as connection, connection.transaction():
        before = connection.execute(scans.encode()).fetchall()[0]
        for _ in range(12):  # enough for a plan to be kept
            connection.execute(
                LOOKUPS[name].encode(), ({"token": scene.ours.token, "previous": "p" * 64, "bare": None}[url],)
            )
        after = connection.execute(scans.encode()).fetchall()[0]
    assert after["whole"] == before["whole"]
    assert after["by_index"] >= before["by_index"] + 12


SETTINGS = {
    "what became of the recent events": ("pagerduty_private.recent_events(%(org)s)", "authenticated", 1010),
    "services that were seen": ("pagerduty_private.seen_services(%(org)s)", "authenticated", 1010),
    "an incident's service": (
        """pagerduty_private.service_of_event(%(org)s, '{"incident": {"id": "PBUSY"}}')""", "service_role", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_what_filters_and_their_health_read_is_bounded(scene: Scene, name: str) -> None:
    """By indexes, and so many events at most, of the thousands that there are."""
    call, role, most = SETTINGS[name]
    scene.database.rows(
        "update pagerduty.integrations set filters_changed_at = '2000-01-01' where organization_id = %s",
        (scene.ours.id,),
    )
    counters = (
        "select seq_scan as whole, idx_tup_fetch as fetched"
        " from pg_stat_xact_user_tables where relid = 'pagerduty.events'::regclass"
    )
    with scene.database.connect() as connection, connection.transaction():
        before = connection.execute(counters.encode()).fetchall()[0]
        with scene.database.acting(scene.ours["owner"], role=role, connection=connection) as run:
            [found] = run(f"select {call} as found", {"org": scene.ours.id})
        after = connection.execute(counters.encode()).fetchall()[0]
    assert found["found"]
    assert after["whole"] == before["whole"]
    assert 0 < after["fetched"] - before["fetched"] <= most
