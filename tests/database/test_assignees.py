"""Who works on an incident: a member of its own organization, and nobody who is gone."""

from tests.database.database import Database, Organization

MAKE = "insert into pagerduty.incidents (organization_id, title) values (%s, 'x') returning id"
ASSIGN = "update pagerduty.incidents set assignee_id = %s where id = %s returning assignee_id"
ASSIGNEE = "select assignee_id::text from pagerduty.incidents where id = %s"
HISTORY = """
select u.assignee_from::text, u.assignee_to::text, u.author_id::text
from pagerduty.incident_updates u
where u.incident_id = %s and u.kind = 'assigned'
order by u.created_at
"""
REMOVE = "delete from pagerduty.memberships where organization_id = %s and user_id = %s"


def make(database: Database, organization: Organization) -> str:
    ((made),) = database.run_as(organization["owner"], MAKE, (organization.id,))
    return str(made["id"])


def assignee(database: Database, incident: str) -> str | None:
    found: str | None = database.value(ASSIGNEE, (incident,))
    return found


def test_it_is_a_member_of_its_own_organization(database: Database) -> None:
    acme, globex = database.organization(), database.organization()
    made = make(database, acme)
    assert database.refusal(acme["responder"], ASSIGN, (acme["owner"], made)) is None
    assert assignee(database, made) == acme["owner"]
    assert database.refusal(acme["owner"], ASSIGN, (globex["owner"], made)) == "23503"
    assert database.run_as(acme["viewer"], ASSIGN, (acme["viewer"], made)) == []
    assert database.run_as(globex["owner"], ASSIGN, (globex["owner"], made)) == []
    assert assignee(database, made) == acme["owner"]


def test_who_leaves_works_on_nothing_here_and_still_elsewhere(database: Database) -> None:
    acme, globex = database.organization(), database.organization()
    leaver = database.join(globex, "responder", acme["responder"])
    here, there = make(database, acme), make(database, globex)
    database.run_as(acme["owner"], ASSIGN, (leaver, here))
    database.run_as(globex["owner"], ASSIGN, (leaver, there))
    database.run_as(acme["owner"], REMOVE, (acme.id, leaver))
    assert assignee(database, here) is None
    assert assignee(database, there) == leaver
    assert [tuple(row.values()) for row in database.rows(HISTORY, (here,))] == [
        (None, leaver, acme["owner"]),
        (leaver, None, acme["owner"]),
    ]


def test_accounts_and_organizations_can_be_deleted_whoever_works_on_what(database: Database) -> None:
    acme = database.organization()
    made, other = make(database, acme), make(database, acme)
    database.run_as(acme["owner"], ASSIGN, (acme["responder"], made))
    database.run_as(acme["owner"], ASSIGN, (acme["owner"], other))
    database.rows("delete from auth.users where id = %s", (acme["responder"],))
    assert assignee(database, made) is None
    database.rows("delete from pagerduty.organizations where id = %s", (acme.id,))
    assert database.rows(ASSIGNEE, (other,)) == []
