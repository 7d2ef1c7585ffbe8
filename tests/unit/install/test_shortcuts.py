"""Menu entries and file associations: files as they are, Windows as recorded calls."""

import os
import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptobot.configs.errors import CryptoBotError
from cryptobot.supervisor.install import desktop
from cryptobot.supervisor.install.shortcuts import (
    LinuxShortcuts,
    MacShortcuts,
    WindowsShortcuts,
    shortcuts_here,
)
from cryptobot.supervisor.platform.services.base import Outcome

AWKWARD = ["/opt/my bot/100%/crypto$bot", "-x"]


class Recorder:
    """Runs nothing and answers with one code."""

    def __init__(self, code: int = 0) -> None:
        self.calls: list[list[str]] = []
        self._code = code

    def __call__(self, words: list[str]) -> Outcome:
        self.calls.append(words)
        return Outcome(self._code, "access is denied" if self._code else "")


@pytest.mark.parametrize("words", [["cryptobot"], AWKWARD])
def test_desktops_accept_the_entries(tmp_path: Path, words: list[str]) -> None:
    """desktop-file-validate has nothing to say, blanks, percent and dollar signs included."""
    if shutil.which("desktop-file-validate") is None:
        pytest.skip("desktop-file-validate is not installed")
    both = {"window": desktop.application(words), "text": desktop.application(words, window=False)}
    for name, text in {**both, "opener": desktop.opener(words)}.items():
        file = tmp_path / f"{name}.desktop"
        file.write_text(text)
        done = subprocess.run(
            ["desktop-file-validate", str(file)], capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stdout) == (0, "")


def test_awkward_words_survive_the_entry() -> None:
    """Quoted and escaped twice over: once for the words, once for the file."""
    [line] = [line for line in desktop.opener(AWKWARD).splitlines() if line.startswith("Exec=")]

    assert line == 'Exec="/opt/my bot/100%%/crypto\\\\$bot" -x addon open %f'


def test_a_bundle_is_a_kind_of_file_of_its_own(tmp_path: Path) -> None:
    """The shared MIME database takes the description, and finds the kind by the ending."""
    if shutil.which("update-mime-database") is None:
        pytest.skip("shared-mime-info is not installed")
    packages = tmp_path / "mime" / "packages"
    packages.mkdir(parents=True)
    (packages / "cryptobot.xml").write_text(desktop.kinds())
    done = subprocess.run(
        ["update-mime-database", str(tmp_path / "mime")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert f"{desktop.MIME}:*.cryptobot-strategy" in (tmp_path / "mime" / "globs2").read_text()


def test_linux_shortcuts_come_and_go(tmp_path: Path) -> None:
    """Four files, and nothing of them is left."""
    shortcuts = LinuxShortcuts(["cryptobot"], Recorder(), tmp_path)

    assert shortcuts.present() == []
    assert len(shortcuts.add()) == 4
    shortcuts.remove()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the path."""
    (tmp_path / "applications").write_text("a file")
    with pytest.raises(CryptoBotError, match="cannot be written"):
        LinuxShortcuts(["cryptobot"], Recorder(), tmp_path).add()


def test_macos_gets_an_application(tmp_path: Path) -> None:
    """Its property list parses, names what it starts, and that can be started."""
    shortcuts = MacShortcuts(["/opt/my bot/cryptobot"], Recorder(), tmp_path)
    shortcuts.add()
    contents = tmp_path / "CryptoBot.app" / "Contents"
    found = plistlib.loads((contents / "Info.plist").read_bytes())
    start = contents / "MacOS" / found["CFBundleExecutable"]

    assert found["CFBundleIdentifier"] == "org.cryptobot.CryptoBot"
    assert os.access(start, os.X_OK)
    assert start.read_text().endswith("exec '/opt/my bot/cryptobot' launcher\n")
    shortcuts.remove()
    assert shortcuts.present() == []


def test_windows_gets_its_classes_and_a_link(tmp_path: Path) -> None:
    """The user's own registry alone; the file is one quoted word."""
    recorder = Recorder()
    WindowsShortcuts([r"C:\It's mine\cryptobot.exe"], recorder, tmp_path).add()

    assert all(words[2].startswith("HKCU\\") for words in recorder.calls[:3])
    assert recorder.calls[2][5] == '"C:\\It\'s mine\\cryptobot.exe" addon open "%1"'
    assert "TargetPath = 'C:\\It''s mine\\cryptobot.exe'" in recorder.calls[3][-1]
    with pytest.raises(CryptoBotError, match="access is denied"):
        WindowsShortcuts(["cryptobot"], Recorder(5), tmp_path).add()


def test_here_are_those_of_this_system() -> None:
    """They start this very program."""
    assert shortcuts_here(Recorder()).words[-2:] == ["-m", "cryptobot"]
