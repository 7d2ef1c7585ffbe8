"""The scripts that put the compiled program together, without compiling anything."""

import configparser
import importlib
import io
import lzma
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

BINARY = Path(__file__).resolve().parents[3] / "build" / "binary"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import one of the scripts, as they import each other."""
    monkeypatch.syspath_prepend(str(BINARY))
    for path in BINARY.glob("*.py"):
        monkeypatch.setitem(sys.modules, path.stem, ModuleType(path.stem))
        del sys.modules[path.stem]  # and out again afterwards
    return importlib.import_module


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with requirements of every kind."""
    path = tmp_path / "thing-1.0-py3-none-any.whl"
    lines = (
        "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\nRequires-Dist: ccxt>=4\n"
        'Requires-Dist: uvloop>=0.19; sys_platform != "win32"\n'
        "Requires-Dist: SciPy>=1.11; extra == 'portfolio'\n"
        'Requires-Dist: psycopg[binary]>=3; extra == "postgresql"\n'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing-1.0.dist-info/METADATA", lines)
    return path


def test_requirements_are_told_apart_by_extra(script: Any, wheel: Path) -> None:
    """What everyone needs, what an extra adds, and ccxt, which is a part of its own."""
    needs = script("needs")
    assert needs.requirements(wheel) == ["ccxt>=4", 'uvloop>=0.19; sys_platform != "win32"']
    assert needs.needs(wheel, "ccxt") == ["ccxt>=4"]
    assert needs.needs(wheel, "portfolio", "postgresql") == ["SciPy>=1.11", "psycopg[binary]>=3"]
    assert needs.name_of("psycopg[binary]>=3") == "psycopg"


FILES = {
    "pack/__init__.py": "from .deep import VALUE\n",
    "pack/deep.py": "VALUE = 7\n",
    "pack/deep.c": "int x;\n",
    "pack/data.json": "{}",
    "pack/tests/test_it.py": "x\n",
    "bin/tool.py": "x\n",
}


def stripped(script: Any, folder: Path) -> dict[str, bytes]:
    """What is left of those files, by their names."""
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    script("parts").strip(folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def test_the_part_with_ccxt_keeps_bytecode_and_no_sources(script: Any, tmp_path: Path) -> None:
    """Tests, headers and sources go; what is left can be imported, and twice gives the same bytes."""
    made = [stripped(script, tmp_path / name / "ccxt") for name in ("one", "two")]
    assert sorted(made[0]) == ["pack/__init__.pyc", "pack/data.json", "pack/deep.pyc"]
    assert made[0] == made[1]
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'one' / 'ccxt')!r}); import pack; print(pack.VALUE)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


def test_other_parts_keep_their_sources(script: Any, tmp_path: Path) -> None:
    """Some packages list their own files; bytecode lies beside, where Python looks for it."""
    names = set(stripped(script, tmp_path / "extras"))
    assert {"pack/__init__.py", "pack/deep.py", "pack/data.json"} <= names
    assert sum(name.startswith("pack/__pycache__/") for name in names) == 2
    assert len(names) == 5


def test_what_a_program_holds_is_read_from_its_list(script: Any, tmp_path: Path) -> None:
    """All but the part that is to be replaced, by normalized names; another folder is refused."""
    parts = script("parts")
    (tmp_path / parts.LIST).write_text("Flask 3.1\nccxt 4.5 ccxt\nruamel.yaml 0.18\nscipy 1.17 extras\n")
    assert parts.held_by(tmp_path, "ccxt") == {"flask", "ruamel-yaml", "scipy"}
    with pytest.raises(SystemExit, match="no folder of a compiled"):
        parts.held_by(tmp_path / "elsewhere", "ccxt")


def test_the_archive_of_the_single_file_is_what_the_starter_reads(script: Any, tmp_path: Path) -> None:
    """Kind, mode, length and name of each entry, little-endian, then the content; last the end."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"abc")
    (tmp_path / "sub" / "file").chmod(0o755)
    (tmp_path / "zlink").symlink_to("sub/file")
    stream = io.BytesIO(lzma.decompress(script("onefile").pack(tmp_path, preset=0)))
    found = []
    while True:
        kind, mode, length, name = struct.unpack("<cIQH", stream.read(15))
        found.append((kind, mode, stream.read(name), stream.read(length)))
        if kind == b"e":
            break
    assert found == [
        (b"f", 0o755, b"sub/file", b"abc"),
        (b"l", 0, b"zlink", b"sub/file"),
        (b"e", 0, b"", b""),
    ]
    assert stream.read() == b""


@pytest.mark.parametrize(("asked", "compiled"), [("1", True), ("0", False)])
def test_at_most_our_own_code_becomes_c(
    asked: str, compiled: bool, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Third-party code stays bytecode; ours too unless asked, but for what looks for Nuitka's marks."""
    base = SimpleNamespace(NuitkaPluginBase=object)
    monkeypatch.setitem(sys.modules, "nuitka", ModuleType("nuitka"))
    monkeypatch.setitem(sys.modules, "nuitka.plugins", ModuleType("nuitka.plugins"))
    monkeypatch.setitem(sys.modules, "nuitka.plugins.PluginBase", base)
    monkeypatch.setenv("CRYPTOBOT_BINARY_COMPILE", asked)
    decide = script("bytecode_plugin").NuitkaPluginThirdPartyAsBytecode().decideCompilation
    assert [decide(name) for name in ("flask.app", "cryptobotany", "asyncio")] == ["bytecode"] * 3
    assert (decide("cryptobot.bus.aio") is None) == compiled
    for name in ("entry", "cryptobot.configs.frozen", "multiprocessing-preLoad", "__parents_main__"):
        assert decide(name) is None


def test_the_compiled_program_answers_what_it_is_started_for(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """multiprocessing starts it with -c to clear up after its children; all else is the command line."""
    entry = script("entry")
    asked: list[object] = []
    monkeypatch.setattr("multiprocessing.resource_tracker.main", asked.append)
    monkeypatch.setattr("cryptobot.supervisor.cli.main.run", lambda words: asked.append(words) or 3)
    assert entry.main(["-P", "-c", "from multiprocessing.resource_tracker import main;main(7)"]) == 0
    assert entry.main(["bus", "send", "-c", "x"]) == 3
    assert asked == [7, ["bus", "send", "-c", "x"]]


def test_the_full_variant_knows_every_extra(script: Any) -> None:
    """An extra that is added to setup.cfg is built in, or left out on purpose."""
    config = configparser.ConfigParser()
    config.read(BINARY.parents[1] / "setup.cfg")
    left_out = {"cluster", "dev", "feather", "release", "test"}
    assert set(config["options.extras_require"]) - left_out == set(script("build").EXTRAS)
