"""An integration's token, version, health and secrets, as the webhook route relies on them."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.database.database import Database, Organization
from tests.database.events import event
from tests.database.twins import TwinnedDatabase

FIELDS = "select * from pagerduty.integrations where organization_id = %s"

# Plain statements, the same on every major; test_ingest and the matrix run the functions on each.
pytestmark = pytest.mark.one_postgres


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def _integration(database: Database, organization: Organization) -> dict[str, Any]:
    [row] = database.rows(FIELDS, (organization.id,))
    return row


def _save(database: Database, organization: Organization, settings: Any = None, credentials: Any = None) -> None:
    database.run_as(
        organization["owner"],
        "select pagerduty.save_integration(%s, %s, %s)",
        (organization.id, Jsonb(settings or {}), Jsonb(credentials or {})),
    )


def _webhook(database: Database, token: str | None) -> Any:
    [row] = database.run_as(None, "select pagerduty.get_webhook(%s) as found", (token,), role="service_role")
    return row["found"]


def _secret(sealed: str | None) -> dict[str, Any]:
    return {"signing_secret": {"sealed": sealed, "last4": sealed[-4:]} if sealed else None}


# The token and the version ----------------------------------------------------------------------------------------


def test_an_unknown_token_has_no_effect(database: Database, acme: Organization) -> None:
    before = _integration(database, acme)
    for token in ("unknown", "", acme.token.upper(), acme.token[:-1], "%", acme.token + " "):
        assert database.call_ingest(token, 1, [event()]) == {"status": "unknown"}
        assert _webhook(database, token) is None
    assert _integration(database, acme) == before
    assert database.rows("select 1 from pagerduty.events where organization_id = %s", (acme.id,)) == []


@pytest.mark.parametrize("off_by", [-1, 1, 1000])
def test_stale_settings_have_no_effect(database: Database, acme: Organization, off_by: int) -> None:
    before = _integration(database, acme)
    version = before["settings_version"] + off_by
    assert database.call_ingest(acme.token, version, [event()]) == {"status": "stale"}
    assert _integration(database, acme) == before
    assert database.rows("select 1 from pagerduty.events where organization_id = %s", (acme.id,)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"enabled": False}}, {"settings": {"integration_key": "PKEY"}}, {"settings": {"region": "eu"}},
        {"settings": {"event_types": ["incident.triggered"]}}, {"settings": {"services": ["Ledger"]}},
        {"credentials": _secret("sealed")},
        {"credentials": _secret(None)}, {"credentials": {"api_key": {"sealed": "sealed", "last4": "aled"}}},
        {"credentials": {"api_key": None}},
    ],
    ids=str,
)  # fmt: skip
def test_the_version_grows_with_what_a_cache_must_notice(database: Database, acme: Organization, change: Any) -> None:
    before = database.version(acme)
    _save(database, acme, **change)
    assert database.version(acme) > before


def test_a_new_secret_with_the_same_end_is_noticed(database: Database, acme: Organization) -> None:
    _save(database, acme, credentials=_secret("first-same"))
    before = database.version(acme)
    _save(database, acme, credentials=_secret("second-same"))
    assert database.version(acme) > before


def test_health_does_not_touch_the_version(database: Database, acme: Organization) -> None:
    before = _integration(database, acme)
    database.ingest(acme, event())
    database.ingest(acme, {**event(), "occurred_at": "never"})
    report = "select pagerduty.report_problem(%s, 'The signature is wrong')"
    database.run_as(None, report, (acme.token,), role="service_role")
    after = _integration(database, acme)
    assert after["last_error"] == "The signature is wrong"
    assert after["settings_version"] == before["settings_version"]
    assert after["updated_at"] == before["updated_at"]


def test_saving_nothing_changes_nothing(database: Database, acme: Organization) -> None:
    before = _integration(database, acme)
    _save(database, acme)
    assert _integration(database, acme) == before


# Health -----------------------------------------------------------------------------------------------------------


def test_health_remembers_the_last_problem_until_something_good_comes(database: Database, acme: Organization) -> None:
    assert _integration(database, acme)["last_event_at"] is None
    database.ingest(acme, {**event(), "occurred_at": "never"})
    ill = _integration(database, acme)
    assert "never" in ill["last_error"]
    assert ill["last_error_at"] == ill["last_event_at"]
    database.ingest(acme, event())
    well = _integration(database, acme)
    assert (well["last_error"], well["last_error_at"]) == (None, None)
    assert well["last_event_at"] > ill["last_event_at"]


def test_a_problem_of_any_length_is_reported(database: Database, acme: Organization) -> None:
    report = "select pagerduty.report_problem(%s, %s)"
    database.run_as(None, report, (acme.token, "x" * 5000), role="service_role")
    assert _integration(database, acme)["last_error"] == "x" * 500
    database.run_as(None, report, ("unknown", "nobody's"), role="service_role")
    assert _integration(database, acme)["last_error"] == "x" * 500


def test_one_organizations_health_is_not_anothers(database: Database, acme: Organization) -> None:
    globex = database.organization()
    database.ingest(acme, event())
    assert _integration(database, globex)["last_event_at"] is None


# The signing secret -----------------------------------------------------------------------------------------------


def test_a_rotated_secret_is_good_for_48_hours_more(database: Database, acme: Organization) -> None:
    assert _webhook(database, acme.token)["signing_secrets"] == []
    _save(database, acme, credentials=_secret("first"))
    assert _webhook(database, acme.token)["signing_secrets"] == ["first"]
    _save(database, acme, credentials=_secret("second"))
    assert _webhook(database, acme.token)["signing_secrets"] == ["second", "first"]
    lasts = (
        "select previous_signing_secret_expires_at - updated_at from pagerduty.credentials where organization_id = %s"
    )
    assert database.value(lasts, (acme.id,)) == timedelta(hours=48)
    _save(database, acme, credentials=_secret("third"))
    assert _webhook(database, acme.token)["signing_secrets"] == ["third", "second"]
    database.rows(
        "update pagerduty.credentials set previous_signing_secret_expires_at = now() - interval '1 second'"
        " where organization_id = %s",
        (acme.id,),
    )
    assert _webhook(database, acme.token)["signing_secrets"] == ["third"]


def test_saving_other_things_leaves_the_secrets_alone(database: Database, acme: Organization) -> None:
    _save(database, acme, credentials=_secret("first"))
    _save(database, acme, credentials=_secret("second"))
    before = _webhook(database, acme.token)["signing_secrets"]
    _save(database, acme, settings={"region": "eu"}, credentials={"api_key": {"sealed": "key", "last4": "kkey"}})
    assert _webhook(database, acme.token)["signing_secrets"] == before


def test_a_removed_secret_leaves_nothing_behind(database: Database, acme: Organization) -> None:
    _save(database, acme, credentials=_secret("first"))
    _save(database, acme, credentials=_secret("second"))
    _save(database, acme, credentials=_secret(None))
    found = _webhook(database, acme.token)
    assert found["signing_secrets"] == []
    [stored] = database.rows("select * from pagerduty.credentials where organization_id = %s", (acme.id,))
    assert stored["signing_secret"] is stored["previous_signing_secret"] is None
    assert stored["previous_signing_secret_expires_at"] is None
    assert not _integration(database, acme)["signing_secret_set"]
    _save(database, acme, credentials=_secret("third"))
    assert _webhook(database, acme.token)["signing_secrets"] == ["third"]


# The bare URL -----------------------------------------------------------------------------------------------------


def test_one_integration_of_a_deployment_serves_the_bare_url(migrated: str) -> None:
    with Database(migrated) as database:
        acme, globex = database.organization(), database.organization()
        assert database.call_ingest(None, 1, [event()]) == {"status": "unknown"}
        assert _webhook(database, None) is None
        own = "update pagerduty.integrations set accept_bare_url = true where organization_id = %s"
        database.rows(own, (acme.id,))
        answer = database.call_ingest(None, database.version(acme), [event()])
        assert (answer["status"], answer["organization_id"]) == ("done", acme.id)
        assert _webhook(database, None)["organization_id"] == acme.id
        assert database.refusal(None, own, (globex.id,), role="postgres") == "23505"
        report = "select pagerduty.report_problem(null, 'Not JSON')"
        database.run_as(None, report, role="service_role")
        assert _integration(database, acme)["last_error"] == "Not JSON"
        assert _integration(database, globex)["last_error"] is None
        assert database.refusal(acme["owner"], own, (acme.id,)) == "42501", "whoever runs the deployment decides"


def test_tokens_are_long_and_different(database: Database) -> None:
    tokens = {database.organization(["owner"]).token for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) == 64 and set(token) <= set("0123456789abcdef") for token in tokens)
