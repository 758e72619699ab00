"""docs/event-types.md is what the command writes, and has every type."""

import subprocess
import sys

from service.pagerduty.events import V3_TYPES
from tests.docs.documents import README, ROOT, links, spans

PAGE = ROOT / "docs/event-types.md"


def test_the_page_is_what_its_command_writes() -> None:
    command = next(span for span in spans(PAGE) if span.startswith("python -m "))
    module, _, target = command.removeprefix("python -m ").partition(" > ")
    assert target == "docs/event-types.md"
    written = subprocess.run([sys.executable, "-m", module], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    assert PAGE.read_text() == written, f"run `{command}`"


def test_each_type_has_a_line() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in lines] == list(dict.fromkeys(line.split("`")[1] for line in lines))
    assert {line.split("`")[1] for line in lines} == V3_TYPES
    assert len(lines) == 30


def test_the_readme_leads_to_it() -> None:
    assert "docs/event-types.md" in links(README)
