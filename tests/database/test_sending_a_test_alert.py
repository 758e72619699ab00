"""A test alert goes the way of PagerDuty's events, within one organization, and is not taken for one of them."""

from tests.database.database import Database, Organization

SEND = "select pagerduty.send_test_alert(%s) as sent"
HEADLINES = "select headline, family, outcome from pagerduty.events where organization_id = %s order by received_at"
SETTINGS = "select pagerduty.get_integration(%s) as settings"


def send(database: Database, organization: Organization) -> str:
    (answer,) = database.run_as(organization["admin"], SEND, (organization.id,))
    found: str = answer["sent"]["notification_id"]
    return found


def test_every_member_is_told_and_nobody_else(database: Database) -> None:
    acme, globex = database.organization(), database.organization()
    # What is filtered out of PagerDuty's alerts does not hide that they would arrive.
    database.rows(
        "update pagerduty.integrations"
        " set event_types = '{incident.resolved}', services = '{PSVC}', integration_key = 'K'"
        " where organization_id = %s",
        (acme.id,),
    )
    sent = send(database, acme)
    assert send(database, acme) != sent
    shown = "select title, organization_id::text from pagerduty.notification_feed where id = %s"
    for role in ("owner", "viewer"):
        (row,) = database.run_as(acme[role], shown, (sent,))
        assert row == {"title": "Test alert: nothing is wrong", "organization_id": acme.id}
    assert database.run_as(globex["owner"], shown, (sent,)) == []
    assert database.rows(HEADLINES, (globex.id,)) == []
    assert [row["family"] for row in database.rows(HEADLINES, (acme.id,))] == ["test", "test"]


def test_it_proves_nothing_of_pagerduty(database: Database) -> None:
    acme = database.organization()
    send(database, acme)
    (answer,) = database.run_as(acme["admin"], SETTINGS, (acme.id,))
    assert answer["settings"]["last_event_at"] is None
    assert answer["settings"]["recent_events"]["received"] == 0


def test_five_a_minute_in_each_organization(database: Database) -> None:
    acme, globex = database.organization(), database.organization()
    for _ in range(5):
        send(database, acme)
    assert database.refusal(acme["owner"], SEND, (acme.id,)) == "PT429"
    send(database, globex)


def test_it_says_who_sent_it_as_that_organization_knows_them(database: Database) -> None:
    acme, globex = database.organization(), database.organization()
    database.join(globex, "admin", acme["admin"])
    rename = "update pagerduty.memberships set display_name = %s where organization_id = %s and user_id = %s"
    for organization, name in ((acme, "Ada"), (globex, "Countess")):
        database.rows(rename, (name, organization.id, acme["admin"]))
    database.run_as(acme["admin"], SEND, (acme.id,))
    database.run_as(acme["admin"], SEND, (globex.id,))
    for organization, name in ((acme, "Ada"), (globex, "Countess")):
        (row,) = database.rows(HEADLINES, (organization.id,))
        assert row == {"headline": f"Test alert, sent by {name}", "family": "test", "outcome": "created"}


def test_where_nobody_would_be_told_it_says_why(database: Database) -> None:
    off = database.organization(enabled=False)
    assert database.refusal(off["owner"], SEND, (off.id,)) == "PT409"
    database.rows("delete from pagerduty.integrations where organization_id = %s", (off.id,))
    assert database.refusal(off["owner"], SEND, (off.id,)) == "PT404"


def test_of_another_organization_no_one_sends(database: Database) -> None:
    acme, globex = database.organization(), database.organization()
    for role in ("responder", "viewer"):
        assert database.refusal(acme[role], SEND, (acme.id,)) == "42501"
    assert database.refusal(globex["owner"], SEND, (acme.id,)) == "42501"
    assert database.refusal(None, SEND, (acme.id,)) == "42501"
