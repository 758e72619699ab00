"""What it costs grows with what changes, not with the audience or the past.

The same steps in a small organization and in a large one of the same database: they read as many pages of it, but for
the depth of an index. `python -m bench.size` does the same with a million of them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from devstack.postgres import Cluster
from tests.database.database import Database, Organization, scratch, webhook
from tests.database.events import event

SMALL, LARGE = 1_000, 60_000  # notifications
FEW, MANY = 10, 20_000  # members
#: Pages more that the large one may cost: its indexes are a level or two deeper, and there are a few of them.
DEEPER = 100

FILL = """
insert into auth.users (id, email)
  select gen_random_uuid(), 'crowd-' || n from generate_series(1, %(members)s) n on conflict do nothing;
alter table pagerduty.memberships disable trigger user;
insert into pagerduty.memberships (organization_id, user_id, role)
  select %(org)s, u.id, 'viewer' from auth.users u where u.email like 'crowd-%%' limit %(members)s;
alter table pagerduty.memberships enable trigger user;
insert into pagerduty.events (organization_id, integration_id, event_id, family, event_type, outcome,
    pagerduty_incident_id)
  select %(org)s, i.id, 'E' || n, 'v3', 'incident.triggered', 'created', 'P' || n
  from pagerduty.integrations i, generate_series(1, %(size)s) n where i.organization_id = %(org)s;
insert into pagerduty.notifications (organization_id, subject, event_type, title, pagerduty_incident_id,
    pagerduty_status, service_name, seq, loud_seq)
  select %(org)s, 'incident:P' || n, 'incident.triggered', 'Alert ' || n, 'P' || n, 'triggered', 'Checkout API', n, n
  from generate_series(1, %(size)s) n;
insert into pagerduty_private.inboxes (organization_id, last_seq) values (%(org)s, %(size)s);
insert into pagerduty.inbox_marks (user_id, organization_id, read_seq, done_seq)
  values (%(all_read)s, %(org)s, %(size)s, 0), (%(all_done)s, %(org)s, %(size)s, %(size)s);
insert into pagerduty.receipts (notification_id, organization_id, user_id, seq, read, done)
  select n.id, %(org)s, u.id, n.loud_seq, true, u.done
  from pagerduty.notifications n, (values (%(one_by_one)s::uuid, false)) u (id, done)
  where n.organization_id = %(org)s and n.loud_seq > 100
"""
#: Who read all at once, who is done with all, who read all but the oldest hundred one by one, and who reads nothing.
READERS = {"owner": "all_read", "admin": "all_done", "responder": "one_by_one", "viewer": None}


@dataclass
class Scene:
    database: Database
    small: Organization
    large: Organization


@pytest.fixture(scope="module")
def scene(cluster: Cluster, migrated_template: str) -> Iterator[Scene]:
    with scratch(cluster, template=migrated_template) as url, Database(url) as database:
        yield filled(database, LARGE, MANY)


def filled(database: Database, size: int, members: int) -> Scene:
    """A small organization, and one of so many notifications and members."""
    scene = Scene(database, database.organization(), database.organization())
    for organization, number, crowd in ((scene.small, SMALL, FEW), (scene.large, size, members)):
        people = {reader: organization[role] for role, reader in READERS.items() if reader}
        values = {"org": organization.id, "size": number, "members": crowd, **people}
        for statement in FILL.split(";\n"):
            database.rows(statement, values if "%(" in statement else None)
    database.rows("analyze")
    for organization, number in ((scene.small, SMALL), (scene.large, size)):
        _settle(database, organization, number)
    database.rows("vacuum (analyze)")
    return scene


def _settle(database: Database, organization: Organization, size: int) -> None:
    """As by reading on: each time they read something, their mark moves over a stretch of what they have read."""
    settle = "select pagerduty_private.settle_inbox(%s, false)"
    for _ in range(size // 1000):
        database.run_as(organization["responder"], settle, (organization.id,))


def _pages(scene: Scene, organization: Organization, run: str, role: str, values: dict[str, Any]) -> int:
    """How many pages of the database it reads, when all is warm. What it writes is undone."""
    connection = scene.database.connection
    user, as_role = (None, role) if role == "service_role" else (organization[role], "authenticated")
    pages = 0
    for _ in range(3):  # plans are kept and catalogues read
        with connection.transaction(force_rollback=True), scene.database.acting(user, role=as_role) as execute:
            [found] = execute(f"explain (analyze, buffers, format json) {run}", values)
        plan = found["QUERY PLAN"]
        [top] = json.loads(plan) if isinstance(plan, str) else plan
        pages = top["Plan"]["Shared Hit Blocks"] + top["Plan"]["Shared Read Blocks"]
    return pages


READS: dict[str, tuple[str, str]] = {
    **{
        f"the {what}, {reader or 'nothing read'}": (run, role)
        for what, run in {
            "inbox": "select * from pagerduty.list_notifications(%(org)s)",
            "unread": "select * from pagerduty.list_notifications(%(org)s, unread => true)",
            "whole list": "select * from pagerduty.list_notifications(%(org)s, 'all')",
            "count": "select pagerduty.count_unread_notifications(%(org)s)",
        }.items()
        for role, reader in READERS.items()
    },
    "further down": ("select * from pagerduty.list_notifications(%(org)s, before => 900)", "owner"),
    "what changed": ("select * from pagerduty.changed_notifications(%(org)s, 900, 20)", "owner"),
    "what is snoozed": ("select * from pagerduty.list_notifications(%(org)s, 'snoozed')", "responder"),
    "read all": ("select pagerduty.read_all_notifications(%(org)s)", "owner"),
    "read one": (
        "select * from pagerduty.mark_notifications(%(org)s, array(select n.id from pagerduty.notifications n"
        " where n.organization_id = %(org)s and n.subject = 'incident:P500'), 'read')",
        "owner",
    ),
}


def pages_read(scene: Scene, name: str) -> tuple[int, int]:
    """What one of READS costs in the small organization and in the large one."""
    run, role = READS[name]
    small, large = (
        _pages(scene, organization, run, role, {"org": organization.id}) for organization in (scene.small, scene.large)
    )
    return small, large


@pytest.mark.parametrize("name", READS)
def test_what_a_user_asks_costs_the_same(scene: Scene, name: str) -> None:
    small, large = pages_read(scene, name)
    assert large <= small + DEEPER, (small, large)


EVENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "of a new incident": lambda: event(incident_id="PNEW"),
    "of a known one": lambda: event("incident.acknowledged", incident_id="P500"),
    "that is loud": lambda: event("incident.escalated", incident_id="P500"),
}


def pages_of_event(scene: Scene, name: str) -> tuple[int, int]:
    """What one of EVENTS costs in the small organization and in the large one."""
    costs = []
    for organization in (scene.small, scene.large):
        version = scene.database.version(organization)
        values = {"webhooks": json.dumps([webhook(organization.token, version, [EVENTS[name]()])])}
        run = "select pagerduty.ingest_webhooks(%(webhooks)s::jsonb)"
        costs.append(_pages(scene, organization, run, "service_role", values))
    return costs[0], costs[1]


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_costs_the_same(scene: Scene, name: str) -> None:
    small, large = pages_of_event(scene, name)
    assert large <= small + DEEPER, (small, large)
