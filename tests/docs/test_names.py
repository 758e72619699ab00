"""What the documents name exists: links, files and folders, targets of make, the service's commands."""

import re
import subprocess
from pathlib import Path

import pytest

import service.__main__
from service.config import Settings
from tests.docs.documents import DOCUMENTS, README, ROOT, commands, fences, links, spans

_PATH = re.compile(r"(?:service|supabase|devstack|policies|tests|docs|\.ci)/[\w./*-]*")
#: Named as what is to come, by the documents that say what is planned.
PLANNED = {"service/sync/"}

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def targets() -> set[str]:
    """The targets that `make help` lists."""
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  make (\S+)", said, re.MULTILINE))


def exists(path: str) -> bool:
    """Is there such a file or folder in the project, or one that the pattern fits?"""
    return any(ROOT.glob(path.rstrip("/")))


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    local = [link for link in links(document) if "://" not in link]
    assert [link for link in local if not (document.parent / link.partition("#")[0]).exists()] == []


@each_document
def test_files_that_are_named_exist(document: Path) -> None:
    words = [word for text in (*spans(document), *commands(document)) for word in re.split(r"[\s=]", text)]
    named = {word for word in words if _PATH.fullmatch(word)} - PLANNED
    assert sorted(path for path in named if not exists(path)) == []


def test_the_readmes_tree_is_the_projects() -> None:
    (tree,) = fences(README, "")
    folder = ""
    for line in tree.splitlines():
        name = line.split()[0]
        folder = "" if line[0] != " " else folder
        assert exists(f"{folder}{name}"), f"{folder}{name}"
        folder = folder or name


@each_document
def test_targets_of_make_that_are_named_exist(document: Path) -> None:
    code = " ; ".join((*spans(document), *commands(document)))
    assert set(re.findall(r"\bmake ([a-z]+)", code)) <= targets()


@each_document
def test_commands_of_the_service_that_are_named_exist(document: Path) -> None:
    named = re.findall(r"python -m service ([a-z-]+)", document.read_text())
    assert [name for name in named if f"python -m service {name}" not in (service.__main__.__doc__ or "")] == []


def test_the_readme_names_every_target_of_make() -> None:
    code = " ; ".join((*spans(README), *commands(README)))
    assert targets() - set(re.findall(r"\bmake ([a-z]+)", code)) == set()


def test_the_readme_names_every_setting_and_no_other() -> None:
    settings = {name.upper() for name in Settings.model_fields}
    assert settings - set(spans(README)) == set()
    table = set(re.findall(r"^ *\| `([A-Z_]+)` \|", README.read_text(), re.MULTILINE))
    assert table - settings == set()


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs/adr"
    pages = [page.name for page in sorted(folder.glob("[0-9]*.md"))]
    assert [link for link in links(folder / "README.md") if link[0].isdigit()] == pages
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
