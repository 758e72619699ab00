"""What esbuild makes of the pages' sources, and what the service makes of that."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.stack import ROOT, Stack
from service.web.assets import Assets, MissingBuild
from tests.api.service_processes import wait_for

WEB = ROOT / "service" / "web"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the pages' sources that may be changed."""
    shutil.copytree(WEB / "src", tmp_path / "src")
    for name in ("build.mjs", "package.json"):
        shutil.copy(WEB / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    return tmp_path


def stylesheet(sources: Path) -> Callable[[], Any]:
    """Answers which file has the style of the API's page, and nothing before there is one."""
    manifest = sources / "dist" / "manifest.json"
    return lambda: manifest.exists() and json.loads(manifest.read_text())["css/docs.css"]["file"]


def test_it_is_built_again_when_a_source_changes_until_it_is_stopped(sources: Path) -> None:
    changed = sources / "src" / "css" / "docs.css"
    with subprocess.Popen(["node", str(sources / "build.mjs"), "--watch"], stdin=subprocess.DEVNULL) as watching:
        try:
            before = wait_for(stylesheet(sources), 30, "the first bundle")
            changed.write_text(changed.read_text() + "\nbody { color: teal }\n")
            wait_for(lambda: stylesheet(sources)() != before, 30, "a bundle of what was changed")
            assert "teal" in (sources / "dist" / stylesheet(sources)()).read_text()
        finally:
            watching.terminate()
    assert watching.returncode != 0


def test_what_cannot_be_bundled_fails_and_leaves_what_was_there(sources: Path) -> None:
    build = ["node", str(sources / "build.mjs")]
    subprocess.run(build, check=True)
    before = stylesheet(sources)()
    (sources / "src" / "core" / "app.js").write_text("import './no-such-file.js';\n")
    failed = subprocess.run(build, capture_output=True, text=True)
    assert failed.returncode != 0
    assert "no-such-file" in failed.stderr
    assert stylesheet(sources)() == before


def test_builds_at_the_same_moment_do_not_disturb_one_another(sources: Path) -> None:
    builds = [subprocess.Popen(["node", str(sources / "build.mjs")]) for _ in range(6)]
    assert [build.wait() for build in builds] == [0] * 6
    assert (sources / "dist" / stylesheet(sources)()).is_file()
    assert not list((sources / "dist").glob("*.new"))


def test_a_missing_bundle_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingBuild, match="make build"):
        Assets(tmp_path).url("core/app.js")


def test_only_the_bundle_is_served(stack: Stack) -> None:
    for name in ("manifest.json", "..%2fassets.py", "../assets.py", "no-such-file.js", "css/app.css"):
        assert httpx.get(f"{stack.service_url}/static/{name}").status_code == 404, name
