"""The grammar of PostgREST's query strings: select lists, filters, logic trees, order.

Source: PostgREST, "Tables and Views" (horizontal and vertical filtering, operators, logical operators, ordering,
reserved characters). Every parser takes a string and raises GrammarError; none of them knows the database.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

#: How deep logic trees and select lists may nest; a bound of ours, against a stack overflow.
MAX_DEPTH = 64

SIMPLE_OPERATORS = frozenset(("neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj", "isdistinct"))
QUANTIFIABLE_OPERATORS = frozenset(("eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch"))
FTS_OPERATORS = frozenset(("fts", "plfts", "phfts", "wfts"))

_OPERATOR = re.compile(r"([a-z]+)(?:\(([\w $]*)\))?\.")
_IS_VALUE = re.compile(r"(not_null|null|true|false|unknown)(?=$|[,)])", re.IGNORECASE)
_JSON_INDEX = re.compile(r"(-?\d{1,9})(?=->|::|\.|,|$)", re.ASCII)
_CAST = re.compile(r"[A-Za-z_$][A-Za-z0-9_ $]*", re.ASCII)
_AGGREGATE = re.compile(r"\.(sum|avg|count|max|min)\(\)")


class GrammarError(Exception):
    """The text is not in the grammar; `column` (from 1) says where, the message says what was expected."""

    def __init__(self, column: int, details: str) -> None:
        super().__init__(details)
        self.column = column
        self.details = details


@dataclass(frozen=True)
class JsonStep:
    """One `->key` or `->>key`; an integer is an array index."""

    key: str | int
    as_text: bool


@dataclass(frozen=True)
class Field:
    """A column and, within a JSON one, a path."""

    name: str
    path: tuple[JsonStep, ...] = ()


@dataclass(frozen=True)
class Operation:
    """What is asked of a field: an operator with its value, possibly negated.

    `modifier` is `any`/`all` for the comparisons and the language for full-text search; `values` is for `in`.
    """

    operator: str
    value: str = ""
    values: tuple[str, ...] = ()
    negated: bool = False
    modifier: str | None = None


@dataclass(frozen=True)
class Filter:
    """A field and what is asked of it."""

    field: Field
    operation: Operation


@dataclass(frozen=True)
class Logic:
    """`and(...)` or `or(...)` over conditions."""

    operator: Literal["and", "or"]
    conditions: "tuple[Condition, ...]"
    negated: bool = False


Condition = Filter | Logic


@dataclass(frozen=True)
class Column:
    """An item of a select list; the name `*` stands for all columns."""

    field: Field
    alias: str | None = None
    cast: str | None = None


@dataclass(frozen=True)
class Aggregate:
    """`count()` or `column.sum()`: understood, and refused later as PostgREST does by default."""


@dataclass(frozen=True)
class Embedding:
    """`relation(columns)`: understood, so that it can be named in the refusal."""

    relation: str


SelectItem = Column | Aggregate | Embedding


@dataclass(frozen=True)
class OrderTerm:
    """A field to order by; `relation` is set where it is a column of an embedded resource."""

    field: Field
    descending: bool | None = None
    nulls_first: bool | None = None
    relation: str | None = None


class Scanner:
    """A position in a text, with the small parsers that all others are made of."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def failure(self, expecting: str) -> GrammarError:
        """What to raise for the current position."""
        found = f'"{self.text[self.position]}"' if self.position < len(self.text) else "end of input"
        return GrammarError(self.position + 1, f"unexpected {found} expecting {expecting}")

    def sees(self, literal: str) -> bool:
        """Whether the literal comes next."""
        return self.text.startswith(literal, self.position)

    def take(self, literal: str) -> bool:
        """Takes the literal if it comes next."""
        if not self.sees(literal):
            return False
        self.position += len(literal)
        return True

    def expect(self, literal: str) -> None:
        """Takes the literal or fails."""
        if not self.take(literal):
            raise self.failure(f'"{literal}"')

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Takes what the pattern matches here, if anything."""
        found = pattern.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found

    def take_while(self, accepts: Callable[[str], bool]) -> str:
        """Takes characters as long as they are accepted."""
        start = self.position
        while self.position < len(self.text) and accepts(self.text[self.position]):
            self.position += 1
        return self.text[start : self.position]

    def spaces(self) -> None:
        """Takes spaces and tabs."""
        self.take_while(" \t".__contains__)

    def at_end(self) -> bool:
        """Whether everything was taken."""
        return self.position >= len(self.text)

    def end(self) -> None:
        """Fails unless everything was taken."""
        if not self.at_end():
            raise self.failure("end of input")

    def quoted(self) -> str:
        """A double-quoted string, in which a backslash makes the next character literal."""
        self.expect('"')
        characters = []
        while not self.take('"'):
            self.take("\\")
            if self.at_end():
                raise self.failure('"\\""')
            characters.append(self.text[self.position])
            self.position += 1
        return "".join(characters)

    def _dashed(self, accepts: Callable[[str], bool], expecting: str) -> str:
        """A name in which a dash counts unless it begins an arrow."""
        start = self.position
        while True:
            self.take_while(accepts)
            if not (self.sees("-") and not self.sees("->")):
                break
            self.position += 1
        if self.position == start:
            raise self.failure(expecting)
        return self.text[start : self.position].strip()

    def field_name(self) -> str:
        """A column's or a relation's name: quoted, or letters, digits, `_`, `$`, spaces and dashes."""
        if self.sees('"'):
            return self.quoted()
        return self._dashed(_is_name_character, "field name (* or [a..z0..9_$])")

    def json_path(self) -> tuple[JsonStep, ...]:
        """`->a->0->>b`, possibly empty."""
        steps = []
        while self.sees("->"):
            as_text = self.take("->>") or not self.take("->")
            index = self.match(_JSON_INDEX)
            if index:
                steps.append(JsonStep(int(index[1]), as_text))
            elif self.sees('"'):
                steps.append(JsonStep(self.quoted(), as_text))
            else:
                expecting = "any non reserved character different from: .,>()"
                steps.append(JsonStep(self._dashed(lambda c: c not in "(-:.,>)", expecting), as_text))
        return tuple(steps)

    def field(self) -> Field:
        """A column with an optional JSON path."""
        self.spaces()
        name = self.field_name()
        path = self.json_path()
        self.spaces()
        return Field(name, path)


def _is_name_character(character: str) -> bool:
    return character.isalpha() or character.isdigit() or character in "_ $"


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
    if not (scanner.sees('"') or (not scanner.at_end() and (_is_name_character(scanner.text[scanner.position])))):
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
