"""Invitations: made by who may give the role, seen and accepted by who has the address, verified, and once."""

from functools import partial
from typing import Any

import psycopg
import pytest

from tests.database.database import ROLES, Connection, Database, Organization

REFUSED, NO_SUCH, CONFLICT, OVER, CHECK = "42501", "PT404", "PT409", "PT410", "23514"

INVITE = "select * from pagerduty.invite_member(%s, %s, %s)"
REVOKE = "select pagerduty.revoke_invitation(%s)"
ACCEPT = "select pagerduty.accept_invitation(%s) as answer"
MINE = "select id::text, organization_name, role::text from pagerduty.my_invitations()"
SEEN = "select id::text from pagerduty.invitations"
CREATE = "select pagerduty.create_organization(%s) as answer"

# The matrix asks who may touch the table on every major; these are the ways in through it.
pytestmark = pytest.mark.one_postgres


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


@pytest.fixture
def globex(database: Database) -> Organization:
    return database.organization()


def address(user: str) -> str:
    return f"{user}@example.test"


def invite(database: Database, organization: Organization, email: str, role: str = "viewer", by: str = "owner") -> str:
    """Answers the invitation's id."""
    [row] = database.run_as(organization[by], INVITE, (organization.id, email, role))
    return str(row["id"])


def roles(database: Database, user: str) -> dict[str, str]:
    """The user's role by organization."""
    rows = database.rows("select organization_id::text as id, role::text from pagerduty.memberships where user_id = %s",
                         (user,))  # fmt: skip
    return {row["id"]: row["role"] for row in rows}


def accept(database: Database, user: str, invitation: str, **how: Any) -> dict[str, Any]:
    [row] = database.run_as(user, ACCEPT, (invitation,), **how)
    answer: dict[str, Any] = row["answer"]
    return answer


def expire(database: Database, invitation: str) -> None:
    database.rows("update pagerduty.invitations set expires_at = now() where id = %s", (invitation,))


# Making them ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("role", ROLES)
def test_who_invites_whom(database: Database, acme: Organization, globex: Organization, actor: str, role: str) -> None:
    may = actor == "owner" or (actor == "admin" and role != "owner")
    values = (acme.id, "new@example.test", role)
    assert database.refusal(acme[actor], INVITE, values) == (None if may else REFUSED)
    assert database.refusal(globex[actor], INVITE, values) == REFUSED


@pytest.mark.parametrize(
    "change",
    [
        "select pagerduty.invite_member(%(org)s, 'new@example.test', 'viewer')",
        "select pagerduty.revoke_invitation(%(id)s)",
        "update pagerduty.invitations set role = 'viewer' where id = %(id)s",
        "update pagerduty.invitations set revoked_at = now() where organization_id = %(org)s",
    ],
    ids=["invite", "revoke", "update", "update all"],
)
def test_an_owners_invitation_is_the_owners_to_change(database: Database, acme: Organization, change: str) -> None:
    values = {"org": acme.id, "id": invite(database, acme, "new@example.test", "owner")}
    untouched = "select role = 'owner' and is_open from pagerduty.invitations where id = %(id)s"
    for actor in ("admin", "responder", "viewer"):
        assert database.refusal(acme[actor], change, values) in (REFUSED, NO_SUCH, None), actor
        assert database.value(untouched, values), actor
    assert database.refusal(acme["owner"], change, values) is None
    assert not database.value(untouched, values)


def test_an_address_has_one_open_invitation_which_the_second_refreshes(database: Database, acme: Organization) -> None:
    first = invite(database, acme, " Nina@Example.TEST ", "viewer")
    expire(database, first)
    [again] = database.run_as(acme["admin"], INVITE, (acme.id, "nina@example.test", "responder"))
    assert (str(again["id"]), again["email"], again["role"]) == (first, "nina@example.test", "responder")
    assert str(again["invited_by"]) == acme["admin"]
    assert again["invited_by_name"] == "Admin"
    assert database.value("select expires_at between now() + interval '6 days' and now() + interval '8 days'"
                          " from pagerduty.invitations where id = %s", (first,))  # fmt: skip
    database.run_as(acme["owner"], REVOKE, (first,))
    assert invite(database, acme, "nina@example.test") != first, "each has one life"


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "@example.test", "a b@example.test", "a@b@c", "a\n@example.test", "x" * 310 + "@example.test"],
)
def test_what_is_no_address_is_refused(database: Database, acme: Organization, email: str) -> None:
    assert database.refusal(acme["owner"], INVITE, (acme.id, email, "viewer")) == CHECK


@pytest.mark.parametrize(
    "write",
    [
        "select pagerduty.invite_member(%(org)s, 'new@example.test', 'viewer', now() + interval '31 days')",
        "insert into pagerduty.invitations (organization_id, email, role, expires_at)"
        " values (%(org)s, 'new@example.test', 'viewer', 'infinity')",
        "update pagerduty.invitations set expires_at = now() + interval '31 days' where organization_id = %(org)s",
    ],
    ids=["function", "insert", "update"],
)
def test_thirty_days_are_the_most(database: Database, acme: Organization, write: str) -> None:
    invite(database, acme, "old@example.test")
    assert database.refusal(acme["owner"], write, {"org": acme.id}) == CHECK


def test_a_member_is_not_invited_and_nobody_else_learns_who_is_one(
    database: Database, acme: Organization, globex: Organization
) -> None:
    values = (acme.id, address(acme["viewer"]).upper(), "admin")
    assert database.refusal(acme["owner"], INVITE, values) == CONFLICT
    assert database.refusal(globex["owner"], INVITE, values) == REFUSED
    database.join(acme, "admin", globex["owner"])
    assert database.refusal(globex["owner"], INVITE, (globex.id, *values[1:])) is None, "a member elsewhere"


# Seeing and accepting them --------------------------------------------------------------------------------------------


def test_two_organizations_invite_the_same_address(
    database: Database, acme: Organization, globex: Organization
) -> None:
    nina = database.user("Nina")
    ours = invite(database, acme, address(nina).upper(), "responder")
    theirs = invite(database, globex, address(nina), "admin")
    for organization, own, other in ((acme, ours, theirs), (globex, theirs, ours)):
        for role in ROLES:
            seen = {row["id"] for row in database.run_as(organization[role], SEEN)}
            assert seen == ({own} if role in ("owner", "admin") else set())
            assert database.run_as(organization[role], MINE) == []
            assert database.refusal(organization[role], REVOKE, (other,)) == NO_SUCH
            assert database.refusal(organization[role], ACCEPT, (own,)) == NO_SUCH
            assert database.refusal(organization[role], ACCEPT, (other,)) == NO_SUCH
    assert {(row["id"], row["role"]) for row in database.run_as(nina, MINE)} == {(ours, "responder"), (theirs, "admin")}
    assert database.run_as(nina, "select 1 from pagerduty.organizations") == [], "invited is not in"
    assert accept(database, nina, ours) == {
        "id": acme.id,
        "name": "Test",
        "role": "responder",
        "topic": database.topic(acme),
    }
    assert roles(database, nina) == {acme.id: "responder"}
    assert [row["id"] for row in database.run_as(nina, MINE)] == [theirs]


@pytest.mark.parametrize(
    ("email", "verified"),
    [("nina@example.test", False), ("nina@example.testing", True), ("other@example.test", True),
     ("nin%@example.test", True), ("nina+x@example.test", True), ("\N{KELVIN SIGN}im@example.test", True),
     ("", True), (None, True)],
    ids=["unverified", "longer", "another", "pattern", "tagged", "Kelvin sign", "empty", "none"],
)  # fmt: skip
def test_only_for_exactly_that_verified_address(
    database: Database, acme: Organization, email: str | None, verified: bool
) -> None:
    """Whatever the token and the user's own metadata say."""
    invitations = [invite(database, acme, one, "admin") for one in ("nina@example.test", "kim@example.test")]
    user = database.user("Nina", email="x", verified=verified, email_verified=True)
    database.rows("update auth.users set email = %s where id = %s", (email, user))
    claims = {"email": "nina@example.test", "email_verified": True, "user_metadata": {"email_verified": True}}
    for statement in (MINE, SEEN):
        assert database.run_as(user, statement, **claims) == []
    for invitation in invitations:
        assert database.refusal(user, ACCEPT, (invitation,), **claims) == NO_SUCH
        assert database.refusal(user, REVOKE, (invitation,), **claims) == NO_SUCH
    assert roles(database, user) == {}


def test_who_is_invited_changes_nothing_of_it(database: Database, acme: Organization) -> None:
    nina = database.user("Nina")
    invitation = invite(database, acme, address(nina))
    assert database.refusal(nina, REVOKE, (invitation,)) == REFUSED
    for change in ("role = 'owner'", "expires_at = now() + interval '20 days'", "revoked_at = now()"):
        assert database.run_as(nina, f"update pagerduty.invitations set {change} returning id") == []
    assert database.refusal(nina, INVITE, (acme.id, address(nina), "owner")) == REFUSED
    accept(database, nina, invitation)
    assert roles(database, nina) == {acme.id: "viewer"}


@pytest.mark.parametrize("role", ROLES)
def test_it_gives_the_role_that_it_names_and_again_the_same(database: Database, acme: Organization, role: str) -> None:
    nina = database.user("Nina")
    invitation = invite(database, acme, address(nina), role)
    for _ in range(2):
        assert accept(database, nina, invitation)["role"] == role
    assert roles(database, nina) == {acme.id: role}
    assert database.run_as(nina, MINE) == []
    assert database.refusal(acme["owner"], REVOKE, (invitation,)) == CONFLICT


def test_a_member_keeps_their_role(database: Database, acme: Organization) -> None:
    """They were let in by the host meanwhile."""
    nina = database.user("Nina")
    invitation = invite(database, acme, address(nina), "owner")
    database.join(acme, "viewer", nina)
    assert accept(database, nina, invitation)["role"] == "viewer"


@pytest.mark.parametrize("end", ["expired", "withdrawn", "used"])
def test_what_is_over_says_so_and_lets_nobody_in(
    database: Database, acme: Organization, globex: Organization, end: str
) -> None:
    nina = database.join(globex, "admin")
    invitation = invite(database, acme, address(nina))
    if end == "expired":
        expire(database, invitation)
    elif end == "withdrawn":
        for _ in range(2):
            database.run_as(acme["admin"], REVOKE, (invitation,))
    else:
        accept(database, nina, invitation)
        leave = "delete from pagerduty.memberships where user_id = %s and organization_id = %s"
        database.run_as(nina, leave, (nina, acme.id))
    [refused] = database.at_once(partial(_accepts, database, nina, invitation))
    assert getattr(refused, "sqlstate", None) == OVER
    assert end in str(refused)
    assert database.run_as(nina, MINE) == []
    assert roles(database, nina) == {globex.id: "admin"}
    again = "update pagerduty.invitations set revoked_at = null, expires_at = now() + interval '1 day' where id = %s"
    if end != "expired":
        database.run_as(acme["owner"], again, (invitation,))
        assert database.refusal(nina, ACCEPT, (invitation,)) == OVER, "what has ended does not begin anew"


# Those who go ---------------------------------------------------------------------------------------------------------


def test_who_is_removed_leaves_no_way_back(database: Database, acme: Organization, globex: Organization) -> None:
    friend, admin = database.user("Friend"), acme["admin"]
    own = invite(database, acme, "new-address@example.test", by="admin")
    friends, late = invite(database, acme, address(friend), by="admin"), database.user("Late")
    lates = invite(database, acme, address(late))
    database.join(acme, "viewer", late)
    moved = database.join(acme, "viewer")
    database.rows("update auth.users set email = 'moved@example.test' where id = %s", (moved,))
    moveds = invite(database, acme, "moved@example.test")
    database.join(globex, "admin", admin)
    elsewhere = invite(database, Organization(globex.id, "", {"admin": admin}), address(friend), by="admin")
    remove = "delete from pagerduty.memberships where organization_id = %s and user_id = %s"
    for user in (admin, late, moved):
        database.run_as(acme["owner"], remove, (acme.id, user))
    database.rows("update auth.users set email = 'new-address@example.test' where id = %s", (admin,))
    for user, invitation in ((admin, own), (friend, friends), (late, lates), (moved, moveds)):
        assert database.refusal(user, ACCEPT, (invitation,)) == OVER
        assert acme.id not in roles(database, user)
    assert accept(database, friend, elsewhere)["id"] == globex.id


def test_whose_account_is_deleted_leaves_no_invitation(database: Database, acme: Organization) -> None:
    nina = database.user("Nina")
    invitation = invite(database, acme, address(nina), by="admin")
    database.rows("delete from auth.users where id = %s", (acme["admin"],))
    assert database.refusal(nina, ACCEPT, (invitation,)) == OVER


@pytest.mark.parametrize(("role", "stands"), [("owner", True), ("admin", False), ("viewer", False)])
def test_who_has_a_lesser_role_leaves_no_invitation_of_the_greater(
    database: Database, acme: Organization, role: str, stands: bool
) -> None:
    nina = database.user("Nina")
    other = database.join(acme, "owner")
    [made] = database.run_as(other, INVITE, (acme.id, address(nina), "owner"))
    database.run_as(acme["owner"], "update pagerduty.memberships set role = %s where user_id = %s", (role, other))
    assert database.refusal(nina, ACCEPT, (made["id"],)) == (None if stands else OVER)


# At once --------------------------------------------------------------------------------------------------------------


def test_two_accepts_at_once_are_one(database: Database, acme: Organization) -> None:
    nina = database.user("Nina")
    for role in ("viewer", "admin"):
        invitation = invite(database, acme, address(nina), role)
        task = partial(_accepts, database, nina, invitation)
        assert (
            database.at_once(task, task, task)
            == [{"id": acme.id, "name": "Test", "role": role, "topic": database.topic(acme)}] * 3
        )
        database.rows("delete from pagerduty.memberships where user_id = %s", (nina,))


def test_two_users_of_one_address_do_not_both_come_in(database: Database, acme: Organization) -> None:
    """Single sign-on may know an address a second time."""
    nina, second = database.user("Nina"), database.user("Second")
    database.rows("update auth.users set is_sso_user = true, email = %s where id = %s", (address(nina), second))
    invitation = invite(database, acme, address(nina))
    one, other = database.in_turn(
        partial(_accepts, database, nina, invitation), partial(_accepts, database, second, invitation)
    )
    assert one["id"] == acme.id
    assert other.sqlstate == OVER
    assert (roles(database, nina), roles(database, second)) == ({acme.id: "viewer"}, {})


def test_what_is_withdrawn_in_this_moment_lets_nobody_in(database: Database, acme: Organization) -> None:
    nina = database.user("Nina")
    invitation = invite(database, acme, address(nina))
    _, refused = database.in_turn(
        lambda connection: database.run_as(acme["owner"], REVOKE, (invitation,), connection=connection),
        partial(_accepts, database, nina, invitation),
    )
    assert refused.sqlstate == OVER
    assert roles(database, nina) == {}


def _accepts(database: Database, user: str, invitation: str, connection: Connection) -> dict[str, Any]:
    return accept(database, user, invitation, connection=connection)


# Organizations --------------------------------------------------------------------------------------------------------


@pytest.fixture
def founder(database: Database) -> str:
    return database.user("Founder")


def own_organizations(database: Database, user: str) -> int:
    """Deleted with the others of the test."""
    database.adopt(*roles(database, user))
    return len(roles(database, user))


def test_who_makes_an_organization_owns_it(database: Database, founder: str) -> None:
    [row] = database.run_as(founder, CREATE, ("  Founders ",))
    made = row["answer"]
    database.adopt(made["id"])
    assert (made["name"], made["role"]) == ("Founders", "owner")
    assert roles(database, founder) == {made["id"]: "owner"}
    assert database.run_as(founder, "select id::text from pagerduty.organizations") == [{"id": made["id"]}]


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_its_name_has_limits(database: Database, founder: str, name: str) -> None:
    assert database.refusal(founder, CREATE, (name,)) == CHECK


def test_nobody_makes_thousands(database: Database, founder: str) -> None:
    with database.acting(founder) as run:
        for _ in range(19):
            run(CREATE, ("One of many",))
    results = database.at_once(*[partial(_creates, database, founder)] * 4)
    assert own_organizations(database, founder) == 20
    assert [one.sqlstate for one in results if isinstance(one, psycopg.Error)] == [CONFLICT] * 3


def _creates(database: Database, user: str, connection: Connection) -> None:
    database.run_as(user, CREATE, ("One more",), connection=connection)


def test_an_unconfirmed_user_makes_none(database: Database) -> None:
    assert database.refusal(database.user(verified=False), CREATE, ("x",)) == REFUSED
    assert database.refusal(None, CREATE, ("x",)) == REFUSED


def test_a_host_may_revoke_the_grant(database: Database, founder: str) -> None:
    revoke = "revoke execute on function pagerduty.create_organization(text) from authenticated"
    with database.connection.transaction(force_rollback=True):
        database.rows(revoke)
        assert database.refusal(founder, CREATE, ("x",)) == REFUSED
