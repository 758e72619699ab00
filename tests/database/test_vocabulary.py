"""The words and limits of the service are the database's: neither lets through what the other refuses."""

import re
from collections.abc import Sequence
from typing import Any, get_args

import pytest

from service import vocabulary
from service.pagerduty.events import V3_TYPES
from tests.database.database import Database

_CHECKS = """
select pg_get_constraintdef(c.oid) as rule
from pg_constraint c
where c.conrelid = %s::regclass and c.contype = 'c'
"""
_WORDS = """
select e.enumlabel as word
from pg_enum e
where e.enumtypid = %s::regtype
order by e.enumsortorder
"""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("membership_role", vocabulary.ROLES),
        ("incident_level", vocabulary.LEVELS),
        ("incident_status", vocabulary.STATUSES),
    ],
)
def test_enums(database: Database, kind: str, words: Sequence[str]) -> None:
    assert [row["word"] for row in database.rows(_WORDS, (f"pagerduty.{kind}",))] == list(words)


def rules(database: Database, table: str, start: str) -> list[str]:
    """The table's check constraints that begin so."""
    found = [row["rule"] for row in database.rows(_CHECKS, (f"pagerduty.{table}",))]
    return [rule for rule in found if rule.startswith(f"CHECK (({start}")]


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("audit", "subject", vocabulary.AUDIT_SUBJECTS),
        ("audit", "change", vocabulary.AUDIT_CHANGES),
        ("incident_updates", "kind", vocabulary.UPDATE_KINDS),
        ("integrations", "region", vocabulary.REGIONS),
        ("integrations", "sync_status", get_args(vocabulary.Direction)),
        ("integrations", "sync_notes", get_args(vocabulary.Direction)),
        ("outbox", "thing", get_args(vocabulary.OutboxThing)),
        ("outbox", "state", get_args(vocabulary.OutboxState)),
        ("directory", "kind", get_args(vocabulary.DirectoryKind)),
        ("notifications", "urgency", vocabulary.URGENCIES),
        ("notifications", "pagerduty_status", vocabulary.PAGERDUTY_STATUSES),
    ],
)
def test_words_that_a_column_takes(database: Database, table: str, column: str, words: Sequence[str]) -> None:
    (rule,) = rules(database, table, f"{column} = ANY")
    assert re.findall(r"'(\w+)'::text", rule) == list(words)


@pytest.mark.parametrize(
    ("table", "measured", "most"),
    [
        ("incidents", "length(title)", vocabulary.TITLE_LIMIT),
        ("incidents", "length(description)", vocabulary.DESCRIPTION_LIMIT),
        ("incidents", "length(customer)", vocabulary.CUSTOMER_LIMIT),
        ("incidents", "cardinality(tags)", vocabulary.TAGS_LIMIT),
        ("incidents", "length(array_to_string(tags, ''::text))", vocabulary.ALL_TAGS_LIMIT),
        ("incidents", "length(pagerduty_incident_id)", vocabulary.ID_LIMIT),
        ("incidents", "length(pagerduty_url)", vocabulary.URL_LIMIT),
        ("incident_updates", "length(body)", vocabulary.COMMENT_LIMIT),
        ("notifications", "length(title)", vocabulary.TITLE_LIMIT),
        ("notifications", "length(pagerduty_incident_id)", vocabulary.ID_LIMIT),
        ("notifications", "length(pagerduty_url)", vocabulary.URL_LIMIT),
        ("organizations", "length(name)", vocabulary.ORGANIZATION_NAME_LIMIT),
        ("invitations", "length(email)", vocabulary.EMAIL_LIMIT),
        ("integrations", "length(integration_key)", vocabulary.ID_LIMIT),
        ("integrations", "cardinality(event_types)", vocabulary.EVENT_TYPES_LIMIT),
        ("integrations", "length(array_to_string(event_types, ''::text))", vocabulary.ALL_EVENT_TYPES_LIMIT),
        ("integrations", "cardinality(services)", vocabulary.SERVICES_LIMIT),
        ("integrations", "length(array_to_string(services, ''::text))", vocabulary.ALL_SERVICES_LIMIT),
        ("events", "length(service_id)", vocabulary.SERVICE_LIMIT),
        ("events", "length(service_name)", vocabulary.SERVICE_LIMIT),
    ],
)
def test_limits(database: Database, table: str, measured: str, most: int) -> None:
    """Each is in exactly one check: the largest value that it lets through."""
    everything = " ".join(row["rule"] for row in database.rows(_CHECKS, (f"pagerduty.{table}",)))
    assert re.findall(rf"{re.escape(measured)} <= (\d+)", everything) == [str(most)]


def test_until_when_one_can_be_invited(database: Database) -> None:
    (rule,) = rules(database, "invitations", "expires_at")
    assert f"'{vocabulary.INVITATION_DAYS} days'::interval" in rule


# Lists ----------------------------------------------------------------------------------------------------------------

_LISTS = """
select a.attrelid::regclass::text as "table", a.attname as "column"
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
where c.relnamespace = 'pagerduty'::regnamespace
  and c.relkind = 'r'
  and t.typcategory = 'A'
  and has_column_privilege('authenticated', c.oid, a.attnum, 'insert, update')
"""
#: Per column: texts, characters of one, characters of all.
LISTS = {
    ("pagerduty.incidents", "tags"): (vocabulary.TAGS_LIMIT, vocabulary.TAG_LIMIT, vocabulary.ALL_TAGS_LIMIT),
    ("pagerduty.integrations", "event_types"): (
        vocabulary.EVENT_TYPES_LIMIT, vocabulary.EVENT_TYPE_LIMIT, vocabulary.ALL_EVENT_TYPES_LIMIT,
    ),
    ("pagerduty.integrations", "services"): (
        vocabulary.SERVICES_LIMIT, vocabulary.SERVICE_LIMIT, vocabulary.ALL_SERVICES_LIMIT,
    ),
}  # fmt: skip


def test_every_list_that_a_user_may_write_is_known(database: Database) -> None:
    assert {(row["table"], row["column"]) for row in database.rows(_LISTS)} == set(LISTS)


@pytest.mark.parametrize(("table", "column"), LISTS)
def test_a_list_is_limited_in_number_in_each_text_and_in_total(database: Database, table: str, column: str) -> None:
    number, longest, total = LISTS[table, column]
    organization = database.organization(["owner"])
    database.run_as(organization["owner"], "insert into pagerduty.incidents (organization_id, title) values (%s, 'x')",
                    (organization.id,))  # fmt: skip
    write = f"update {table} set {column} = %s::text[] where organization_id = %s returning true as written"
    full = [str(place).rjust(total // number, "x") for place in range(number)]
    for texts in (["x" * longest], full, ["ä" * longest, "\n"]):
        assert database.run_as(organization["owner"], write, (texts, organization.id)) == [{"written": True}]
    refused: tuple[list[Any], ...] = (
        ["x" * (longest + 1)], ["ok", "x\n" * longest], [*full, "x"], ["x"] * (number + 1),
        ["x" * longest] * (total // longest + 1), ["x" * (total + 1)], [""], [None], ["ok", None], [["a", "b"]],
    )  # fmt: skip
    for texts in refused:
        refusal = database.refusal(organization["owner"], write, (texts, organization.id))
        assert refusal == "23514", texts


def test_all_event_types_at_once_are_not_too_many() -> None:
    assert len(V3_TYPES) <= vocabulary.EVENT_TYPES_LIMIT
    assert max(map(len, V3_TYPES)) <= vocabulary.EVENT_TYPE_LIMIT
    assert sum(map(len, V3_TYPES)) <= vocabulary.ALL_EVENT_TYPES_LIMIT
