"""The webhook subscription that was made in PagerDuty: who may write it, what it replaces, what proves it."""

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.database.database import Database, Organization, webhook
from tests.database.events import event
from tests.database.twins import TwinnedDatabase

SAVE = "select pagerduty.save_subscription(%s, %s, %s) as saved"
SECRET = {"signing_secret": {"sealed": "sealed", "last4": "aled"}}


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def save(database: Database, organization: Organization, subscription_id: str | None) -> dict[str, Any]:
    subscription = subscription_id and {"id": subscription_id, "scope": {"type": "account"}}
    arguments = (organization.id, Jsonb(subscription), Jsonb(SECRET if subscription else {}))
    [row] = database.run_as(organization["admin"], SAVE, arguments)
    found: dict[str, Any] = row["saved"]
    return found


def others(database: Database, organization: Organization) -> list[dict[str, Any]]:
    return database.rows(
        "select * from pagerduty.integrations where organization_id <> %s order by id", (organization.id,)
    )


def test_it_is_saved_with_its_secret_and_replaces_one(database: Database, acme: Organization) -> None:
    before = others(database, acme)
    first = save(database, acme, "PFIRST1")
    assert (first["replaced"], first["integration"]["signing_secret_set"]) == (None, True)
    assert first["integration"]["subscription"]["id"] == "PFIRST1"
    second = save(database, acme, "PSECOND")
    assert (second["replaced"], second["integration"]["subscription"]["id"]) == ("PFIRST1", "PSECOND")
    gone = save(database, acme, None)
    assert (gone["replaced"], gone["integration"]["subscription"]) == ("PSECOND", None)
    assert others(database, acme) == before


def test_two_who_connect_at_the_same_moment_replace_one_another(database: Database, acme: Organization) -> None:
    def saves(subscription_id: str) -> Any:
        subscription = Jsonb({"id": subscription_id, "scope": {"type": "account"}})
        return lambda connection: database.run_as(
            acme["admin"], SAVE, (acme.id, subscription, Jsonb(SECRET)), connection=connection
        )

    first, second = database.in_turn(saves("PFIRST1"), saves("PSECOND"))
    assert [answer[0]["saved"]["replaced"] for answer in (first, second)] == [None, "PFIRST1"]


def test_a_new_webhook_url_makes_it_one_of_the_old_url(database: Database, acme: Organization) -> None:
    assert save(database, acme, "PFIRST1")["integration"]["admin"]["subscription_is_current"] is True
    [row] = database.run_as(acme["admin"], "select pagerduty.rotate_webhook_url(%s) as found", (acme.id,))
    assert row["found"]["admin"]["subscription_is_current"] is False
    assert save(database, acme, "PSECOND")["integration"]["admin"]["subscription_is_current"] is True


def test_a_webhook_of_it_proves_it_and_no_other(database: Database, acme: Organization) -> None:
    save(database, acme, "PFIRST1")
    version = database.version(acme)

    def is_proven(subscription_id: str | None) -> bool:
        told = webhook(acme.token, version, [event()]) | {"subscription_id": subscription_id}
        assert database.ingest_webhooks([told])[0]["status"] == "done"
        [row] = database.run_as(acme["viewer"], "select pagerduty.get_integration(%s) as found", (acme.id,))
        return row["found"]["subscription"]["proven_at"] is not None

    assert [is_proven(None), is_proven("POTHER1"), is_proven("PFIRST1"), is_proven(None)] == [False, False, True, True]
    assert save(database, acme, "PSECOND")["integration"]["subscription"]["proven_at"] is None


@pytest.mark.parametrize("role", ["responder", "viewer"])
def test_only_owners_and_admins_connect(database: Database, acme: Organization, role: str) -> None:
    arguments = (acme.id, Jsonb({"id": "PFIRST1", "scope": {"type": "account"}}), Jsonb({}))
    assert database.refusal(acme[role], SAVE, arguments) == "42501"
    assert database.refusal(database.user(), SAVE, arguments) == "42501"
    assert database.refusal(acme[role], "update pagerduty.integrations set subscription_id = 'x'") == "42501"
