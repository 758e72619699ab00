"""Each look-up by organization is tested: without its predicate, a test of this folder fails."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest

from devstack.postgres import Cluster
from tests.database import (
    test_asking,
    test_audit,
    test_inbox,
    test_ingest,
    test_ingest_races,
    test_ingest_status,
    test_integration_settings,
    test_invitations,
    test_isolation,
    test_links,
    test_living_row,
    test_memberships,
    test_outbox,
    test_reconciling,
    test_sending_a_test_alert,
    test_service_filter,
    test_subscriptions,
    test_topics,
    test_webhook_url,
)
from tests.database.database import Database, scratch
from tests.database.twins import TwinnedDatabase

# What is tested here are the tests.
pytestmark = pytest.mark.one_postgres

FEED = "pagerduty.notification_feed"
KEY, SECRET = {"api_key": None}, {"signing_secret": {"sealed": "sealed", "last4": "aled"}}
_leaves = partial(test_topics.test_whoever_goes_is_left_behind, way="leaves")
_saves = partial(partial, test_integration_settings.test_the_version_grows_with_what_a_cache_must_notice)
BEYOND = "\n    and n.loud_seq > case when for_done then mark.done_seq else mark.read_seq end"

# The function or view, a part of its text, what is there instead, and the test that notices.
MUTATIONS: dict[str, tuple[str, str, str, Callable[..., None]]] = {
    "the feed's incidents": (
        FEED, "i.organization_id = n.organization_id", "true", test_ingest.test_an_event_becomes_a_notification,
    ),
    "link_incident: the notification": (
        "link_incident", "and n.organization_id = new.organization_id;", ";",
        test_isolation.test_an_incident_is_made_from_a_notification_of_its_own_organization_only,
    ),
    "status_told": (
        "status_told", "e.organization_id = organization", "true",
        partial(test_ingest_status.test_a_form_that_was_open_for_a_while, chosen="open"),
    ),
    "next_seq": (
        "next_seq", "values (organization, 1)",
        "values ((select min(o.id::text)::uuid from pagerduty.organizations o), 1)",
        test_ingest_races.test_organizations_do_not_wait_for_each_other,
    ),
    "reason_to_tell_nobody": (
        "reason_to_tell_nobody", "n.organization_id = integration.organization_id", "true",
        test_ingest.test_notes_go_with_the_incident_that_they_are_about,
    ),
    "service_of_event": (
        "service_of_event", "e.organization_id = organization", "true",
        test_service_filter.test_notes_follow_the_remembered_service_of_their_incident,
    ),
    "seen_services": (
        "seen_services", "e.organization_id = seen_services.organization_id", "true",
        test_service_filter.test_services_that_were_seen_are_offered_to_owners_and_admins,
    ),
    "recent_events: settings": (
        "recent_events", "i.organization_id = recent_events.organization_id", "true",
        test_service_filter.test_what_is_ignored_is_counted_with_its_reasons,
    ),
    "recent_events": (
        "recent_events", "e.organization_id = recent_events.organization_id", "true",
        test_service_filter.test_what_is_ignored_is_counted_with_its_reasons,
    ),
    "keep_notification": (
        "keep_notification", "n.organization_id = organization\n    and n.subject", "true\n    and n.subject",
        test_ingest.test_a_note_is_completed_with_what_its_own_organization_knows,
    ),
    "told_before": (
        "told_before", "e.organization_id = organization", "true",
        test_living_row.test_two_organizations_ring_each_for_itself,
    ),
    "confirm_event": (
        "confirm_event",
        "told.organization_id = integration.organization_id\n      and told.integration_id = integration.id",
        "true", test_reconciling.test_each_entry_is_confirmed_or_healed_once,
    ),
    "heal_events": (
        "heal_events", "e.integration_id = integration.id", "true",
        test_reconciling.test_each_entry_is_confirmed_or_healed_once,
    ),
    "count_changes": (
        "count_changes", "r.integration_id = count_changes.integration_id", "true",
        test_reconciling.test_the_tally_begins_anew_on_mondays,
    ),
    "end_round": (
        "end_round", "r.integration_id = end_round.integration_id", "true",
        test_reconciling.test_turns_and_leases,
    ),
    "take_round": (
        "take_round", "o.organization_id = r.organization_id", "true",
        test_reconciling.test_nothing_is_asked_while_pagerduty_asked_to_wait,
    ),
    "hurry_reconciliation": (
        "hurry_reconciliation", "r.organization_id = hurry_reconciliation.organization_id", "true",
        test_reconciling.test_who_asks_meanwhile_has_it_again,
    ),
    "hurry_reconciliation: members": (
        "hurry_reconciliation", "r.organization_id in (select pagerduty_private.my_organizations('admin'))", "true",
        test_reconciling.test_who_asks_meanwhile_has_it_again,
    ),
    "reconciliation_summary": (
        "reconciliation_summary", "r.organization_id in (select pagerduty_private.my_organizations())", "true",
        test_reconciling.test_to_connect_again_keeps_how_far_the_log_was_read,
    ),
    "write_subscription: the log": (
        "write_subscription", "r.integration_id = connected", "true",
        test_reconciling.test_to_connect_again_keeps_how_far_the_log_was_read,
    ),
    "put_request": (
        "put_request", "i.organization_id in (select pagerduty_private.my_organizations('responder'))", "true",
        test_asking.test_members_ask_for_incidents_of_their_own_organization,
    ),
    "link_created": (
        "link_created", "and i.organization_id = organization\n", "\n",
        test_asking.test_a_key_that_nobody_asked_for_links_nothing,
    ),
    "page_by_rule": (
        "page_by_rule", "i.organization_id = new.organization_id", "true",
        test_asking.test_the_rule_is_of_one_organization,
    ),
    "write_directory": (
        "write_directory", "d.integration_id = write_directory.integration_id", "true",
        test_asking.test_the_directory_is_replaced_as_a_whole,
    ),
    "write_directory: whose": (
        "write_directory", "i.id = write_directory.integration_id", "true",
        test_asking.test_the_directory_is_replaced_as_a_whole,
    ),
    "overtake_outbox": (
        "overtake_outbox", "o.incident_id = incident.id\n    and o.organization_id = incident.organization_id", "true",
        test_outbox.test_what_pagerduty_changed_later_stands_and_is_not_told_back,
    ),
    "amend_note": (
        "amend_note",
        "e.integration_id = integration.id\n    and e.organization_id = integration.organization_id",
        "true",
        test_reconciling.test_notes_are_compared_and_amended_of_one_integration,
    ),
    "start_inbox": (
        "start_inbox", "i.organization_id = new.organization_id", "true",
        test_memberships.test_who_joins_has_nothing_unread_of_the_past,
    ),
    "show_incident": (
        "show_incident", "n.organization_id = incident.organization_id", "true",
        test_links.test_a_linked_incident_changes_its_notification_quietly,
    ),
    "show_incident: broadcast": (
        "show_incident", "f.organization_id = incident.organization_id", "true",
        test_links.test_a_linked_incident_changes_its_notification_quietly,
    ),
    "tell_the_past": (
        "tell_the_past", "e.organization_id = incident.organization_id", "true",
        test_links.test_the_past_is_on_the_timeline,
    ),
    "attach_notification: the incident": (
        "attach_notification", "i.organization_id in (select pagerduty_private.my_organizations())", "true",
        test_links.test_nothing_of_another_organization_is_linked,
    ),
    "attach_notification: the notification": (
        "attach_notification", "n.organization_id = ours.organization_id", "true",
        test_links.test_nothing_of_another_organization_is_linked,
    ),
    "events_of": (
        "events_of", "n.organization_id in (select pagerduty_private.my_organizations())", "true",
        test_isolation.test_the_history_is_for_those_who_see_the_notification,
    ),
    "list_notifications": (
        "list_notifications", "f.organization_id = list_notifications.organization_id", "true",
        partial(test_isolation.test_a_list_is_of_one_organization, name="list"),
    ),
    "list_notifications: what a receipt says": (
        "list_notifications", "r.organization_id = list_notifications.organization_id", "true",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "list_notifications: the mark": (
        "list_notifications", "m.organization_id = list_notifications.organization_id", "true",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "changed_notifications": (
        "changed_notifications", "f.organization_id = changed_notifications.organization_id", "true",
        partial(test_isolation.test_a_list_is_of_one_organization, name="changes"),
    ),
    "mark_notifications": (
        "mark_notifications", "f.organization_id = mark_notifications.organization_id\n      and f.id",
        "true\n      and f.id",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "my_mark": (
        "my_mark", "m.organization_id = organization\n", "true\n",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "settle_inbox: how far": (
        "settle_inbox", f"n.organization_id = organization{BEYOND}\n  order", f"true{BEYOND}\n  order",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "settle_inbox: what": (
        "settle_inbox", f"n.organization_id = organization{BEYOND}\n    and n.", f"true{BEYOND}\n    and n.",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "settle_inbox: the mark": (
        "settle_inbox", "m.organization_id = organization", "true",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "move_linked_incident": (
        "move_linked_incident", "i.organization_id = received.organization_id\n    and i.pagerduty",
        "true\n    and i.pagerduty",
        test_ingest_status.test_an_incident_goes_through_its_life,
    ),
    "ingest_event: deliveries": (
        "ingest_event", "e.integration_id = integration.id", "true", test_ingest.test_an_event_that_comes_again,
    ),
    "ingest_webhook: health": (
        "ingest_webhook", "i.id = integration.id;", "true;", test_ingest.test_an_event_becomes_a_notification,
    ),
    "ingest_webhook: recipients": (
        "ingest_webhook", "m.organization_id = integration.organization_id", "true",
        test_ingest.test_the_service_learns_how_many_were_told,
    ),
    "get_webhook": (
        "get_webhook", "c.organization_id = i.organization_id", "true",
        test_integration_settings.test_a_rotated_secret_is_good_for_48_hours_more,
    ),
    "get_integration": (
        "get_integration", "o.id = get_integration.organization_id", "true",
        test_isolation.test_the_secret_part_of_the_settings_is_for_owners_and_admins,
    ),
    "get_integration: join": (
        "get_integration", "i.organization_id = o.id", "true",
        test_isolation.test_the_secret_part_of_the_settings_is_for_owners_and_admins,
    ),
    "integration_admin_fields": (
        "integration_admin_fields", "i.organization_id = integration_admin_fields.organization_id", "true",
        test_isolation.test_the_secret_part_of_the_settings_is_for_owners_and_admins,
    ),
    "sealed_api_key": (
        "sealed_api_key", "c.organization_id = sealed_api_key.organization_id", "true",
        test_isolation.test_the_sealed_api_key_is_for_owners_and_admins,
    ),
    "rotate_webhook_token": (
        "rotate_webhook_token", "i.organization_id = rotate_webhook_token.organization_id", "true",
        test_webhook_url.test_the_old_url_is_taken_for_48_hours,
    ),
    "write_subscription": (
        "write_subscription", "i.organization_id = write_subscription.organization_id;", "true;",
        test_subscriptions.test_it_is_saved_with_its_secret_and_replaces_one,
    ),
    "ingest_test_alert: the integration": (
        "ingest_test_alert", "where i.organization_id = ingest_test_alert.organization_id", "where true",
        test_sending_a_test_alert.test_every_member_is_told_and_nobody_else,
    ),
    "ingest_test_alert: five a minute": (
        "ingest_test_alert", "where e.organization_id = ingest_test_alert.organization_id", "where true",
        test_sending_a_test_alert.test_five_a_minute_in_each_organization,
    ),
    "ingest_test_alert: the sender's name": (
        "ingest_test_alert", "where m.organization_id = ingest_test_alert.organization_id", "where true",
        test_sending_a_test_alert.test_it_says_who_sent_it_as_that_organization_knows_them,
    ),
    "write_audit: the actor's name": (
        "write_audit", " and m.organization_id = organization", "",
        test_audit.test_settings_from_what_to_what,
    ),
    "write_audit: a deleted organization": (
        "write_audit", "o.id = organization", "true", test_audit.test_it_goes_with_its_organization,
    ),
    "drop_audit": (
        "drop_audit", "a.organization_id = old.id", "true", test_audit.test_it_goes_with_its_organization,
    ),
    "save_integration: settings": (
        "save_integration", "i.organization_id = org;\n    if not found", "true;\n    if not found",
        _saves(change={"settings": {"enabled": False}}),
    ),
    "save_integration: integration key": (
        "save_integration", "i.organization_id = org;\n    end if", "true;\n    end if",
        _saves(change={"settings": {"integration_key": "PKEY"}}),
    ),
    "save_credentials: api key": (
        "save_credentials",
        "'{api_key,sealed}'\n    where c.organization_id = save_credentials.organization_id", "'{api_key,sealed}'",
        _saves(change={"credentials": KEY}),
    ),
    "save_credentials: api key's end": (
        "save_credentials",
        "'{api_key,last4}'\n    where i.organization_id = save_credentials.organization_id", "'{api_key,last4}'",
        _saves(change={"credentials": KEY}),
    ),
    "save_credentials: signing secret": (
        "save_credentials",
        "'{signing_secret,sealed}'\n    where c.organization_id = save_credentials.organization_id",
        "'{signing_secret,sealed}'",
        _saves(change={"credentials": SECRET}),
    ),
    "save_credentials: signing secret's end": (
        "save_credentials",
        "'{signing_secret,last4}'\n    where i.organization_id = save_credentials.organization_id",
        "'{signing_secret,last4}'",
        _saves(change={"credentials": SECRET}),
    ),
    "read_all_notifications: the newest": (
        "read_all_notifications", "n.organization_id = read_all_notifications.organization_id", "true",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "read_all_notifications: receipts": (
        "read_all_notifications", "r.organization_id = mark.organization_id", "true",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "read_all_notifications: the mark": (
        "read_all_notifications", "m.organization_id = mark.organization_id", "true",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "count_unread_notifications": (
        "count_unread_notifications", "n.organization_id = count_unread_notifications.organization_id", "true",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "count_unread_notifications: what a receipt says": (
        "count_unread_notifications", "r.organization_id = count_unread_notifications.organization_id", "true",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "count_unread_notifications: the mark": (
        "count_unread_notifications", "m.organization_id = count_unread_notifications.organization_id", "true",
        test_inbox.test_the_inboxes_of_two_organizations_are_two,
    ),
    "prepare_invitation: members": (
        "prepare_invitation", "m.organization_id = new.organization_id\n      and pagerduty_private",
        "true\n      and pagerduty_private",
        test_invitations.test_a_member_is_not_invited_and_nobody_else_learns_who_is_one,
    ),
    "prepare_invitation: who invites": (
        "prepare_invitation", "m.organization_id = new.organization_id\n      and m.user_id",
        "true\n      and m.user_id",
        partial(test_invitations.test_who_invites_whom, actor="owner", role="viewer"),
    ),
    "prepare_invitation: the organization": (
        "prepare_invitation", "o.id = new.organization_id", "true",
        partial(test_invitations.test_who_invites_whom, actor="owner", role="viewer"),
    ),
    "withdraw_invitations": (
        "withdraw_invitations", "i.organization_id = old.organization_id", "true",
        test_invitations.test_who_is_removed_leaves_no_way_back,
    ),
    "join_as_invited: the role": (
        "join_as_invited", "m.organization_id = found_one.organization_id", "true",
        partial(test_invitations.test_what_is_over_says_so_and_lets_nobody_in, end="used"),
    ),
    "join_as_invited: the answer": (
        "join_as_invited", "o.id = found_one.organization_id", "true",
        test_invitations.test_two_organizations_invite_the_same_address,
    ),
    "keep_an_owner": (
        "keep_an_owner", "m.organization_id = old.organization_id", "true",
        test_memberships.test_nobody_above_the_policies_loses_the_last_owner_either,
    ),
    "tell_organization": (
        "tell_organization", "locked.id = organization", "true", test_ingest.test_an_event_becomes_a_notification,
    ),
    "may_listen": ("may_listen", "m.organization_id = o.id", "true", _leaves),
    "part_from_members": ("part_from_members", "m.organization_id = g.organization_id", "true", _leaves),
    "renew_topic: the former": ("renew_topic", "o.id = organization", "true", _leaves),
    "renew_topic": ("renew_topic", "where id = organization", "where true", _leaves),
    "renew_topic: the members": (
        "renew_topic", "m.organization_id = organization", "true",
        partial(test_topics.test_many_are_to_move_one_after_the_other, members=149, within=2),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def own(cluster: Cluster, migrated_template: str) -> Iterator[str]:
    """A database of this module's own."""
    with scratch(cluster, template=migrated_template) as url:
        yield url


def _definition(database: Database, name: str) -> str:
    if name == FEED:
        body = database.value("select pg_get_viewdef(%s::regclass)", (name,))
        return f"create or replace view {name} with (security_invoker = true) as {body}"
    return str(
        database.value(
            "select pg_get_functiondef(p.oid) from pg_proc p"
            " where p.proname = %s and p.pronamespace::regnamespace::text like 'pagerduty%%'",
            (name,),
        )
    )


@contextmanager
def _mutated(database: Database, name: str, part: str, mutant: str) -> Iterator[None]:
    right = _definition(database, name)
    assert right.count(part) == 1, f"{part!r} stands {right.count(part)} times in {right}"
    database.rows(right.replace(part, mutant))
    try:
        yield
    finally:
        database.rows(right)


def _run(database: Database, test: Callable[..., None]) -> None:
    """A test with new organizations, and what its fixture checks behind it."""
    wanted = inspect.signature(test).parameters
    values: dict[str, Any] = {name: database.organization() for name in ("acme", "globex", "lonely") if name in wanted}
    try:
        test(database, **values)
    finally:
        database.clean_up()


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_without_its_predicate_a_look_up_fails_a_test(own: str, mutation: str) -> None:
    name, part, mutant, test = MUTATIONS[mutation]
    with TwinnedDatabase(own) as database:
        _run(database, test)
        with _mutated(database, name, part, mutant), pytest.raises((AssertionError, psycopg.Error)):
            _run(database, test)
