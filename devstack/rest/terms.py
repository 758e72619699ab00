"""What a query string says once it is parsed: fields, filters, logic trees, select lists, order."""

from dataclasses import dataclass
from typing import Literal


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
