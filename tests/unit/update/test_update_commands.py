"""The commands of `update` where something else keeps the program up to date, and what they print."""

import json
import sys

import pytest
from cryptobot.configs.errors import CryptoBotError, UsageError
from cryptobot.configs.programfolder import FOLDER_VARIABLE, Last, ProgramFolder, Progress, Ready, order_of
from cryptobot.configs.schema import Settings
from cryptobot.supervisor.cli.app import execute
from cryptobot.supervisor.cli.commands import update_apply
from cryptobot.supervisor.cli.commands.update_status import lines
from cryptobot.supervisor.versions import origin


def said(capsys, tmp_path, *words):
    """Run a command in a home; its exit code, stdout and stderr."""
    code = execute(str(tmp_path / "home"), list(words))
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.fixture
def unmanaged(monkeypatch):
    """A program that something else brought."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)

    def brought(by):
        monkeypatch.setattr(origin, "installed_by", lambda: by)
        monkeypatch.setattr(origin, "_is_editable", lambda: False)

    return brought


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("deb", "sudo apt install --only-upgrade cryptobot"),
        ("rpm", "sudo dnf upgrade cryptobot"),
        ("brew", "brew upgrade cryptobot"),
        ("pip", "-m pip install --upgrade cryptobot"),
        ("appimage", "download the new one"),
        ("nsis", "download the new one"),
        ("portable", "download the new one"),
    ],
)
@pytest.mark.parametrize("action", ["check", "download", "apply", "rollback"])
def test_the_updater_is_off_where_something_else_updates(capsys, tmp_path, unmanaged, by, words, action):
    """One sentence says what to run instead; the exit code is 2."""
    unmanaged(by)
    code, out, err = said(capsys, tmp_path, "update", action)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_status_says_so_as_well(capsys, tmp_path, unmanaged):
    """`update status` always works, and a program reads the reason."""
    unmanaged("deb")
    code, out, _err = said(capsys, tmp_path, "update", "status", "--json")
    assert code == 0
    assert "apt install" in json.loads(out)["managed"]


def test_a_checkout_is_updated_with_git(monkeypatch):
    """A program that runs from its source is no installation."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(origin, "installed_by", lambda: "pip")
    monkeypatch.setattr(origin, "_is_editable", lambda: True)
    assert "git pull" in origin.why_not()


def test_a_folder_without_its_pointer_is_explained(monkeypatch, tmp_path):
    """The stub names a folder that lost its parts."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(UsageError, match="lacks `current` or `versions`"):
        origin.program_folder()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of versions that this process believes to run from."""
    root = tmp_path / "program"
    (root / "versions" / "0.1.0").mkdir(parents=True)
    (root / "versions" / "0.1.0" / "cryptobot").touch()
    (root / "trust").mkdir()
    (root / "downloads").mkdir()
    (root / "current").write_text("0.1.0\n")
    monkeypatch.setenv(FOLDER_VARIABLE, str(root))
    monkeypatch.setattr(origin, "installed_by", lambda: "portable")
    return ProgramFolder(root)


def test_without_an_address_nobody_is_asked(capsys, tmp_path, folder):
    """The sentence says how one is set."""
    code, _out, err = said(capsys, tmp_path, "update", "check")
    assert code == 2
    assert "cryptobot config set update.address https://" in err


def test_without_python_tuf_it_is_named(capsys, tmp_path, folder, monkeypatch):
    """A light installation says what it lacks."""
    monkeypatch.setitem(sys.modules, "cryptobot.services.update.repository", None)
    (folder.trust / "address").write_text("http://127.0.0.1:9/")
    for name in [name for name in sys.modules if name.partition(".")[0] == "tuf"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "cryptobot.services.update.repository")
    monkeypatch.delitem(sys.modules, "cryptobot.services.update.fetch", raising=False)
    monkeypatch.setitem(sys.modules, "tuf", None)
    code, _out, err = said(capsys, tmp_path, "update", "check")
    assert code == 2
    assert "`pip install tuf`" in err


def test_nothing_is_applied_while_nothing_runs(capsys, tmp_path, folder):
    """An update is judged on the running platform; exit code 3."""
    code, _out, err = said(capsys, tmp_path, "update", "apply", "--yes")
    assert code == 3
    assert "cryptobot up" in err


def archive(folder, version):
    """A verified archive, as a download leaves it."""
    ready = Ready(version=version, file=f"cryptobot-{version}.tar.gz", length=1, sha256="0")
    (folder.downloads / ready.file).touch()
    folder.write_ready(ready)
    return ready


def test_the_newest_is_applied_not_what_lies_there(folder, monkeypatch):
    """An archive from before is applied only when it is named; offline the sentence says so."""
    here, newest = archive(folder, "0.2.0"), Ready(version="0.3.0", file="new", length=1, sha256="0")
    monkeypatch.setattr(update_apply, "fetched", lambda *_: newest)
    assert update_apply.at_hand(folder, Settings(), "") == newest
    assert update_apply.at_hand(folder, Settings(), "0.2.0") == here
    with pytest.raises(UsageError, match=r"newest version is 0\.3\.0, not 0\.2\.5"):
        update_apply.at_hand(folder, Settings(), "0.2.5")

    def nobody(*_):
        raise CryptoBotError("The update address cannot be reached.")

    monkeypatch.setattr(update_apply, "fetched", nobody)
    with pytest.raises(CryptoBotError, match=r"cannot be reached\. `--version 0\.2\.0` applies the one"):
        update_apply.at_hand(folder, Settings(), "")


def test_what_was_taken_back_is_not_tried_again_by_itself(folder, monkeypatch):
    """A script that applies every night does not fall into the same hole; by its version it is tried."""
    ready = archive(folder, "0.3.0")
    monkeypatch.setattr(update_apply, "fetched", lambda *_: ready)
    last = Last(
        result="rolled-back",
        version="0.3.0",
        previous="0.1.0",
        reason="trade did not become ready.",
        ended_ms=1,
    )
    folder.write_last(last)
    with pytest.raises(UsageError, match=r"taken back \(trade did not become ready\); `--version 0\.3\.0`"):
        update_apply.at_hand(folder, Settings(), "")
    assert update_apply.at_hand(folder, Settings(), "0.3.0") == ready


def test_an_http_address_elsewhere_is_refused(capsys, tmp_path):
    """Metadata is signed, but who asks for what is nobody's business."""
    code, _out, err = said(capsys, tmp_path, "config", "set", "update.address", "http://example.org/")
    assert code == 2
    assert "https://" in err


def test_status_in_words(folder):
    """One line a fact."""
    from cryptobot.configs.sections.update import UpdateSettings
    from cryptobot.services.update.report import report

    folder.write_progress(Progress(reason="the address cannot be reached"))
    told = lines(report(folder, UpdateSettings(address="https://updates.example/"), ""))
    assert told == [
        "version   0.1.0",
        "newest    not known; `cryptobot update check` asks",
        "asks      only when you do: https://updates.example/",
        "failed    the address cannot be reached",
    ]


def test_versions_are_ordered_as_people_expect():
    """Numbers count as numbers, and what comes before a release is older than it."""
    given = ["0.10.0", "0.9.0", "0.10.0rc2", "1.0", "0.10.0a1", "0.10.0b3"]
    assert sorted(given, key=order_of) == ["0.9.0", "0.10.0a1", "0.10.0b3", "0.10.0rc2", "0.10.0", "1.0"]
    assert order_of("1.0") == order_of("1.0.0")
    with pytest.raises(UsageError, match="not a version"):
        order_of("../../etc")
