"""What the documents name: links, files, commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
README = ROOT / "README.md"

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_COMMENT = re.compile(r"\s+# .*$")


def fences(document: Path, language: str) -> list[str]:
    """The fenced blocks of a language ("" for those without one)."""
    return [text for found, text in _FENCE.findall(document.read_text()) if found == language]


def spans(document: Path) -> list[str]:
    """What stands between backticks in the text."""
    return _SPAN.findall(_FENCE.sub("", document.read_text()))


def links(document: Path) -> list[str]:
    """The targets of links and pictures."""
    return _LINK.findall(_FENCE.sub("", document.read_text()))


def commands(document: Path) -> Iterator[str]:
    """The shell commands of its bash blocks, without comments. A command goes on until its quotes are closed."""
    for block in fences(document, "bash"):
        command = ""
        for line in block.splitlines():
            command += line if command else line.strip()
            try:
                shlex.split(command, comments=True)
            except ValueError:
                command += "\n"
                continue
            yield _COMMENT.sub("", command)
            command = ""
        assert not command, f"{document.name}: a quote is not closed in {block}"
