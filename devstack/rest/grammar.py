"""The grammar of PostgREST's query strings: select lists, filters, logic trees, order.

Source: PostgREST, "Tables and Views" (horizontal and vertical filtering, operators, logical operators, ordering,
reserved characters). Every parser takes a string and raises GrammarError; none of them knows the database.
"""

import re
from collections.abc import Callable

from devstack.rest.scanner import GrammarError, Scanner, is_name_character
from devstack.rest.terms import (
    Aggregate,
    Column,
    Condition,
    Embedding,
    Field,
    Filter,
    Logic,
    Operation,
    OrderTerm,
    SelectItem,
)

#: How deep logic trees and select lists may nest; a bound of ours, against a stack overflow.
MAX_DEPTH = 64

SIMPLE_OPERATORS = frozenset(("neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj", "isdistinct"))
QUANTIFIABLE_OPERATORS = frozenset(("eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch"))
FTS_OPERATORS = frozenset(("fts", "plfts", "phfts", "wfts"))

_OPERATOR = re.compile(r"([a-z]+)(?:\(([\w $]*)\))?\.")
_IS_VALUE = re.compile(r"(not_null|null|true|false|unknown)(?=$|[,)])", re.IGNORECASE)
_CAST = re.compile(r"[A-Za-z_$][A-Za-z0-9_ $]*", re.ASCII)
_AGGREGATE = re.compile(r"\.(sum|avg|count|max|min)\(\)")


def parse_select(text: str) -> list[SelectItem]:
    """A select list, as in `id,t:title,score::text,data->a->>b`."""
    scanner = Scanner(text)
    items = _select_items(scanner, 0)
    scanner.end()
    return items


def _select_items(scanner: Scanner, depth: int) -> list[SelectItem]:
    if depth > MAX_DEPTH:
        raise scanner.failure("less nesting")
    scanner.spaces()
    if scanner.at_end() or (depth and scanner.sees(")")):
        return []
    items = [_select_item(scanner, depth)]
    while scanner.take(","):
        items.append(_select_item(scanner, depth))
    return items


def _select_item(scanner: Scanner, depth: int) -> SelectItem:
    scanner.spaces()
    if scanner.take("..."):
        return _embedding(scanner, scanner.field_name(), depth)
    if scanner.take("*"):
        _end_of_item(scanner)
        return Column(Field("*"))
    if not (scanner.sees('"') or (not scanner.at_end() and (is_name_character(scanner.text[scanner.position])))):
        raise scanner.failure('"...", field name (* or [a..z0..9_$]), "*" or "count()"')
    alias, name = None, scanner.field_name()
    if scanner.sees(":") and not scanner.sees("::"):
        scanner.take(":")
        alias, name = name, scanner.field_name()
    if name == "count" and scanner.take("()"):
        _cast(scanner)
        _end_of_item(scanner)
        return Aggregate()
    if scanner.sees("(") or scanner.sees("!"):
        return _embedding(scanner, name, depth)
    return _column(scanner, name, alias)


def _column(scanner: Scanner, name: str, alias: str | None) -> SelectItem:
    field = Field(name, scanner.json_path())
    scanner.spaces()
    cast = _cast(scanner)
    if scanner.match(_AGGREGATE):
        _cast(scanner)
        _end_of_item(scanner)
        return Aggregate()
    _end_of_item(scanner)
    return Column(field, alias, cast)


def _cast(scanner: Scanner) -> str | None:
    """A type's name after `::`. It goes unquoted into the statement: letters, digits, `_`, `$` and spaces only."""
    if not scanner.take("::"):
        return None
    found = scanner.match(_CAST)
    if not found:
        raise scanner.failure("a type name")
    return found[0].strip()


def _embedding(scanner: Scanner, name: str, depth: int) -> Embedding:
    while scanner.take("!"):
        scanner.field_name()
    scanner.expect("(")
    _select_items(scanner, depth + 1)
    scanner.expect(")")
    _end_of_item(scanner)
    return Embedding(name)


def _end_of_item(scanner: Scanner) -> None:
    scanner.spaces()
    if not (scanner.at_end() or scanner.sees(",") or scanner.sees(")")):
        raise scanner.failure('")", "," or end of input')


def parse_operation(text: str) -> Operation:
    """A filter's value, as in `eq.1`, `not.in.(1,2)` or `like(any).{a*,b*}`."""
    scanner = Scanner(text)
    operation = _operation(scanner, lambda s: s.take_while(lambda _: True))
    scanner.end()
    return operation


def _operation(scanner: Scanner, value: Callable[[Scanner], str]) -> Operation:
    negated = scanner.take("not.")
    start = scanner.position
    found = scanner.match(_OPERATOR)
    name, modifier = (found[1], found[2]) if found else ("", None)
    if name == "in" and modifier is None:
        return Operation("in", values=_list(scanner), negated=negated)
    if name == "is" and modifier is None:
        wanted = scanner.match(_IS_VALUE)
        if not wanted:
            raise scanner.failure("isVal: (null, not_null, true, false, unknown)")
        return Operation("is", wanted[1].lower(), negated=negated)
    if (
        name in FTS_OPERATORS
        or (name in SIMPLE_OPERATORS and modifier is None)
        or (name in QUANTIFIABLE_OPERATORS and modifier in (None, "any", "all"))
    ):
        return Operation(name, value(scanner), negated=negated, modifier=modifier)
    scanner.position = start
    raise scanner.failure('"not" or operator (eq, gt, ...)')


def _list(scanner: Scanner) -> tuple[str, ...]:
    """`(a,"b,c")`. The empty list and the list of one empty string are written alike and mean the empty list."""
    scanner.spaces()
    scanner.expect("(")
    scanner.spaces()
    elements = [_list_element(scanner)]
    while scanner.take(","):
        elements.append(_list_element(scanner))
    scanner.expect(")")
    scanner.spaces()
    return () if elements == [""] else tuple(elements)


def _list_element(scanner: Scanner) -> str:
    start = scanner.position
    if scanner.sees('"'):
        try:
            text = scanner.quoted()
        except GrammarError:
            text = ""
            scanner.position = start
        if scanner.position > start and (scanner.at_end() or scanner.sees(",") or scanner.sees(")")):
            return text
        scanner.position = start
    return scanner.take_while(lambda c: c not in ",)")


def _logic_value(scanner: Scanner) -> str:
    """A value within a logic tree: quoted, an array literal, or anything up to a comma or parenthesis."""
    if scanner.sees("{"):
        end = next((i for i in range(scanner.position + 1, len(scanner.text)) if scanner.text[i] in "{}"), None)
        if end is not None and scanner.text[end] == "}":
            start, scanner.position = scanner.position, end + 1
            return scanner.text[start : end + 1]
    return _list_element(scanner)


def parse_logic(operator: str, text: str, *, negated: bool = False) -> Logic:
    """The value of `and`, `or`, `not.and` or `not.or`, as in `(id.eq.1,not.and(a.is.null,b.gt.2))`."""
    scanner = Scanner(text)
    conditions = _conditions(scanner, 0)
    scanner.end()
    return Logic("and" if operator == "and" else "or", conditions, negated)


def _conditions(scanner: Scanner, depth: int) -> tuple[Condition, ...]:
    if depth > MAX_DEPTH:
        raise scanner.failure("less nesting")
    scanner.spaces()
    scanner.expect("(")
    scanner.spaces()
    conditions = [_condition(scanner, depth)]
    scanner.spaces()
    while scanner.take(","):
        scanner.spaces()
        conditions.append(_condition(scanner, depth))
        scanner.spaces()
    scanner.expect(")")
    scanner.spaces()
    return tuple(conditions)


def _condition(scanner: Scanner, depth: int) -> Condition:
    start = scanner.position
    try:
        field = scanner.field()
        scanner.expect(".")
        return Filter(field, _operation(scanner, _logic_value))
    except GrammarError as error:
        scanner.position = start
        negated = scanner.take("not.")
        for operator in ("and", "or"):
            if scanner.take(operator):
                return Logic(operator, _conditions(scanner, depth + 1), negated)
        raise error


def parse_order(text: str) -> list[OrderTerm]:
    """The value of `order`, as in `score.desc.nullslast,id`."""
    scanner = Scanner(text)
    terms = [_order_term(scanner)]
    while scanner.take(","):
        terms.append(_order_term(scanner))
    scanner.end()
    return terms


def _order_term(scanner: Scanner) -> OrderTerm:
    field, relation = scanner.field(), None
    if not field.path and scanner.take("("):
        relation, field = field.name, scanner.field()
        scanner.expect(")")
    descending: bool | None = None
    nulls_first: bool | None = None
    if scanner.take(".asc"):
        descending = False
    elif scanner.take(".desc"):
        descending = True
    if scanner.take(".nullsfirst"):
        nulls_first = True
    elif scanner.take(".nullslast"):
        nulls_first = False
    scanner.spaces()
    if not (scanner.at_end() or scanner.sees(",")):
        scanner.take(".")
        raise scanner.failure('"asc", "desc", "nullsfirst" or "nullslast"')
    return OrderTerm(field, descending, nulls_first, relation)


def parse_columns(text: str) -> list[str]:
    """The value of `columns` or `on_conflict`: names, separated by commas."""
    scanner = Scanner(text)
    scanner.spaces()
    names = [scanner.field_name()]
    scanner.spaces()
    while scanner.take(","):
        scanner.spaces()
        names.append(scanner.field_name())
        scanner.spaces()
    scanner.end()
    return names


def parse_path(text: str) -> tuple[list[str], Field]:
    """A parameter's name, as in `data->>k` or `embedded.column`: the embedding path and the field."""
    scanner = Scanner(text)
    names = [scanner.field_name()]
    while scanner.take("."):
        names.append(scanner.field_name())
    path = scanner.json_path()
    scanner.end()
    return names[:-1], Field(names[-1], path)
