"""A new webhook URL: the one before is taken for 48 hours, both are one integration, and nothing else is taken."""

from datetime import timedelta
from typing import Any

import pytest

from tests.database.database import Database, Organization
from tests.database.events import event
from tests.database.twins import TwinnedDatabase

ROTATE = "select pagerduty.rotate_webhook_url(%s) as settings"
FIELDS = "select * from pagerduty.integrations where organization_id = %s"


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def _integration(database: Database, organization: Organization) -> dict[str, Any]:
    [row] = database.rows(FIELDS, (organization.id,))
    return row


def _rotate(database: Database, organization: Organization) -> str:
    """A new URL; answers its token. The organization keeps the old one."""
    [row] = database.run_as(organization["admin"], ROTATE, (organization.id,))
    return str(row["settings"]["admin"]["webhook_token"])


def _webhook(database: Database, token: str | None) -> Any:
    [row] = database.run_as(None, "select pagerduty.get_webhook(%s) as found", (token,), role="service_role")
    return row["found"]


def _expire(database: Database, organization: Organization) -> None:
    database.rows(
        "update pagerduty.integrations set previous_webhook_token_expires_at = now() where organization_id = %s",
        (organization.id,),
    )


def test_both_urls_are_one_integration(database: Database, acme: Organization) -> None:
    new = _rotate(database, acme)
    assert new != acme.token
    assert _webhook(database, new) == _webhook(database, acme.token)
    assert _webhook(database, new)["organization_id"] == acme.id
    version, sent = database.version(acme), event(event_id="SAME")
    outcomes = [database.call_ingest(token, version, [sent])["outcomes"][0] for token in (acme.token, new)]
    assert [outcome["outcome"] for outcome in outcomes] == ["created", "duplicate"]
    for token in (acme.token, new):
        problem = f"Not JSON, {token[:4]}"
        database.run_as(None, "select pagerduty.report_problem(%s, %s)", (token, problem), role="service_role")
        assert _integration(database, acme)["last_error"] == problem


def test_the_old_url_is_taken_for_48_hours(database: Database, acme: Organization) -> None:
    new = _rotate(database, acme)
    found = _integration(database, acme)
    assert (found["webhook_token"], found["previous_webhook_token"]) == (new, acme.token)
    assert found["previous_webhook_token_expires_at"] - found["updated_at"] == timedelta(hours=48)
    [row] = database.run_as(acme["owner"], "select pagerduty.get_integration(%s) as settings", (acme.id,))
    assert row["settings"]["admin"]["previous_webhook_token_expires_at"] is not None
    _expire(database, acme)
    before, version = _integration(database, acme), database.version(acme)
    assert _webhook(database, acme.token) is None
    assert database.call_ingest(acme.token, version, [event()]) == {"status": "unknown"}
    database.run_as(None, "select pagerduty.report_problem(%s, 'x')", (acme.token,), role="service_role")
    assert _integration(database, acme) == before
    [row] = database.run_as(acme["owner"], "select pagerduty.get_integration(%s) as settings", (acme.id,))
    assert row["settings"]["admin"]["previous_webhook_token_expires_at"] is None
    assert database.call_ingest(new, version, [event()])["status"] == "done"


def test_rotating_again_ends_the_url_before_the_last_at_once(database: Database, acme: Organization) -> None:
    second = _rotate(database, acme)
    third = _rotate(database, acme)
    assert [_webhook(database, token) is not None for token in (acme.token, second, third)] == [False, True, True]
    assert database.call_ingest(acme.token, database.version(acme), [event()]) == {"status": "unknown"}


def test_a_webhook_that_waited_for_a_rotation_is_verified_anew(database: Database, acme: Organization) -> None:
    _rotate(database, acme)
    version = database.version(acme)
    _, answer = database.in_turn(
        lambda connection: database.run_as(acme["owner"], ROTATE, (acme.id,), connection=connection),
        lambda connection: database.call_ingest(acme.token, version, [event()], connection),
    )
    assert answer == {"status": "stale"}
    assert database.call_ingest(acme.token, database.version(acme), [event()]) == {"status": "unknown"}


@pytest.mark.parametrize("role", ["responder", "viewer"])
def test_only_owners_and_admins_rotate(database: Database, acme: Organization, role: str) -> None:
    before = _integration(database, acme)
    assert database.refusal(acme[role], ROTATE, (acme.id,)) == "42501"
    assert database.refusal(database.user(), ROTATE, (acme.id,)) == "42501"
    assert _integration(database, acme) == before


def test_the_bare_url_stays(migrated: str) -> None:
    with Database(migrated) as database:
        acme = database.organization()
        database.rows("update pagerduty.integrations set accept_bare_url = true")
        _rotate(database, acme)
        assert _webhook(database, None)["organization_id"] == acme.id
        database.rows("update pagerduty.integrations set accept_bare_url = false")
        assert _webhook(database, None) is None, "no URL before is not the bare one"
