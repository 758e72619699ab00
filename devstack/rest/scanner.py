"""A position in a text, and the small parsers that the grammar is made of.

Source: PostgREST, "Reserved characters", "JSON columns".
"""

import re
from collections.abc import Callable

from devstack.rest.terms import Field, JsonStep

_JSON_INDEX = re.compile(r"(-?\d{1,9})(?=->|::|\.|,|$)", re.ASCII)


class GrammarError(Exception):
    """The text is not in the grammar; `column` (from 1) says where, the message says what was expected."""

    def __init__(self, column: int, details: str) -> None:
        super().__init__(details)
        self.column = column
        self.details = details


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
        return self._dashed(is_name_character, "field name (* or [a..z0..9_$])")

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


def is_name_character(character: str) -> bool:
    """Whether an unquoted name may have the character."""
    return character.isalpha() or character.isdigit() or character in "_ $"
