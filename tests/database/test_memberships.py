"""Who decides who is in: the service role alone lets in; admins below owner, owners over all; an owner is left."""

from functools import partial
from typing import Any

import psycopg
import pytest

from tests.database.database import ROLES, Connection, Database, Organization
from tests.database.events import event

REFUSED = "42501"
LAST_OWNER = "PT409"

SET_ROLE = "update pagerduty.memberships set role = %s where organization_id = %s and user_id = %s returning role"
REMOVE = "delete from pagerduty.memberships where organization_id = %s and user_id = %s returning user_id"
ADD = "insert into pagerduty.memberships (organization_id, user_id, role) values (%s, %s, %s)"

# Who may change whom is the matrix's on every major; triggers are the same on each.
pytestmark = pytest.mark.one_postgres


@pytest.fixture
def acme(database: Database) -> Organization:
    """With a second member of each role, named other-<role>."""
    made = database.organization()
    for role in ROLES:
        made.people[f"other-{role}"] = database.join(made, role)
    return made


def _role(database: Database, organization: Organization, user: str) -> str | None:
    rows = database.rows(
        "select role::text from pagerduty.memberships where organization_id = %s and user_id = %s",
        (organization.id, user),
    )
    return rows[0]["role"] if rows else None


def _owners(database: Database, organization: Organization) -> int:
    count: int = database.value(
        "select count(*) from pagerduty.memberships where organization_id = %s and role = 'owner'", (organization.id,)
    )
    return count


def _may_change(actor: str, old: str, new: str) -> bool:
    """The rule, said once more: owners all, admins whatever has nothing to do with owners."""
    return actor == "owner" or (actor == "admin" and "owner" not in (old, new))


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("old", ROLES)
@pytest.mark.parametrize("new", ROLES)
def test_changing_another_members_role(database: Database, acme: Organization, actor: str, old: str, new: str) -> None:
    other = acme[f"other-{old}"]
    refusal = database.refusal(acme[actor], SET_ROLE, (new, acme.id, other))
    assert refusal in (None, REFUSED)
    assert _role(database, acme, other) == (new if _may_change(actor, old, new) else old)


@pytest.mark.parametrize("role", ["admin", "responder", "viewer"])
@pytest.mark.parametrize("wanted", ROLES)
def test_nobody_lifts_themself(database: Database, acme: Organization, role: str, wanted: str) -> None:
    database.refusal(acme[role], SET_ROLE, (wanted, acme.id, acme[role]))
    upsert = f"{ADD} on conflict (organization_id, user_id) do update set role = excluded.role"
    database.refusal(acme[role], upsert, (acme.id, acme[role], wanted))
    is_step_down = role == "admin" and wanted != "owner"
    assert _role(database, acme, acme[role]) == (wanted if is_step_down else role)


# Into organization %(into)s, of which the actor is a member. %(user)s, a viewer of %(of)s, was not asked.
WAYS_IN = (
    "insert into pagerduty.memberships (organization_id, user_id) values (%(into)s, %(user)s)",
    "insert into pagerduty.memberships (organization_id, user_id) values (%(into)s, %(user)s) on conflict do nothing",
    "insert into pagerduty.memberships (organization_id, user_id, role) values (%(into)s, %(user)s, 'viewer')"
    " on conflict (organization_id, user_id) do update set role = excluded.role",
    "insert into pagerduty.memberships (organization_id, user_id, role)"
    " values (%(into)s, %(actor)s, 'viewer') on conflict (organization_id, user_id) do update set user_id = %(user)s",
    "merge into pagerduty.memberships m using (select %(user)s::uuid as id) as one on m.user_id = one.id"
    " when not matched then insert (organization_id, user_id) values (%(into)s, one.id)",
    "update pagerduty.memberships set user_id = %(user)s where organization_id = %(into)s and user_id <> %(actor)s",
    "update pagerduty.memberships set organization_id = %(into)s where user_id = %(user)s",
    "update pagerduty.memberships set organization_id = %(into)s where organization_id = %(of)s",
)


@pytest.mark.parametrize("way", WAYS_IN)
def test_no_member_puts_anybody_into_an_organization(database: Database, acme: Organization, way: str) -> None:
    globex = database.organization(["owner", "viewer"])
    places = "select organization_id::text as id, role::text from pagerduty.memberships where user_id = %s"
    everybody = "select * from pagerduty.memberships where organization_id = any (%s::uuid[]) order by 1, 2"
    before = database.rows(everybody, ([acme.id, globex.id],))
    for actor in ROLES:
        values = {"into": acme.id, "of": globex.id, "user": globex["viewer"], "actor": acme[actor]}
        assert database.refusal(acme[actor], way, values) == REFUSED, actor
    assert database.rows(everybody, ([acme.id, globex.id],)) == before
    assert database.run_as(globex["viewer"], places, (globex["viewer"],)) == [{"id": globex.id, "role": "viewer"}]


@pytest.mark.parametrize("way", WAYS_IN)
def test_not_even_somebody_who_owns_both(database: Database, acme: Organization, way: str) -> None:
    globex = database.organization(["viewer"])
    both = database.join(globex, "owner", acme["owner"])
    values = {"into": acme.id, "of": globex.id, "user": globex["viewer"], "actor": both}
    assert database.refusal(both, way, values) == REFUSED
    assert _role(database, acme, globex["viewer"]) is None


def test_nobody_lets_themself_in_or_back_in(database: Database, acme: Organization) -> None:
    stranger, leaver = database.user("Stranger"), acme["other-admin"]
    database.run_as(leaver, REMOVE, (acme.id, leaver))
    for user in (stranger, leaver):
        for role in ROLES:
            assert database.refusal(user, ADD, (acme.id, user, role)) == REFUSED
        assert _role(database, acme, user) is None


@pytest.mark.parametrize("role", ROLES)
def test_the_service_role_lets_people_in(database: Database, acme: Organization, role: str) -> None:
    newcomer = database.user("Newcomer")
    assert database.refusal(None, ADD, (acme.id, newcomer, role), role="service_role") is None
    assert _role(database, acme, newcomer) == role


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("role", ROLES)
def test_removing_a_member(database: Database, acme: Organization, actor: str, role: str) -> None:
    other = acme[f"other-{role}"]
    database.run_as(acme[actor], REMOVE, (acme.id, other))
    assert _role(database, acme, other) == (None if _may_change(actor, role, role) else role)


@pytest.mark.parametrize("role", ROLES)
def test_everybody_may_leave_and_is_out_at_once(database: Database, acme: Organization, role: str) -> None:
    database.notify(acme, event())
    assert database.run_as(acme[role], REMOVE, (acme.id, acme[role]))
    assert _role(database, acme, acme[role]) is None
    for table in ("organizations", "memberships", "notifications", "integrations"):
        assert database.run_as(acme[role], f"select 1 from pagerduty.{table}") == []


def test_a_new_member_is_introduced_by_auth_not_by_whoever_adds_them(database: Database, acme: Organization) -> None:
    newcomer = database.user("Nina Newcomer")
    database.run_as(None, ADD, (acme.id, newcomer, "viewer"), role="service_role")
    [row] = database.run_as(
        acme["viewer"], "select display_name, email from pagerduty.memberships where user_id = %s", (newcomer,)
    )
    assert row == {"display_name": "Nina Newcomer", "email": f"{newcomer}@example.test"}


@pytest.mark.parametrize(
    "metadata", [{"name": ""}, {"name": None}, {"name": "x" * 5000}, {"name": {"first": "x" * 300}}]
)
def test_odd_names_do_not_keep_anybody_out(database: Database, acme: Organization, metadata: dict[str, Any]) -> None:
    newcomer = database.user(**metadata)
    assert database.refusal(None, ADD, (acme.id, newcomer, "viewer"), role="service_role") is None
    name = database.value("select display_name from pagerduty.memberships where user_id = %s", (newcomer,))
    assert 1 <= len(name) <= 200


# The last owner ---------------------------------------------------------------------------------------------------


@pytest.fixture
def lonely(database: Database) -> Organization:
    """With one owner only."""
    return database.organization()


@pytest.mark.parametrize("role", ["admin", "responder", "viewer"])
def test_the_last_owner_cannot_step_down(database: Database, lonely: Organization, role: str) -> None:
    assert database.refusal(lonely["owner"], SET_ROLE, (role, lonely.id, lonely["owner"])) == LAST_OWNER
    assert _owners(database, lonely) == 1


def test_the_last_owner_cannot_leave(database: Database, lonely: Organization) -> None:
    assert database.refusal(lonely["owner"], REMOVE, (lonely.id, lonely["owner"])) == LAST_OWNER
    everybody = "delete from pagerduty.memberships where organization_id = %s"
    assert database.refusal(lonely["owner"], everybody, (lonely.id,)) == LAST_OWNER
    assert len(database.rows("select 1 from pagerduty.memberships where organization_id = %s", (lonely.id,))) == 4


def test_nobody_above_the_policies_loses_the_last_owner_either(
    database: Database, lonely: Organization, acme: Organization
) -> None:
    """The service, the dashboard: the trigger holds for all."""
    for statement, values in (
        (REMOVE, (lonely.id, lonely["owner"])),
        (SET_ROLE, ("viewer", lonely.id, lonely["owner"])),
        ("update pagerduty.memberships set organization_id = %s where user_id = %s", (acme.id, lonely["owner"])),
    ):
        assert database.refusal(None, statement, values, role="service_role") == LAST_OWNER
    assert _owners(database, lonely) == 1


def test_ownership_can_be_handed_on(database: Database, lonely: Organization) -> None:
    assert database.run_as(lonely["owner"], SET_ROLE, ("owner", lonely.id, lonely["admin"]))
    assert database.run_as(lonely["owner"], REMOVE, (lonely.id, lonely["owner"]))
    assert database.refusal(lonely["admin"], REMOVE, (lonely.id, lonely["admin"])) == LAST_OWNER


def test_all_owners_in_one_statement_cannot_go(database: Database, acme: Organization) -> None:
    demote = "update pagerduty.memberships set role = 'viewer' where organization_id = %s and role = 'owner'"
    remove = "delete from pagerduty.memberships where organization_id = %s and role = 'owner'"
    assert database.refusal(acme["owner"], demote, (acme.id,)) == LAST_OWNER
    assert database.refusal(acme["owner"], remove, (acme.id,)) == LAST_OWNER
    assert _owners(database, acme) == 2


_RACES = {
    "both leave": ((REMOVE, "self"), (REMOVE, "self")),
    "both step down": ((SET_ROLE, "self"), (SET_ROLE, "self")),
    "each removes the other": ((REMOVE, "other"), (REMOVE, "other")),
    "each demotes the other": ((SET_ROLE, "other"), (SET_ROLE, "other")),
    "one leaves, one steps down": ((REMOVE, "self"), (SET_ROLE, "self")),
}


@pytest.mark.parametrize("race", _RACES)
def test_two_owners_who_go_at_once_leave_one(database: Database, race: str) -> None:
    first, second = _RACES[race]
    for _ in range(8):
        organization = database.organization(["owner", "viewer"])
        organization.people["other"] = database.join(organization, "owner")
        people = (organization["owner"], organization["other"])

        def go(connection: Connection, number: int, what: tuple[str, str], org: str = organization.id,
               people: tuple[str, str] = people) -> None:  # fmt: skip
            statement, whom = what
            target = people[number if whom == "self" else 1 - number]
            values = ("viewer", org, target) if statement == SET_ROLE else (org, target)
            database.run_as(people[number], statement, values, connection=connection)

        results = database.at_once(partial(go, number=0, what=first), partial(go, number=1, what=second))
        assert _owners(database, organization) == 1
        problems = [result.sqlstate for result in results if isinstance(result, psycopg.Error)]
        assert set(problems) <= {LAST_OWNER}, "a clear refusal, no deadlock"


# Deleting whole organizations and users ---------------------------------------------------------------------------


def test_deleting_an_organization_takes_everything_of_it_along(database: Database, acme: Organization) -> None:
    notification = database.notify(acme, event())
    incident = database.link(acme, acme["responder"], notification)
    database.ingest(acme, event("incident.acknowledged", occurred_at="2026-11-23T10:05:00Z"))
    database.run_as(acme["viewer"], "select pagerduty.read_all_notifications(%s)", (acme.id,))
    comment = "insert into pagerduty.incident_updates (incident_id, organization_id, body) values (%s, %s, 'Hm')"
    database.run_as(acme["responder"], comment, (incident, acme.id))
    save = 'select pagerduty.save_integration(%s, \'{}\', \'{"api_key": {"sealed": "x", "last4": "abcd"}}\')'
    database.run_as(acme["owner"], save, (acme.id,))
    invite = "select pagerduty.invite_member(%s, 'somebody@example.test', 'viewer')"
    database.run_as(acme["owner"], invite, (acme.id,))
    tables = (
        "memberships", "invitations", "integrations", "credentials", "events", "notifications",
        "incidents", "incident_updates",
    )  # fmt: skip
    for table in tables:
        assert database.rows(f"select 1 from pagerduty.{table} where organization_id = %s", (acme.id,)), table
    database.run_as(None, "delete from pagerduty.organizations where id = %s", (acme.id,), role="service_role")
    for table in tables:
        assert database.rows(f"select 1 from pagerduty.{table} where organization_id = %s", (acme.id,)) == [], table
    receipts = "select 1 from pagerduty.receipts where notification_id = %s"
    assert database.rows(receipts, (notification,)) == []
    assert database.rows("select 1 from auth.users where id = %s", (acme["viewer"],)), "people stay"


def test_a_deleted_user_leaves_their_work_behind(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, event()))
    database.run_as(acme["responder"], "select pagerduty.read_all_notifications(%s)", (acme.id,))
    database.rows("delete from auth.users where id = %s", (acme["responder"],))
    assert _role(database, acme, acme["responder"]) is None
    assert database.incident(incident)["created_by"] is None
    timeline = "select kind, author_id from pagerduty.incident_updates where incident_id = %s"
    lines = {(row["kind"], row["author_id"]) for row in database.rows(timeline, (incident,))}
    assert lines == {("created", None), ("pagerduty", None)}


def test_the_last_owners_account_cannot_be_deleted_before_the_organization(
    database: Database, lonely: Organization
) -> None:
    with pytest.raises(psycopg.Error) as refused:
        database.rows("delete from auth.users where id = %s", (lonely["owner"],))
    assert refused.value.sqlstate == LAST_OWNER
    database.rows("delete from pagerduty.organizations where id = %s", (lonely.id,))
    database.rows("delete from auth.users where id = %s", (lonely["owner"],))


def test_who_joins_has_nothing_unread_of_the_past(database: Database) -> None:
    """They see it, for it may be under way; and what rings from now on rings for them too."""
    acme, globex = database.organization(), database.organization()
    database.ingest(globex, *[event(incident_id=f"P{number}") for number in range(9)])
    past = database.notify(acme, event())
    count = "select pagerduty.count_unread_notifications(%s) as count"
    newcomer = database.join(acme, "viewer")
    assert database.run_as(newcomer, count, (acme.id,)) == [{"count": 0}]
    listed = "select id::text from pagerduty.list_notifications(%s)"
    assert database.run_as(newcomer, listed, (acme.id,)) == [{"id": past}]
    database.notify(acme, event(incident_id="P2"))
    assert database.run_as(newcomer, count, (acme.id,)) == [{"count": 1}]
    database.rows("delete from pagerduty.memberships where user_id = %s", (newcomer,))
    database.notify(acme, event(incident_id="P3"))
    database.join(acme, "viewer", newcomer)
    assert database.run_as(newcomer, count, (acme.id,)) == [{"count": 0}], "again"
