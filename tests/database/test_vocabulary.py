"""The words and limits of the service are the database's: neither lets through what the other refuses."""

import re
from collections.abc import Sequence

import pytest

from service import vocabulary
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
        ("incident_updates", "kind", vocabulary.UPDATE_KINDS),
        ("integrations", "region", vocabulary.REGIONS),
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
        ("incidents", "length(array_to_string(tags, ''::text, ''::text))", vocabulary.ALL_TAGS_LIMIT),
        ("incidents", "length(pagerduty_incident_id)", vocabulary.ID_LIMIT),
        ("incidents", "length(pagerduty_url)", vocabulary.URL_LIMIT),
        ("incident_updates", "length(body)", vocabulary.COMMENT_LIMIT),
        ("notifications", "length(title)", vocabulary.TITLE_LIMIT),
        ("notifications", "length(pagerduty_incident_id)", vocabulary.ID_LIMIT),
        ("notifications", "length(pagerduty_url)", vocabulary.URL_LIMIT),
        ("integrations", "length(integration_key)", vocabulary.ID_LIMIT),
        ("integrations", "cardinality(event_types)", vocabulary.EVENT_TYPES_LIMIT),
    ],
)
def test_limits(database: Database, table: str, measured: str, most: int) -> None:
    """Each is in exactly one check: the largest value that it lets through."""
    everything = " ".join(row["rule"] for row in database.rows(_CHECKS, (f"pagerduty.{table}",)))
    assert re.findall(rf"{re.escape(measured)} <= (\d+)", everything) == [str(most)]
