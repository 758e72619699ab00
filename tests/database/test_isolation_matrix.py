"""Who may do what to each table: one row of an organization, tried by everybody."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, ObjectNotInPrerequisiteState

from tests.database import catalog
from tests.database.database import Database
from tests.database.events import event

ACTORS = ("owner", "admin", "responder", "viewer", "stranger", "nobody", "anon", "service_role")
USERS = ACTORS[:6]

# yes: it affects the row. -: it affects none, as if the row were not there. no: refused.
# "stranger" owns another organization; "nobody" is a signed-in user of none.
EXPECTED = """
table                   does     owner  admin  responder  viewer  stranger  nobody  anon  service_role
organizations           select   yes    yes    yes        yes     -         -       no    yes
organizations           insert   no     no     no         no      no        no      no    yes
organizations           update   yes    yes    -          -       -         -       no    yes
organizations           delete   no     no     no         no      no        no      no    yes
audit                   select   yes    yes    -          -       -         -       no    no
audit                   insert   no     no     no         no      no        no      no    no
audit                   update   no     no     no         no      no        no      no    no
audit                   delete   no     no     no         no      no        no      no    no
memberships             select   yes    yes    yes        yes     -         -       no    yes
memberships             insert   no     no     no         no      no        no      no    yes
memberships             update   yes    yes    -          -       -         -       no    yes
memberships             delete   yes    yes    -          -       -         -       no    yes
invitations   select   yes    yes    -          -       -         -       no    no
invitations   insert   yes    yes    no         no      no        no      no    no
invitations   update   yes    yes    -          -       -         -       no    no
invitations   delete   no     no     no         no      no        no      no    no
integrations  select   yes    yes    yes        yes     -         -       no    yes
integrations  insert   yes    yes    no         no      no        no      no    no
integrations  update   yes    yes    -          -       -         -       no    no
integrations  delete   no     no     no         no      no        no      no    no
credentials   select   no     no     no         no      no        no      no    yes
credentials   insert   no     no     no         no      no        no      no    no
credentials   update   no     no     no         no      no        no      no    yes
credentials   delete   no     no     no         no      no        no      no    no
events        select   yes    yes    -          -       -         -       no    yes
events        insert   no     no     no         no      no        no      no    yes
events        update   no     no     no         no      no        no      no    yes
events        delete   no     no     no         no      no        no      no    no
notifications           select   yes    yes    yes        yes     -         -       no    yes
notifications           insert   no     no     no         no      no        no      no    yes
notifications           update   no     no     no         no      no        no      no    yes
notifications           delete   no     no     no         no      no        no      no    no
notification_feed       select   yes    yes    yes        yes     -         -       no    yes
notification_feed       insert   no     no     no         no      no        no      no    no
notification_feed       update   no     no     no         no      no        no      no    no
notification_feed       delete   no     no     no         no      no        no      no    no
receipts   select   yes    -      -          -       -         -       no    yes
receipts   insert   yes    yes    yes        yes     no        no      no    no
receipts   update   yes    -      -          -       -         -       no    no
receipts   delete   no     no     no         no      no        no      no    no
inbox_marks   select   yes    -      -          -       -         -       no    yes
inbox_marks   insert   -      yes    yes        yes     no        no      no    no
inbox_marks   update   yes    -      -          -       -         -       no    no
inbox_marks   delete   no     no     no         no      no        no      no    no
incidents               select   yes    yes    yes        yes     -         -       no    yes
incidents               insert   yes    yes    yes        no      no        no      no    no
incidents               update   yes    yes    yes        -       -         -       no    no
incidents               delete   no     no     no         no      no        no      no    no
incident_updates        select   yes    yes    yes        yes     -         -       no    yes
incident_updates        insert   yes    yes    yes        no      no        no      no    yes
incident_updates        update   no     no     no         no      no        no      no    no
incident_updates        delete   no     no     no         no      no        no      no    no
outbox        select   yes    yes    yes        yes     -         -       no    yes
outbox        insert   no     no     no         no      no        no      no    no
outbox        update   no     no     no         no      no        no      no    no
outbox        delete   no     no     no         no      no        no      no    no
directory     select   yes    yes    yes        yes     -         -       no    yes
directory     insert   no     no     no         no      no        no      no    yes
directory     update   no     no     no         no      no        no      no    no
directory     delete   no     no     no         no      no        no      no    yes
"""

# What is tried. The member in question is a viewer ("guest"), the receipt the owner's.
STATEMENTS = {
    "organizations": (
        "select id from {table} where id = %(org)s",
        "insert into {table} (name) values ('New')",
        "update {table} set name = 'Renamed' where id = %(org)s",
        "delete from {table} where id = %(org)s",
    ),
    "audit": (
        "select setting from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id, subject, setting, change)"
        " values (%(org)s, 'organizations', 'name', 'set')",
        "update {table} set actor_name = 'Somebody else' where organization_id = %(org)s",
        "delete from {table} where organization_id = %(org)s",
    ),
    "memberships": (
        "select role, email from {table} where user_id = %(guest)s",
        "insert into {table} (organization_id, user_id, role) values (%(org)s, %(newcomer)s, 'responder')",
        "update {table} set role = 'responder' where organization_id = %(org)s and user_id = %(guest)s",
        "delete from {table} where organization_id = %(org)s and user_id = %(guest)s",
    ),
    "invitations": (
        "select email, role, organization_name from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id, email, role) values (%(org)s, 'other@example.test', 'viewer')",
        "update {table} set revoked_at = now() where organization_id = %(org)s",
        "delete from {table} where organization_id = %(org)s",
    ),
    "integrations": (
        "select id, enabled, last_error from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id, enabled) values (%(org)s, true)",
        "update {table} set enabled = false where organization_id = %(org)s",
        "delete from {table} where organization_id = %(org)s",
    ),
    "credentials": (
        "select api_key from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id) values (%(org)s)",
        "update {table} set api_key = 'other' where organization_id = %(org)s",
        "delete from {table} where organization_id = %(org)s",
    ),
    "events": (
        "select payload from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id, integration_id, event_id, family, event_type, outcome)"
        " values (%(org)s, %(integration)s, 'forged', 'v3', 'incident.triggered', 'created')",
        "update {table} set deliveries = 9 where organization_id = %(org)s",
        "delete from {table} where organization_id = %(org)s",
    ),
    "notifications": (
        "select title, recipients from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id, subject, event_type, title, seq, loud_seq)"
        " values (%(org)s, 'incident:P', 'incident.triggered', 'Forged', 99, 99)",
        "update {table} set title = 'Changed' where id = %(notification)s",
        "delete from {table} where id = %(notification)s",
    ),
    "notification_feed": (
        "select title, unread, incident_id from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id, title) values (%(org)s, 'Forged')",
        "update {table} set title = 'Changed' where id = %(notification)s",
        "delete from {table} where id = %(notification)s",
    ),
    "receipts": (
        "select read from {table} where notification_id = %(read)s",
        "insert into {table} (notification_id, organization_id, seq, read) values (%(notification)s, %(org)s, 1, true)",
        "update {table} set read = false where notification_id = %(read)s",
        "delete from {table} where notification_id = %(read)s",
    ),
    "inbox_marks": (
        "select read_seq from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id, read_seq) values (%(org)s, 1) on conflict do nothing",
        "update {table} set read_seq = 2 where organization_id = %(org)s",
        "delete from {table} where organization_id = %(org)s",
    ),
    "incidents": (
        "select title from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id, title) values (%(org)s, 'New')",
        "update {table} set title = 'Changed' where id = %(incident)s",
        "delete from {table} where id = %(incident)s",
    ),
    "incident_updates": (
        "select body from {table} where organization_id = %(org)s",
        "insert into {table} (incident_id, organization_id, body) values (%(incident)s, %(org)s, 'Hello')",
        "update {table} set body = 'Changed' where incident_id = %(incident)s",
        "delete from {table} where incident_id = %(incident)s",
    ),
    "outbox": (
        "select state, last_error from {table} where organization_id = %(org)s",
        "insert into {table} (organization_id, incident_id, thing, wanted)"
        " values (%(org)s, %(incident)s, 'status', 'resolved')",
        "update {table} set state = 'sent' where incident_id = %(incident)s",
        "delete from {table} where incident_id = %(incident)s",
    ),
    "directory": (
        "select name from {table} where organization_id = %(org)s",
        "insert into {table} (integration_id, organization_id, kind, pagerduty_id, name, place)"
        " values (%(integration)s, %(org)s, 'user', 'POTHER1', 'Somebody', 2)",
        "update {table} set name = 'Changed' where organization_id = %(org)s",
        "delete from {table} where organization_id = %(org)s",
    ),
}  # fmt: skip
OPERATIONS = ("select", "insert", "update", "delete")


def _cells() -> Iterator[tuple[str, str, dict[str, str]]]:
    header, *lines = EXPECTED.strip().splitlines()
    for line in lines:
        cells = dict(zip(header.split(), line.split(), strict=True))
        yield cells.pop("table"), cells.pop("does"), cells


@dataclass
class Scene:
    """One row in every table, all of one organization; `names` are the parameters of the statements."""

    database: Database
    people: dict[str, str]
    names: dict[str, str]


@pytest.fixture(scope="module")
def scene(dsn: str) -> Iterator[Scene]:
    with Database(dsn) as database:
        acme, other = database.organization(), database.organization()
        read = database.notify(acme, event(event_id="READ"))
        notification = database.notify(acme, event(incident_id="PINC002"))
        names = {
            "org": acme.id, "read": read, "notification": notification,
            "guest": database.join(acme, "viewer"), "newcomer": database.user("Newcomer"),
            "incident": database.link(acme, acme["owner"], read),
            "integration": database.value(
                "select id::text from pagerduty.integrations where organization_id = %s", (acme.id,)
            ),
        }  # fmt: skip
        mark = "select * from pagerduty.mark_notifications(%s, %s::uuid[], 'read')"
        database.run_as(acme["owner"], mark, (acme.id, [read]))
        invite = "select pagerduty.invite_member(%s, 'somebody@example.test', 'viewer')"
        database.run_as(acme["admin"], invite, (acme.id,))
        credentials = '{"api_key": {"sealed": "sealed", "last4": "abcd"}}'
        database.run_as(acme["admin"], "select pagerduty.save_integration(%s, '{}', %s)", (acme.id, credentials))
        investigate = "update pagerduty.incidents set status = 'investigating' where id = %s"
        database.run_as(acme["owner"], investigate, (names["incident"],))
        written = '[{"kind": "user", "id": "PUSER01", "name": "Rita"}]'
        write = "select pagerduty.write_directory(%s, %s)"
        database.run_as(None, write, (names["integration"], written), role="service_role")
        people = {**acme.people, "stranger": other["owner"], "nobody": database.user("Nobody")}
        yield Scene(database, people, names)
        database.clean_up()


def _attempt(scene: Scene, actor: str, statement: str, prepare: str = "") -> str:
    connection = scene.database.connection
    try:
        with connection.transaction(force_rollback=True):
            if prepare:
                connection.execute(prepare.encode(), scene.names)
            role = "authenticated" if actor in USERS else actor
            with scene.database.acting(scene.people.get(actor), role=role):
                return "yes" if connection.execute(statement.encode(), scene.names).rowcount else "-"
    except (InsufficientPrivilege, ObjectNotInPrerequisiteState):  # the latter: a view that nobody writes
        return "no"


@pytest.mark.parametrize(
    ("table", "does", "expected"), [pytest.param(*cell, id=f"{cell[0]}-{cell[1]}") for cell in _cells()]
)
def test_who_may_do_what(scene: Scene, table: str, does: str, expected: dict[str, str]) -> None:
    statement = STATEMENTS[table][OPERATIONS.index(does)].format(table=f"pagerduty.{table}")
    # An organization has but one integration, and one row of credentials: to insert one, there must be none.
    is_single = does == "insert" and table in ("integrations", "credentials")
    prepare = f"delete from pagerduty.{table} where organization_id = %(org)s" if is_single else ""
    assert {actor: _attempt(scene, actor, statement, prepare) for actor in ACTORS} == expected


def test_the_table_of_expectations_is_complete(scene: Scene) -> None:
    tried = {(table, does) for table, does, _ in _cells()}
    relations = catalog.tables(scene.database.connection) | {"notification_feed"}
    assert tried == {(table, does) for table in relations for does in OPERATIONS}


@pytest.mark.parametrize("actor", USERS)
@pytest.mark.parametrize(
    "column",
    [
        "webhook_token", "previous_webhook_token", "previous_webhook_token_expires_at", "integration_key",
        "api_key_last4", "signing_secret_last4", "accept_bare_url", "settings_version", "filters_changed_at",
    ],
)  # fmt: skip
def test_columns_that_no_user_selects(scene: Scene, actor: str, column: str) -> None:
    assert _attempt(scene, actor, f"select {column} from pagerduty.integrations") == "no"
    assert _attempt(scene, actor, f"select id from pagerduty.integrations order by {column}") == "no"
    assert _attempt(scene, actor, f"select id from pagerduty.integrations where {column} is not null") == "no"


@pytest.mark.parametrize("actor", USERS)
def test_nobody_selects_whole_rows_of_integrations(scene: Scene, actor: str) -> None:
    assert _attempt(scene, actor, "select * from pagerduty.integrations") == "no"
    assert _attempt(scene, actor, "select i::text from pagerduty.integrations i") == "no"
    assert _attempt(scene, actor, "update pagerduty.integrations set enabled = true returning webhook_token") == "no"


# Columns that the product keeps: neither set by hand on a new row nor changed, by anybody who signs in.
KEPT = {
    "organizations": ("id", "topic", "created_at", "updated_at"),
    "memberships": ("organization_id", "user_id", "email", "created_at", "updated_at"),
    "invitations": (
        "id", "organization_id", "organization_name", "email", "invited_by", "invited_by_name", "accepted_at",
        "accepted_by", "created_at", "updated_at",
    ),
    "integrations": (
        "id", "organization_id", "webhook_token", "previous_webhook_token", "previous_webhook_token_expires_at",
        "accept_bare_url", "api_key_last4", "signing_secret_last4", "settings_version", "filters_changed_at",
        "last_event_at", "last_error", "last_error_at", "created_at", "updated_at",
    ),
    "incidents": (
        "id", "organization_id", "notification_id", "pagerduty_incident_id", "pagerduty_url", "pagerduty_status",
        "pagerduty_status_at", "pagerduty_event_id", "member_status_at", "created_by", "created_at", "updated_at",
    ),
}  # fmt: skip
SET_AT_FIRST = {"organization_id", "user_id", "notification_id", "invitations.email", "incidents.pagerduty_status"}


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in KEPT.items() for column in columns]
)
def test_columns_that_no_user_sets(scene: Scene, table: str, column: str) -> None:
    assert _attempt(scene, "owner", f"update pagerduty.{table} set {column} = default") == "no"
    if not SET_AT_FIRST & {column, f"{table}.{column}"}:
        assert _attempt(scene, "owner", f"insert into pagerduty.{table} ({column}) values (default)") == "no"


@pytest.mark.parametrize(
    "column",
    ["kind", "status_from", "status_to", "assignee_from", "assignee_to", "author_id", "event_id", "created_at", "id"],
)
def test_a_comment_is_its_authors_and_nothing_else(scene: Scene, column: str) -> None:
    assert _attempt(scene, "owner", f"insert into pagerduty.incident_updates ({column}) values (default)") == "no"


@pytest.mark.parametrize("table", ["receipts", "inbox_marks"])
def test_what_one_did_is_ones_own(scene: Scene, table: str) -> None:
    assert _attempt(scene, "owner", f"insert into pagerduty.{table} (user_id) values (default)") == "no"
    assert _attempt(scene, "owner", f"update pagerduty.{table} set user_id = default") == "no"
    assert _attempt(scene, "owner", f"update pagerduty.{table} set organization_id = default") == "no"


CALLS = {
    "pagerduty.ingest_webhooks('[]')": {"service_role"},
    "pagerduty_private.ingest_webhook(null, null, false)": {"service_role"},
    "pagerduty_private.ingest_events(null, '[]', false)": {"service_role"},
    "pagerduty.get_webhook(null)": {"service_role"},
    "pagerduty.report_problem(null, 'x')": {"service_role"},
    "pagerduty.get_integration(%(org)s)": {*USERS},
    "pagerduty.read_all_notifications(%(org)s)": {*USERS},
    "pagerduty.count_unread_notifications(%(org)s)": {*USERS},
    "pagerduty.save_integration(%(org)s, '{{}}')": {"owner", "admin"},
    "pagerduty.rotate_webhook_url(%(org)s)": {"owner", "admin"},
    "pagerduty.send_test_alert(%(org)s)": {"owner", "admin"},
    "pagerduty_private.ingest_test_alert(%(org)s)": {"owner", "admin"},
    "pagerduty_private.test_event('x')": set(),
    "pagerduty_private.rotate_webhook_token(%(org)s)": {"owner", "admin"},
    "pagerduty_private.integration_of_token(null)": {"service_role"},
    "pagerduty_private.is_secret_setting(null, null)": set(),
    "pagerduty_private.write_audit(null, null, null, null, null)": set(),
    "pagerduty.get_sealed_api_key(%(org)s)": {*USERS},
    "pagerduty_private.save_credentials(%(org)s, '{{}}')": {"owner", "admin"},
    "pagerduty_private.reason_to_ignore(null, null)": {"service_role"},
    "pagerduty_private.reason_to_tell_nobody(null, null, null)": {"service_role"},
    "pagerduty_private.service_of_event(null, null)": {"service_role"},
    "pagerduty_private.seen_services(%(org)s)": {*USERS},
    "pagerduty_private.recent_events(%(org)s)": {*USERS},
    "pagerduty.get_notifications(%(org)s)": {*USERS},
    "pagerduty.unread_counts(%(org)s)": {*USERS},
    "pagerduty.tell_due()": {"service_role"},
    "pagerduty_private.send_due(1)": {"service_role"},
    "pagerduty.list_notifications(%(org)s)": {*USERS},
    "pagerduty.changed_notifications(%(org)s, 0)": {*USERS},
    "pagerduty.mark_notifications(%(org)s, '{{}}', 'read')": {*USERS},
    "pagerduty.notification_events(%(notification)s)": {*USERS},
    "pagerduty.link_notification(null, null)": {*USERS},
    "pagerduty_private.attach_notification(null, null)": {*USERS},
    "pagerduty_private.events_of(null, null, null, 1)": {*USERS},
    "pagerduty_private.is_listed(null, 'all', false, null, null, null, false, null)": {*USERS},
    "pagerduty_private.tell_receipts(%(org)s, null)": {*USERS},
    "pagerduty_private.my_mark(%(org)s)": {*USERS},
    "pagerduty_private.settle_inbox(%(org)s, false)": {*USERS},
    "pagerduty_private.next_seq(%(org)s)": {*USERS, "service_role"},
    "pagerduty_private.status_told(%(org)s, 'P')": set(),
    "pagerduty_private.show_incident(null)": set(),
    "pagerduty_private.tell_the_past(null)": set(),
    "pagerduty_private.is_news(null, null, null, null)": {"service_role"},
    "pagerduty_private.is_whole_second(null)": {"service_role"},
    "pagerduty_private.told_before(null, null)": {"service_role"},
    "pagerduty_private.merge_facts('[]', '[]', null)": {"service_role"},
    "pagerduty_private.merge_prefill(null, null, true, true)": {"service_role"},
    "pagerduty_private.description('x', null, '[]')": {"service_role"},
    "pagerduty_private.describe(null, null, null)": {"service_role"},
    "pagerduty_private.write_notification(null, null, null, null)": {"service_role"},
    "pagerduty_private.keep_notification(null, null, null, false, false)": {"service_role"},
    "pagerduty_private.move_linked_incident(null, null, false)": {"service_role"},
    "pagerduty_private.take_echo(null, null)": {"service_role"},
    "pagerduty_private.outbox_summary(%(org)s)": {*USERS},
    "pagerduty.retry_outbox(null)": {*USERS},
    "pagerduty_private.try_again(null)": {*USERS},
    "pagerduty.claim_outbox(1)": {"service_role"},
    "pagerduty_private.take_turn(1)": {"service_role"},
    "pagerduty.finish_outbox(null, 1, null)": {"service_role"},
    "pagerduty.defer_outbox(null, 1, 'dead', null)": {"service_role"},
    "pagerduty_private.end_turn(null, 1, 'dead', null, null, 0)": {"service_role"},
    "pagerduty_private.wake_outbox(%(org)s)": set(),
    "pagerduty_private.resume_outbox(%(org)s)": set(),
    "pagerduty_private.requeue_outbox(%(org)s)": set(),
    "pagerduty_private.next_outbox(%(org)s)": set(),
    "pagerduty_private.status_to_pagerduty('open')": set(),
    "pagerduty_private.tells_pagerduty(%(org)s, 'status')": set(),
    "pagerduty.ask_pagerduty(null, 'urgency', null)": {*USERS},
    "pagerduty_private.put_request(null, 'urgency', null)": {*USERS},
    "pagerduty_private.put_outbox(%(org)s, null, 'urgency', 'x', null)": set(),
    "pagerduty_private.link_created(%(org)s, null, 'P', null)": {"service_role"},
    "pagerduty_private.expected_echoes(null)": set(),
    "pagerduty_private.is_telling_another(null, 'resolved')": {"service_role"},
    "pagerduty_private.overtake_outbox(null, 'resolved')": {"service_role"},
    "pagerduty_private.link_by_key(%(org)s, null)": {"service_role"},
    "pagerduty.link_paged_incident(null, 'P', null)": {"service_role"},
    "pagerduty.write_directory(null, '[]')": {"service_role"},
    "pagerduty_private.note_directory(null)": {"service_role"},
    "pagerduty.noted_incidents(null, 1)": {"service_role"},
    "pagerduty_private.take_notes(null, 1)": {"service_role"},
    "pagerduty.amend_notes(null, '[]')": {"service_role"},
    "pagerduty_private.amend_note(null, null, null)": {"service_role"},
    "pagerduty.claim_reconciliation(1)": {"service_role"},
    "pagerduty_private.take_round(1)": {"service_role"},
    "pagerduty.heal_events(null, '[]')": {"service_role"},
    "pagerduty_private.confirm_event(null, null, true)": {"service_role"},
    "pagerduty_private.count_changes(null, 0, 0, null)": {"service_role"},
    "pagerduty.finish_reconciliation(null, null, false, null, 0)": {"service_role"},
    "pagerduty_private.end_round(null, null, false, null, 0)": {"service_role"},
    "pagerduty_private.reconciliation_summary(%(org)s)": {*USERS},
    "pagerduty.reconcile_now(%(org)s)": {*USERS},
    "pagerduty_private.hurry_reconciliation(%(org)s)": {*USERS},
    "pagerduty.save_subscription(%(org)s)": {"owner", "admin"},
    "pagerduty_private.write_subscription(%(org)s, null)": {"owner", "admin"},
    "pagerduty_private.tell_organization(%(org)s, 'moved', '{{}}')": {"service_role"},
    "pagerduty_private.renew_topic(%(org)s)": set(),
    "pagerduty_private.ingest_event(null, null)": {"service_role"},
    "pagerduty_private.my_organizations()": {*USERS},
    "pagerduty_private.my_verified_email()": {*USERS},
    "pagerduty_private.canonical_email('X')": {*USERS},
    "pagerduty.invite_member(%(org)s, 'x@example.test', 'viewer')": {"owner", "admin"},
    "pagerduty.my_invitations()": {*USERS},
    "pagerduty.accept_invitation(null)": {*USERS},
    "pagerduty_private.join_as_invited(null)": {*USERS},
    "pagerduty_private.found_organization('x')": {*USERS},
    "pagerduty.revoke_invitation(null)": {*USERS},
    "pagerduty.create_organization('x')": {*USERS},
    "pagerduty_private.are_texts('{{}}', 1)": {*USERS, "service_role"},
}


@pytest.mark.parametrize("call", CALLS)
def test_who_may_call_what(scene: Scene, call: str) -> None:
    refused = set()
    for actor in ACTORS:
        try:
            if _attempt(scene, actor, f"select {call.replace('{{}}', '{}')}") == "no":
                refused.add(actor)
        except psycopg.DatabaseError:
            continue  # it was let in, and stumbled over these arguments
    assert refused == set(ACTORS) - CALLS[call]


TRIGGERS = (
    "set_updated_at", "version_integration", "introduce_member", "keep_an_owner", "link_incident",
    "start_linked_incident", "note_member_status", "record_incident_change", "start_inbox", "forget_incident",
    "broadcast_incident_update", "part_from_members", "prepare_invitation", "withdraw_invitations", "audit_change",
    "drop_audit", "tell_status", "tell_note", "page_by_rule",
)  # fmt: skip


@pytest.mark.parametrize("function", TRIGGERS)
def test_triggers_are_not_to_be_called(scene: Scene, function: str) -> None:
    assert {_attempt(scene, actor, f"select pagerduty_private.{function}()") for actor in ACTORS} == {"no"}


def test_claims_cannot_be_empty_or_odd(scene: Scene) -> None:
    """A token without a subject, or with somebody's id in the wrong place, is nobody."""
    statement = "select 1 from pagerduty.organizations where id = %(org)s"
    owner = scene.people["owner"]
    for claims in (
        {},
        {"sub": ""},
        {"id": owner},
        {"app_metadata": {"sub": owner, "organization_id": scene.names["org"]}},
    ):
        try:
            with scene.database.acting(None, **claims) as run:
                seen: list[Any] = run(statement, scene.names)
        except psycopg.errors.InvalidTextRepresentation:
            seen = []  # an empty sub is no uuid
        assert seen == []
