"""Static files and the vendored libraries."""

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptobot.dashboard.assets import FOLDER, Assets

MANIFEST = json.loads((FOLDER / "vendor" / "manifest.json").read_text())
VENDORED = [
    (f"{library['name']}-{library['version']}", name, digest)
    for library in MANIFEST["libraries"]
    for name, digest in library["files"].items()
]


def ask(
    assets: Assets, path: str, accept: bytes = b"gzip", method: str = "GET"
) -> tuple[int, dict[bytes, bytes], bytes]:
    """One request to the static files."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"path": path, "method": method, "headers": [(b"accept-encoding", accept)]}
    asyncio.run(assets(scope, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize(("folder", "name", "digest"), VENDORED)
def test_vendored_files_are_what_the_manifest_says(folder: str, name: str, digest: str) -> None:
    """Nobody changed a library's file."""
    data = (FOLDER / "vendor" / folder / name).read_bytes()

    assert digest == "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode()


def test_every_vendored_file_is_in_the_manifest() -> None:
    """No library slips in without version and licence."""
    listed = {f"{folder}/{name}" for folder, name, _ in VENDORED} | {"manifest.json"}
    held = {
        path.relative_to(FOLDER / "vendor").as_posix()
        for path in (FOLDER / "vendor").rglob("*")
        if path.is_file()
    }

    assert held == listed
    assert all((FOLDER / "vendor" / folder / "LICENSE").exists() for folder, _, _ in VENDORED)


def test_a_file_is_kept_for_ever_under_its_hash_and_never_under_another() -> None:
    """The address changes with the content, so a browser need not ask again."""
    assets = Assets()

    current = ask(assets, assets.url("css/base.css"))[1][b"cache-control"]
    old = ask(assets, "/static/000000000000/css/base.css")[1][b"cache-control"]

    assert b"immutable" in current
    assert old == b"no-cache"


def test_text_is_sent_compressed_to_browsers_that_take_it() -> None:
    """gzip where accepted, plain elsewhere, and the same content."""
    import gzip

    assets = Assets()
    _, headers, packed = ask(assets, assets.url("js/live.js"))
    _, plain_headers, plain = ask(assets, assets.url("js/live.js"), accept=b"identity")

    assert headers[b"content-encoding"] == b"gzip"
    assert b"content-encoding" not in plain_headers
    assert gzip.decompress(packed) == plain


@pytest.mark.parametrize(
    "path", ["/static/x/../app.py", "/static/x/..%2fapp.py", "/static/x/", "/static/x//etc/passwd"]
)
def test_nothing_outside_the_folder_is_served(path: str) -> None:
    """Only names that were read at start exist."""
    assert ask(Assets(), path)[0] == 404


def test_the_first_page_with_all_it_loads_is_small() -> None:
    """Everything in the static folder together is below the bar of 300 KB, on the wire."""
    assets = Assets()

    assert sum(assets.size(name) for name in assets.names() if not name.endswith("LICENSE")) < 300_000


def test_the_version_changes_when_a_file_changes(tmp_path: Path) -> None:
    """One changed byte gives all files new addresses."""
    (tmp_path / "a.css").write_text("a")
    before = Assets(tmp_path).version
    (tmp_path / "a.css").write_text("b")

    assert Assets(tmp_path).version != before


def test_a_page_names_every_module_that_its_script_reaches():
    """Also those that are imported by what it imports; each exists, and each is named once."""
    assets = Assets()
    for name in assets.names():
        if name.startswith("js/pages/"):
            found = assets.modules(name)
            assert found[0] == name
            assert len(found) == len(set(found))
            assert set(found) <= set(assets.names())
    assert {"js/why.js", "js/fetched.js", "js/view.js"} <= set(assets.modules("js/pages/overview.js"))
