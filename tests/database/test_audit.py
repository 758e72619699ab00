"""The audit: who changed which setting from what to what, for whom to read, and never a secret."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.database.database import Database, Organization
from tests.database.events import event
from tests.database.twins import TwinnedDatabase

LINES = "select * from pagerduty.audit where organization_id = %s order by created_at, id"
SAVE = "select pagerduty.save_integration(%s, %s, %s)"
ROTATE = "select pagerduty.rotate_webhook_url(%s)"
SECRETS = ("api_key", "signing_secret")


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def _lines(database: Database, organization: Organization, made: int = 0) -> list[dict[str, Any]]:
    """What is in the audit, but for the lines that were there before: the first `made`."""
    return database.rows(LINES, (organization.id,))[made:]


def _told(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(line["setting"], line["change"], line["old_value"], line["new_value"]) for line in lines]


def _save(database: Database, organization: Organization, changed: Any = None, credentials: Any = None) -> None:
    parameters = (organization.id, Jsonb(changed or {}), Jsonb(credentials or {}))
    database.run_as(organization["admin"], SAVE, parameters)


def _sealed(name: str, secret: str | None) -> dict[str, Any]:
    return {name: {"sealed": secret, "last4": secret[-4:]} if secret else None}


def test_what_an_organization_begins_with(database: Database, acme: Organization) -> None:
    lines = _lines(database, acme)
    assert all(line["actor_id"] is line["actor_name"] is None for line in lines), "nobody was signed in"
    assert _told(lines)[0] == ("name", "set", None, "Test")
    integration = [line for line in lines if line["subject"] == "integrations"]
    assert sorted(_told(integration), key=str) == [
        ("accept_bare_url", "set", None, False), ("enabled", "set", None, True),
        ("paging_criticality", "set", None, "critical"), ("region", "set", None, "us"),
        ("sync_notes", "set", None, "both"), ("sync_status", "set", None, "both"),
        ("webhook_token", "set", None, None),
    ]  # fmt: skip
    joined = [(line["member_id"], line["new_value"]) for line in lines if line["subject"] == "memberships"]
    assert [(str(member), role) for member, role in joined] == [(acme[role], role) for role in acme.people]


def test_settings_from_what_to_what(database: Database, acme: Organization) -> None:
    made = len(_lines(database, acme))
    _save(database, acme, {"region": "eu", "enabled": False, "event_types": ["incident.triggered"]})
    _save(database, acme, {"region": "eu", "enabled": False})
    _save(database, acme, {"event_types": None})
    lines = _lines(database, acme, made)
    assert sorted(_told(lines), key=str) == [
        ("enabled", "changed", True, False),
        ("event_types", "removed", ["incident.triggered"], None),
        ("event_types", "set", None, ["incident.triggered"]),
        ("region", "changed", "us", "eu"),
    ]
    assert {(str(line["actor_id"]), line["actor_name"], line["subject"]) for line in lines} == {
        (acme["admin"], "Admin", "integrations")
    }


def test_of_secrets_only_that_they_are_set_changed_and_removed(database: Database, acme: Organization) -> None:
    made = len(_lines(database, acme))
    for name in SECRETS:
        for secret in ("first-same", "second-same", None):
            _save(database, acme, credentials=_sealed(name, secret))
    _save(database, acme, {"integration_key": "PKEY"})
    database.run_as(acme["owner"], ROTATE, (acme.id,))
    expected = [(name, change, None, None) for name in SECRETS for change in ("set", "changed", "removed")]
    expected += [("integration_key", "set", None, None), ("webhook_token", "changed", None, None)]
    assert _told(_lines(database, acme, made)) == expected


def test_members_who_come_change_and_go(database: Database, acme: Organization) -> None:
    helper = database.join(acme, "admin", database.user("Helper"))
    made = len(_lines(database, acme))
    guest = database.join(acme, "viewer", database.user("Guest"))
    change = "update pagerduty.memberships set role = %s, display_name = %s where organization_id = %s and user_id = %s"
    database.run_as(helper, change, ("responder", "Guest", acme.id, guest))
    database.run_as(acme["owner"], change, ("responder", "Renamed", acme.id, guest))
    leave = "delete from pagerduty.memberships where organization_id = %s and user_id = %s"
    database.run_as(guest, leave, (acme.id, guest))
    database.run_as(acme["owner"], leave, (acme.id, acme["viewer"]))
    lines = _lines(database, acme, made)
    assert _told(lines) == [
        ("role", "set", None, "viewer"), ("role", "changed", "viewer", "responder"),
        ("display_name", "changed", "Guest", "Renamed"), ("role", "removed", "responder", None),
        ("role", "removed", "viewer", None),
    ]  # fmt: skip
    actors = [None, helper, acme["owner"], guest, acme["owner"]]
    assert [line["actor_id"] and str(line["actor_id"]) for line in lines] == actors
    assert [line["member_name"] for line in lines] == ["Guest", "Guest", "Renamed", "Renamed", "Viewer"]
    database.rows("delete from auth.users where id = any (%s::uuid[])", ([guest, helper],))
    assert _lines(database, acme, made)[: len(lines)] == lines, "what they did stays true"
    assert _told(_lines(database, acme, made + len(lines))) == [("role", "removed", "admin", None)]


def test_a_new_name_of_the_organization(database: Database, acme: Organization) -> None:
    made = len(_lines(database, acme))
    database.run_as(acme["owner"], "update pagerduty.organizations set name = 'New' where id = %s", (acme.id,))
    [line] = _lines(database, acme, made)
    assert (line["subject"], *_told([line])[0]) == ("organizations", "name", "changed", "Test", "New")


def test_what_is_no_setting_is_not_in_it(database: Database, acme: Organization) -> None:
    _save(database, acme, credentials=_sealed("signing_secret", "sealed"))
    made = len(_lines(database, acme))
    database.ingest(acme, event())
    database.run_as(None, "select pagerduty.report_problem(%s, 'x')", (acme.token,), role="service_role")
    reseal = "update pagerduty.credentials set signing_secret = 'anew' where organization_id = %s"
    database.run_as(None, reseal, (acme.id,), role="service_role")
    database.rows("update pagerduty.memberships set role = role where organization_id = %s", (acme.id,))
    assert _lines(database, acme, made) == []


def test_it_goes_with_its_organization(database: Database, acme: Organization) -> None:
    globex = Database.organization(database)
    assert _lines(database, globex)
    database.rows("delete from pagerduty.organizations where id = %s", (globex.id,))
    assert _lines(database, globex) == []
    assert _lines(database, acme)


def test_owners_and_admins_of_the_organization_read_it(database: Database, acme: Organization) -> None:
    globex = Database.organization(database)
    for role, user in acme.people.items():
        seen = database.run_as(user, "select setting from pagerduty.audit where organization_id = %s", (acme.id,))
        assert bool(seen) is (role in ("owner", "admin")), role
        assert database.run_as(user, LINES, (globex.id,)) == []


def test_a_new_column_is_covered_and_kept_back_where_it_is_called_a_secret(migrated: str) -> None:
    with Database(migrated) as database:
        acme = database.organization()
        made = len(_lines(database, acme))
        columns = "add column service_ids text[], add column mapping jsonb, add column bot_token text"
        database.rows(f"alter table pagerduty.integrations {columns}")
        database.rows("alter table pagerduty.credentials add column oauth_client text")
        database.rows(
            "update pagerduty.integrations"
            " set service_ids = '{PSVC001}', mapping = '{\"a\": null}', bot_token = 'marked'"
        )
        database.rows("insert into pagerduty.credentials (organization_id, oauth_client) values (%s, 'x')", (acme.id,))
        assert sorted(_told(_lines(database, acme, made)), key=str) == [
            ("bot_token", "set", None, None), ("mapping", "set", None, {"a": None}),
            ("oauth_client", "set", None, None), ("service_ids", "set", None, ["PSVC001"]),
        ]  # fmt: skip


# The letters are in nothing else that an audit holds.
secrets = st.text("QXZ", min_size=12, max_size=30)
STEPS = st.one_of(
    st.tuples(st.sampled_from([*SECRETS, "integration_key"]), st.none() | secrets),
    st.tuples(st.sampled_from(["rotate", "tokens", "reseal", "drop"]), secrets),
)
BY_HAND = {
    "tokens": "update pagerduty.integrations set webhook_token = %(secret)s || md5('x'),"
    " previous_webhook_token = %(secret)s || md5('y') where organization_id = %(org)s",
    "reseal": "update pagerduty.credentials set api_key = %(secret)s, previous_signing_secret = %(secret)s"
    " where organization_id = %(org)s",
    "drop": "delete from pagerduty.credentials where organization_id = %(org)s",
}


def _take(database: Database, organization: Organization, step: str, secret: str | None) -> None:
    if step in SECRETS:
        _save(database, organization, credentials=_sealed(step, secret))
    elif step == "integration_key":
        _save(database, organization, {step: secret})
    elif step == "rotate":
        database.run_as(organization["admin"], ROTATE, (organization.id,))
    else:
        database.rows(BY_HAND[step], {"secret": secret, "org": organization.id})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=1, max_size=6))
def test_no_secret_is_ever_in_it(database: Database, acme: Organization, steps: list[tuple[str, str | None]]) -> None:
    """Neither whole nor its end, whoever writes it and however."""
    current = "select webhook_token from pagerduty.integrations where organization_id = %s"
    tokens = []
    for step, secret in steps:
        tokens.append(database.value(current, (acme.id,)))
        _take(database, acme, step, secret)
    everything = str(_lines(database, acme))
    assert not [secret for _, secret in steps if secret and secret[-4:] in everything]
    assert not [token for token in tokens if token in everything]
