"""The grammar of query strings, without a database: what parses to what, and what cannot break it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.rest.answers import ApiError
from devstack.rest.grammar import (
    MAX_DEPTH,
    parse_columns,
    parse_logic,
    parse_operation,
    parse_order,
    parse_path,
    parse_select,
)
from devstack.rest.preferences import parse_preferences
from devstack.rest.request import Window, negotiate, parse_query, window_of
from devstack.rest.scanner import GrammarError
from devstack.rest.sql import Relation, Values, array_literal, condition, order_by, select_list
from devstack.rest.terms import (
    Aggregate,
    Column,
    Embedding,
    Field,
    Filter,
    JsonStep,
    Logic,
    Operation,
    OrderTerm,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
#: Text that is mostly made of what has a meaning in the grammar.
garbage = st.one_of(
    texts,
    st.lists(
        st.sampled_from([*"()\"\\,.:!*{}->&=% ';\0", "->>", "::", "id", "eq", "not", "and", "or", "in", "is", "null"]),
        max_size=20,
    ).map("".join),
)


def quoted(text: str) -> str:
    """A value between double quotes, as PostgREST's documentation says to write reserved characters."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("*", [Column(Field("*"))]),
        ("id, title", [Column(Field("id")), Column(Field("title"))]),
        ("t:title", [Column(Field("title"), alias="t")]),
        ("score::double precision", [Column(Field("score"), cast="double precision")]),
        ("a:b-c::text", [Column(Field("b-c"), alias="a", cast="text")]),
        ('"a,b"', [Column(Field("a,b"))]),
        ('x:"a\\"b"', [Column(Field('a"b'), alias="x")]),
        ("d->a->>0", [Column(Field("d", (JsonStep("a", False), JsonStep(0, True))))]),
        ("d->-1->0x", [Column(Field("d", (JsonStep(-1, False), JsonStep("0x", False))))]),
        ('d->"a.b"->>c::int', [Column(Field("d", (JsonStep("a.b", False), JsonStep("c", True))), cast="int")]),
        ("count()", [Aggregate()]),
        ("n:count()::text,count", [Aggregate(), Column(Field("count"))]),
        ("total:score.sum(),score.max()::text", [Aggregate(), Aggregate()]),
        ("teams(name)", [Embedding("teams")]),
        ("id,t:teams!hint!inner(*,more(id)),...x(y)", [Column(Field("id")), Embedding("teams"), Embedding("x")]),
    ],
)
def test_select(text: str, items: list[object]) -> None:
    assert parse_select(text) == items


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("eq.a.b,(c)", Operation("eq", "a.b,(c)")),
        ("eq.", Operation("eq", "")),
        ("not.eq.1", Operation("eq", "1", negated=True)),
        ("like(any).{a,b}", Operation("like", "{a,b}", modifier="any")),
        ("in.()", Operation("in", values=())),
        ('in.(1,"a,b",)', Operation("in", values=("1", "a,b", ""))),
        ('in.(a"b,"c"d)', Operation("in", values=('a"b', '"c"d'))),
        ("is.NOT_NULL", Operation("is", "not_null")),
        ("isdistinct.null", Operation("isdistinct", "null")),
        ("fts(english).a & b", Operation("fts", "a & b", modifier="english")),
    ],
)
def test_operations(text: str, operation: Operation) -> None:
    assert parse_operation(text) == operation


def test_logic() -> None:
    one, two = Filter(Field("a"), Operation("eq", "1")), Filter(Field("b"), Operation("cs", "{1,2}"))
    three = Filter(Field("d", (JsonStep("k", True),)), Operation("is", "null", negated=True))
    assert parse_logic("or", "(a.eq.1,b.cs.{1,2})") == Logic("or", (one, two))
    nested = Logic("and", (two, three), negated=True)
    assert parse_logic("and", "( a.eq.1 , not.and(b.cs.{1,2},d->>k.not.is.null) )", negated=True) == Logic(
        "and", (Filter(Field("a"), Operation("eq", "1 ")), nested), negated=True
    )
    assert parse_logic("or", "(not.eq.1,and.eq.1)").conditions == (
        Filter(Field("not"), Operation("eq", "1")),
        Filter(Field("and"), Operation("eq", "1")),
    )


def test_order_and_columns_and_paths() -> None:
    assert parse_order("a,b.desc,c.asc.nullsfirst,d->>k.nullslast,t(x).desc") == [
        OrderTerm(Field("a")),
        OrderTerm(Field("b"), descending=True),
        OrderTerm(Field("c"), descending=False, nulls_first=True),
        OrderTerm(Field("d", (JsonStep("k", True),)), nulls_first=False),
        OrderTerm(Field("x"), descending=True, relation="t"),
    ]
    assert parse_columns('a, "b,c" ,d') == ["a", "b,c", "d"]
    assert parse_path("x.y.data->>k") == (["x", "y"], Field("data", (JsonStep("k", True),)))


@pytest.mark.parametrize("text", ["id,", "(", "a:", "a::", "a::int4; drop", "a b(c", "a(b", ")", "a->", '"a', "a!b"])
def test_broken_selects(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_select(text)


@pytest.mark.parametrize(
    "text", ["eq", "zz.1", "eq(some).1", "in.1", "in.(1", "is.maybe", "is.nullx", "not.1", "neq(any).1"]
)
def test_broken_operations(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_operation(text)


@pytest.mark.parametrize("text", ["", "()", "(a.eq.1", "(a)", "(a.eq.1)x", "a.eq.1", "(xand(a.eq.1))", "(or)"])
def test_broken_logic(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_logic("or", text)


def test_nesting_has_a_bound() -> None:
    def tree(depth: int) -> str:
        return "(and" * depth + "(a.eq.1)" + ")" * depth

    assert parse_logic("or", tree(MAX_DEPTH))
    with pytest.raises(GrammarError):
        parse_logic("or", tree(10_000))
    with pytest.raises(GrammarError):
        parse_select("a(" * 10_000 + ")" * 10_000)


@given(texts)
def test_any_value_of_a_comparison_is_taken_as_it_is(value: str) -> None:
    assert parse_operation(f"eq.{value}") == Operation("eq", value)


@given(st.lists(texts, min_size=1).filter(lambda found: found != [""]))
def test_any_quoted_list_is_read_back(values: list[str]) -> None:
    assert parse_operation(f"in.({','.join(map(quoted, values))})").values == tuple(values)


@given(st.lists(texts, min_size=1))
def test_any_quoted_value_within_logic_is_read_back(values: list[str]) -> None:
    tree = parse_logic("or", "(" + ",".join(f"a.eq.{quoted(value)}" for value in values) + ")")
    assert [item.operation.value for item in tree.conditions if isinstance(item, Filter)] == values


@given(texts)
def test_any_quoted_name_is_read_back(name: str) -> None:
    assert parse_path(quoted(name)) == ([], Field(name))
    assert parse_select(quoted(name)) == [Column(Field(name))]
    assert parse_columns(quoted(name)) == [name]


@given(garbage)
def test_parsers_answer_or_refuse_whatever_they_get(text: str) -> None:
    refusals = []
    for parse in (parse_select, parse_operation, parse_order, parse_columns, parse_path):
        try:
            parse(text)
        except GrammarError as error:
            refusals.append(error.column)
    assert all(1 <= column <= len(text) + 1 for column in refusals)


@given(garbage)
def test_requests_are_read_or_refused_whatever_they_say(text: str) -> None:
    refusals = []
    for read in (parse_query, negotiate, lambda prefer: parse_preferences([prefer], allow_tx_override=True)):
        try:
            read(text)
        except ApiError as error:
            refusals.append(error.status)
    assert set(refusals) <= {400, 406, 501}


@given(texts, texts)
def test_names_and_values_stay_out_of_the_statements_text(name: str, value: str) -> None:
    """Names appear only quoted, with their quotes doubled, and values not at all; each ends at its first NUL."""
    relation, values = Relation("t"), Values()
    field = Field(name, (JsonStep(value, True),))
    written = condition(relation, Filter(field, Operation("eq", value)), values).as_string()
    aliased = select_list(relation, [Column(Field("a"), alias=name)], values).as_string()
    named, (name, value) = bool(name), (text.partition("\0")[0] for text in (name, value))
    identifier = '"' + name.replace('"', '""') + '"'
    column = '"t".*' if name == "*" else f'"t".{identifier}'
    assert written == f"({column}->>$1::text = $2)"
    assert values.items == [value, value]
    ordered = order_by(relation, [OrderTerm(Field(name), True, False)], values).as_string()
    assert ordered == f" order by {column} desc nulls last"
    assert aliased == ('"t"."a" as ' + identifier if named else '"t"."a"')


@given(st.lists(texts))
def test_array_literals_read_back_by_the_rules_of_postgresql(elements: list[str]) -> None:
    inner = array_literal(elements)[1:-1]
    found: list[str] = []
    position = 0
    while position < len(inner):
        assert inner[position] == '"'
        position, text = position + 1, ""
        while inner[position] != '"':
            position += inner[position] == "\\"
            text, position = text + inner[position], position + 1
        found, position = [*found, text], position + 2
    assert found == elements


@pytest.mark.parametrize(
    ("query", "header", "window"),
    [
        ("", None, Window()),
        ("limit=5", None, Window(0, 5)),
        ("limit=5&offset=2", None, Window(2, 5)),
        ("limit=0", "3-4", Window(0, 0)),
        ("offset=-2&limit=2", None, Window(0, 2)),
        ("", "3-4", Window(3, 2)),
        ("", "3-", Window(3, None)),
        ("limit=2", "1-9", Window(1, 1)),
        ("limit=x&offset=y", "z", Window()),
        ("limit=" + "9" * 30, None, Window()),
    ],
)
def test_windows(query: str, header: str | None, window: Window) -> None:
    assert window_of(parse_query(query), header) == window
