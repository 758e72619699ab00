"""REST: what an account has beside incidents."""

from datetime import timedelta

from devstack.pagerduty.account import public, reference
from devstack.pagerduty.calls import Answer, Call
from devstack.pagerduty.clock import stamp
from devstack.pagerduty.errors import Refused, not_found
from devstack.pagerduty.store import Document


def abilities(_: Call) -> Answer:
    return 200, {"abilities": ["teams", "read_only_users", "service_support_hours", "urgencies"]}


def me(call: Call) -> Answer:
    if call.key.user is None:
        message = "You must authenticate as a user: this key belongs to the account"
        raise Refused(400, "Invalid Input Provided", message)
    return 200, {"user": public(call.found("user", call.key.user))}


def users(call: Call) -> Answer:
    wanted = call.query.get("query", "").lower()
    found = call.account.all("user", lambda user: wanted in f"{user['name']} {user['email']}".lower())
    return 200, call.page("users", found, public)


def user(call: Call) -> Answer:
    return 200, {"user": public(call.addressed("user"))}


def teams(call: Call) -> Answer:
    wanted = call.query.get("query", "").lower()
    found = call.account.all(
        "team", lambda team: wanted in team["name"].lower() and call.key.team in (None, team["id"])
    )
    return 200, call.page("teams", found, public)


def team_members(call: Call) -> Answer:
    team = call.addressed("team")
    members = call.account.all("user", lambda user: team["id"] in [found["id"] for found in user["teams"]])
    return 200, call.page("members", members, lambda user: {"user": reference(user), "role": "responder"})


def services(call: Call) -> Answer:
    wanted, of_teams = call.query.get("query", "").lower(), call.query.getlist("team_ids[]")
    found = call.account.all(
        "service",
        lambda service: (
            wanted in service["name"].lower()
            and (not of_teams or any(team["id"] in of_teams for team in service["teams"]))
        ),
    )
    return 200, call.page("services", found, public)


def service(call: Call) -> Answer:
    return 200, {"service": public(call.addressed("service"))}


def policies(call: Call) -> Answer:
    wanted = call.query.get("query", "").lower()
    found = call.account.all("escalation_policy", lambda policy: wanted in policy["name"].lower())
    return 200, call.page("escalation_policies", found, lambda policy: _with_services(call, policy))


def policy(call: Call) -> Answer:
    return 200, {"escalation_policy": _with_services(call, call.addressed("escalation_policy"))}


def on_calls(call: Call) -> Answer:
    """Every level and schedule of every policy asked for: who is paged now is level 1, or the incident's level."""
    of_policies = call.query.getlist("escalation_policy_ids[]")
    of_users, of_schedules = call.query.getlist("user_ids[]"), call.query.getlist("schedule_ids[]")
    entries = [
        entry
        for found in call.account.all("escalation_policy", lambda p: not of_policies or p["id"] in of_policies)
        for entry in _on_call(call, found)
        if (not of_users or entry["user"]["id"] in of_users)
        and (not of_schedules or (entry["schedule"] or {}).get("id") in of_schedules)
    ]
    return 200, call.page("oncalls", entries, public)


def priorities(call: Call) -> Answer:
    return 200, call.page("priorities", call.account.all("priority"), public)


def incident_types(call: Call) -> Answer:
    return 200, {"incident_types": [public(found) for found in call.account.all("incident_type")]}


def fields(call: Call) -> Answer:
    named = call.params["id"]
    if not call.account.all("incident_type", lambda found: named in (found["id"], found["name"])):
        raise not_found()
    return 200, {"fields": [public(field) | {"incident_type": named} for field in call.account.all("field")]}


def _with_services(call: Call, found: Document) -> Document:
    of_it = call.account.all("service", lambda service: service["escalation_policy"]["id"] == found["id"])
    return public(found) | {"services": [reference(service) for service in of_it]}


def _on_call(call: Call, policy: Document) -> list[Document]:
    now = call.account.clock.now().replace(minute=0, second=0)
    entries = []
    for level, rule in enumerate(policy["escalation_rules"], 1):
        for target in rule["targets"]:
            schedule = call.account.get("schedule", target["id"])
            user = call.account.get("user", schedule["_user"] if schedule else target["id"])
            if user is not None:
                # Without a schedule, or with one shift that never ends, it is permanent: no start, no end.
                shift = timedelta(hours=schedule["_hours"]) if schedule else None
                entries.append(
                    {
                        "escalation_policy": reference(policy), "escalation_level": level, "user": reference(user),
                        "schedule": reference(schedule) if schedule else None,
                        "start": stamp(now) if shift else None, "end": stamp(now + shift) if shift else None,
                    }
                )  # fmt: skip
    return entries
