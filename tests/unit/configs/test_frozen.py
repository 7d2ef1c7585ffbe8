"""What differs in the compiled program, with a pretended `__compiled__`: its children, parts, authorities."""

import importlib
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptobot.configs import addons, frozen
from cryptobot.configs.paths import Home
from cryptobot.services.connectors import lazy
from cryptobot.supervisor.catalogue.registry import program
from cryptobot.supervisor.doctor import machine
from cryptobot.supervisor.doctor.finding import OK, Patient
from cryptobot.supervisor.platform.services.choose import manager_here


@pytest.fixture
def executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of an executable that this process pretends to be."""
    path = tmp_path / "program" / "cryptobot"
    path.parent.mkdir()
    path.touch()
    monkeypatch.setattr(frozen, "__compiled__", SimpleNamespace(process_exe=str(path)), raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in (frozen.ONEFILE, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return path


def part(executable: Path, name: str) -> Path:
    """A new part beside the executable."""
    path = executable.parent / "parts" / name
    path.mkdir(parents=True)
    return path


def test_python_starts_its_children_by_the_name_of_the_package() -> None:
    """From packages, a child is the same interpreter with `-m cryptobot`."""
    assert frozen.executable() == ""
    assert program() == [sys.executable, "-m", "cryptobot"]
    assert frozen.parts() == []


def test_a_child_of_the_compiled_program_is_the_same_executable(executable: Path) -> None:
    """Neither sys.executable nor argv[0] is asked: one names no file, the other may unpack again."""
    assert program() == [str(executable)]


def test_the_executable_is_the_one_that_people_start(
    executable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FOLDER/program/cryptobot.bin runs, FOLDER/cryptobot is what is started and where parts lie beside."""
    inner = executable.parent / "program" / "cryptobot.bin"
    monkeypatch.setattr(frozen, "__compiled__", SimpleNamespace(process_exe=str(inner)))
    assert frozen.executable() == str(executable)
    beside = part(executable, "ccxt")
    assert frozen.parts() == [str(beside)]
    executable.unlink()
    assert frozen.executable() == str(inner)


def test_a_compiled_program_that_does_not_know_its_file_takes_its_first_word(
    executable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older Nuitka has no process_exe: then argv[0] is what there is, as a whole path."""
    monkeypatch.setattr(frozen, "__compiled__", SimpleNamespace())
    monkeypatch.setattr(sys, "argv", [str(executable)])
    assert program() == [str(executable)]


def test_a_service_of_the_machine_starts_the_file_that_was_downloaded(
    executable: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the one-file form unpacks lies in a cache that may be emptied; its children come from there."""
    monkeypatch.setenv(frozen.ONEFILE, "/home/a/Downloads/cryptobot")
    monkeypatch.setattr(sys, "platform", "linux")
    assert frozen.program() == [str(executable)]
    definition = manager_here(Home(tmp_path), "cryptobot", whole_machine=False).definition()
    assert "/home/a/Downloads/cryptobot" in definition
    assert str(executable) not in definition


def test_the_downloaded_file_means_nothing_where_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is left over from elsewhere does not change what a source installation starts."""
    monkeypatch.setenv(frozen.ONEFILE, "/home/a/Downloads/cryptobot")
    assert frozen.lasting_program() == [sys.executable, "-m", "cryptobot"]


def test_parts_are_importable_in_order_and_only_once(executable: Path) -> None:
    """Every folder of parts/ but half-made ones goes to the path's end; a second beginning adds nothing."""
    second, first = part(executable, "extras"), part(executable, "ccxt")
    part(executable, ".new-ccxt")
    (executable.parent / "parts" / "readme.txt").touch()
    frozen.begin()
    frozen.begin()
    assert sys.path[-2:] == [str(first), str(second)]


def test_an_addon_goes_before_the_parts(executable: Path, tmp_path: Path) -> None:
    """So a newer ccxt in HOME/addons replaces the one that came with the program."""
    beside = part(executable, "ccxt")
    frozen.begin()
    home = Home(tmp_path / "home")
    newer, wheel = home.root / "addons" / "newer", home.root / "addons" / "other.whl"
    newer.mkdir(parents=True)
    wheel.touch()
    addons.use(home)
    assert sys.path[-3:] == [str(newer), str(wheel), str(beside)]


def test_the_version_of_a_sourceless_ccxt_is_that_of_its_distribution(
    executable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the compiled program ccxt has bytecode only; its metadata tell the version."""
    spec = importlib.machinery.ModuleSpec("ccxt", None, origin=str(executable.parent / "__init__.pyc"))
    info = part(executable, "ccxt") / "ccxt-0.0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ccxt\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(str(info.parent))
    assert lazy._version(spec) == "0.0.1"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's own store is used")
def test_tls_finds_authorities_on_a_system_with_other_paths(
    executable: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """OpenSSL was built with Debian's paths: on other systems it is told their list, or else ours."""
    monkeypatch.setattr(frozen, "_COMPILED_IN", str(tmp_path / "nowhere"))
    theirs = tmp_path / "bundle.pem"
    theirs.touch()
    monkeypatch.setattr(frozen, "_BUNDLES", (str(tmp_path / "absent.pem"), str(theirs)))
    environment: dict[str, str] = {}
    monkeypatch.setattr(frozen.os, "environ", environment)
    frozen.begin()
    assert environment == {"SSL_CERT_FILE": str(theirs)}
    environment.clear()
    theirs.unlink()
    frozen.begin()
    assert Path(environment["SSL_CERT_FILE"]).name == "cacert.pem"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's own store is used")
def test_a_list_of_authorities_that_a_person_chose_stays(
    executable: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SSL_CERT_DIR or SSL_CERT_FILE of the environment are left as they are."""
    monkeypatch.setattr(frozen, "_COMPILED_IN", str(tmp_path / "nowhere"))
    environment = {"SSL_CERT_DIR": "/mine"}
    monkeypatch.setattr(frozen.os, "environ", environment)
    frozen.begin()
    assert environment == {"SSL_CERT_DIR": "/mine"}


def test_the_doctor_finds_no_fault_in_the_minimal_variant(
    executable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds no ccxt on purpose; what else is missing is a fault there too."""
    needs = ["ccxt>=4.5", "surely-missing>=1"]
    monkeypatch.setattr(machine.metadata, "requires", lambda _name: needs[:1])
    monkeypatch.setattr(machine.metadata, "version", lambda name: absent(name))
    assert machine.libraries(Patient(Home(executable.parent))).verdict == OK
    monkeypatch.setattr(machine.metadata, "requires", lambda _name: needs)
    assert machine.libraries(Patient(Home(executable.parent))).what == "surely-missing is missing"


def absent(name: str) -> str:
    """What importlib.metadata does for a distribution that is not there."""
    raise PackageNotFoundError(name)
