"""The parts of statements: names, fields, conditions, order, and how the answer's body is built.

Every value of the client is a parameter of unknown type, so that PostgreSQL reads it as what stands beside it;
every name is a quoted identifier. Numbered placeholders (`$1`) go with psycopg's raw cursors.
"""

from collections.abc import Mapping, Sequence

from psycopg.sql import SQL, Composable, Composed, Identifier

from devstack.rest.answers import unsupported
from devstack.rest.request import ARRAY, CSV, OBJECT, Media, Window
from devstack.rest.schema import TableColumn
from devstack.rest.terms import Column, Condition, Field, Filter, Operation, OrderTerm

COMPARISONS = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "like": "like",
    "ilike": "ilike",
    "match": "~",
    "imatch": "~*",
    "cs": "@>",
    "cd": "<@",
    "ov": "&&",
    "sl": "<<",
    "sr": ">>",
    "nxr": "&<",
    "nxl": "&>",
    "adj": "-|-",
    "isdistinct": "is distinct from",
}
TEXT_SEARCH = {
    "fts": "to_tsquery",
    "plfts": "plainto_tsquery",
    "phfts": "phraseto_tsquery",
    "wfts": "websearch_to_tsquery",
}
IS_VALUES = {"null": "null", "not_null": "not null", "true": "true", "false": "false", "unknown": "unknown"}
JSON_TYPES = ("json", "jsonb")
#: Types that full-text search turns into a tsvector first.
TEXT_TYPES = ("text", "character varying", "character", "json", "jsonb")


class Values:
    """The parameters of a statement, in the order of their numbers."""

    def __init__(self) -> None:
        self.items: list[str] = []

    def add(self, value: str) -> SQL:
        """The placeholder for a value.

        It ends at a NUL, where PostgREST's ends: it sends text to libpq, which knows no other end of a text.
        """
        return self.add_whole(until_nul(value))

    def add_whole(self, value: str) -> SQL:
        """The placeholder for a value that PostgREST sends in binary form: PostgreSQL refuses a NUL in it."""
        self.items.append(value)
        return SQL(f"${len(self.items)}")


def until_nul(text: str) -> str:
    """A text up to its first NUL. Source: PostgREST, trimNullChars."""
    return text.partition("\0")[0]


def joined(parts: Sequence[Composable], separator: str = ", ") -> Composed:
    """Parts with a separator between them."""
    return SQL(separator).join(parts)


class Relation:
    """What the columns of a statement belong to: its name as SQL, and its columns' types where they are known."""

    def __init__(self, *name: str, columns: Mapping[str, TableColumn] | None = None) -> None:
        self.name = Identifier(*name)
        self._parts = name
        self._columns = columns or {}

    def column(self, name: str) -> Composable:
        """A column; `*` is all of them."""
        if name == "*":
            return SQL("{}.*").format(self.name)
        return Identifier(*self._parts, until_nul(name))

    def type_of(self, name: str) -> str:
        """The type of a column; empty if it is not known."""
        column = self._columns.get(name)
        return column.type if column else ""

    def field(self, field: Field, values: Values) -> Composable:
        """A column with its JSON path; one that is not JSON is turned into it first, if there is a path."""
        parts: list[Composable] = [self.column(field.name)]
        if field.path and self.type_of(field.name) not in ("", *JSON_TYPES):
            parts = [SQL("to_jsonb({})").format(parts[0])]
        for step in field.path:
            kind = SQL("::int") if isinstance(step.key, int) else SQL("::text")
            parts += [SQL("->>") if step.as_text else SQL("->"), values.add(str(step.key)), kind]
        return Composed(parts)


def array_literal(elements: Sequence[str]) -> str:
    """PostgreSQL's text form of an array of strings. Source: PostgreSQL, "Array Input and Output Syntax"."""
    quoted = ('"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"' for element in elements)
    return "{" + ",".join(quoted) + "}"


def condition(relation: Relation, item: Condition, values: Values) -> Composable:
    """A filter or a logic tree as a boolean expression."""
    if isinstance(item, Filter):
        inner = _filter(relation, item, values)
        negated = item.operation.negated
    else:
        inner = joined([condition(relation, child, values) for child in item.conditions], f" {item.operator} ")
        negated = item.negated
    return SQL("not ({})").format(inner) if negated else SQL("({})").format(inner)


def _filter(relation: Relation, item: Filter, values: Values) -> Composable:
    operation = item.operation
    field = relation.field(item.field, values)
    if operation.operator in TEXT_SEARCH:
        return _text_search(relation, item, field, values)
    if operation.operator == "is":
        return SQL("{} is {}").format(field, SQL(IS_VALUES[operation.value]))
    if operation.operator == "in":
        elements = array_literal([until_nul(value) for value in operation.values])
        return SQL("{} = any({})").format(field, values.add(elements))
    operand: Composable = values.add(_operand(operation))
    if operation.modifier:
        operand = SQL("{}({})").format(SQL(operation.modifier), operand)
    return SQL("{} {} {}").format(field, SQL(COMPARISONS[operation.operator]), operand)


def _operand(operation: Operation) -> str:
    return operation.value.replace("*", "%") if operation.operator in ("like", "ilike") else operation.value


def _text_search(relation: Relation, item: Filter, field: Composable, values: Values) -> Composable:
    operation = item.operation
    language = [values.add(operation.modifier)] if operation.modifier is not None else []
    type_ = relation.type_of(item.field.name).partition("(")[0]
    if item.field.path or type_ in TEXT_TYPES:
        field = SQL("to_tsvector({})").format(joined([*language, field]))
    query = joined([*language, values.add(operation.value)])
    return SQL("{} @@ {}({})").format(field, SQL(TEXT_SEARCH[operation.operator]), query)


def fields_of(conditions: Sequence[Condition]) -> set[str]:
    """The columns that conditions are about, those within logic trees too."""
    names: set[str] = set()
    for item in conditions:
        names |= {item.field.name} if isinstance(item, Filter) else fields_of(item.conditions)
    return names


def where(relation: Relation, conditions: Sequence[Condition], values: Values) -> Composable:
    """The where clause; empty without conditions."""
    if not conditions:
        return SQL("")
    return SQL(" where ") + joined([condition(relation, item, values) for item in conditions], " and ")


def select_list(relation: Relation, columns: Sequence[Column], values: Values) -> Composable:
    """The select list, with aliases and casts; an empty one is that of all columns.

    Without an alias a JSON path is named by its last key.
    """
    return joined([_select_item(relation, column, values) for column in columns or (Column(Field("*")),)])


def _select_item(relation: Relation, column: Column, values: Values) -> Composable:
    item = relation.field(column.field, values)
    if column.cast:  # letters, digits, `_`, `$` and spaces: the grammar took nothing else
        item = SQL("cast({} as {})").format(item, SQL(column.cast))
    name = column.alias or _implied_name(column)
    return SQL("{} as {}").format(item, Identifier(until_nul(name))) if name else item


def _implied_name(column: Column) -> str | None:
    keys = [step.key for step in column.field.path if isinstance(step.key, str)]
    if keys:
        return keys[-1]
    return column.field.name if column.field.path or column.cast else None


def order_by(relation: Relation, terms: Sequence[OrderTerm], values: Values) -> Composable:
    """The order by clause; empty without terms. Raises 501 for the columns of an embedded resource."""
    if not terms:
        return SQL("")
    return SQL(" order by ") + joined([_order_term(relation, term, values) for term in terms])


def _order_term(relation: Relation, term: OrderTerm, values: Values) -> Composable:
    if term.relation is not None:
        raise unsupported(f"ordering by the embedded resource '{term.relation}'")
    direction = {None: "", False: " asc", True: " desc"}[term.descending]
    nulls = {None: "", True: " nulls first", False: " nulls last"}[term.nulls_first]
    return relation.field(term.field, values) + SQL(direction + nulls)


def limited(window: Window) -> Composable:
    """The limit and offset clauses; the numbers are our own, not the client's text."""
    limit = "" if window.limit is None else f" limit {window.limit}"
    return SQL(limit + (f" offset {window.offset}" if window.offset else ""))


def body(media: Media, *, scalar: bool = False, single: bool = False) -> Composable:
    """How PostgreSQL builds the answer's body from the rows of `pgrst_page`.

    `scalar`: the rows have one column, `pgrst_scalar`, whose value is meant; `single`: there is one row, no list.
    """
    if media.kind == CSV:
        return SQL(_CSV_BODY)
    value: Composable = SQL("json_agg(pgrst_page.pgrst_scalar)" if scalar else "json_agg(pgrst_page)")
    if media.nulls_stripped and media.kind in (OBJECT, ARRAY):
        value = SQL("json_strip_nulls({})").format(value)
    if single or media.kind == OBJECT:
        return SQL("coalesce(({}->0)::text, 'null')").format(value)
    return SQL("coalesce({}::text, '[]')").format(value)


_CSV_BODY = """(
  select coalesce(string_agg(keys.name, ','), '')
  from (
    select json_object_keys(row_to_json(first)) as name
    from (select * from pgrst_page limit 1) as first
  ) as keys
) || E'\\n' || coalesce(string_agg(substring(pgrst_page::text, 2, length(pgrst_page::text) - 2), E'\\n'), '')"""
