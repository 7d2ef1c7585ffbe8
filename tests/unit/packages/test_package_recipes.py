"""What packages are made of: checked with whatever checker the machine has."""

import os
import plistlib
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from types import ModuleType

import cryptobot
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the scripts that make packages need POSIX")
Scripts = dict[str, ModuleType]


def checked(tool: str, *words: str) -> str:
    """What a checker says; the test is skipped where the checker is not installed."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    done = subprocess.run([tool, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stand-in for the standalone folder."""
    made = tmp_path / "cryptobot"
    (made / "parts").mkdir(parents=True)
    (made / "cryptobot").write_text("#!/bin/sh\necho cryptobot\n")
    (made / "cryptobot").chmod(0o755)
    (made / "parts" / "a.pyc").write_bytes(b"x")
    return made


def test_the_unit_of_packages_is_verified_and_shut_in(scripts: Scripts, tmp_path: Path) -> None:
    """systemd-analyze has nothing to say but that its program is not here yet; its exposure is below 2."""
    file = tmp_path / "cryptobot.service"
    text: str = scripts["linux"].unit()
    file.write_text(text.replace("/usr/bin/cryptobot", shutil.which("true") or "/bin/true"))

    checked("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(file))
    said = checked("systemd-analyze", "security", "--offline=true", str(file))

    score = re.search(r"exposure level for cryptobot.service: ([\d.]+)", said)
    assert score is not None
    print(f"\nsystemd-analyze security: {score.group(1)}")
    assert float(score.group(1)) < 2.0


def test_scripts_of_packages_are_plain_shell(scripts: Scripts) -> None:
    """Each parses, and none of them enables or starts a service that nobody enabled."""
    for path in sorted(scripts["linux"].SCRIPTS.iterdir()):
        checked("sh", "-n", str(path))
        text = path.read_text()
        told = re.sub(r"\\`[^`]*`", "", text)
        assert "systemctl enable" not in told
        if "systemctl start" in text:
            assert "/run/cryptobot-was-running" in text


def test_software_centres_accept_the_description(scripts: Scripts, tmp_path: Path) -> None:
    """AppStream's checker finds no error."""
    file = tmp_path / "org.cryptobot.CryptoBot.metainfo.xml"
    file.write_text(scripts["linux"].metainfo())
    checked("appstreamcli", "validate", "--no-net", "--no-color", str(file))


def test_the_manual_names_every_command(scripts: Scripts) -> None:
    """It is made from the table of commands."""
    text = scripts["linux"].manual()
    assert "\n.B addon install\n" in text
    assert "service host" not in text


def test_a_tree_is_laid_out_for_one_origin(scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """The program knows who brought it; modes are those of packages; a second staging starts afresh."""
    tree = tmp_path / "tree"
    for origin in ("deb", "rpm"):
        scripts["linux"].stage(folder, tree, origin)
        assert (tree / "usr/lib/cryptobot/installed-by").read_text() == f"{origin}\n"
    entry = (tree / "usr/share/applications/org.cryptobot.CryptoBot.desktop").read_text()
    assert "Exec=cryptobot launcher --text\nIcon=org.cryptobot.CryptoBot\nTerminal=true" in entry
    modes = {path.stat().st_mode & 0o777 for path in tree.rglob("*") if path.is_file()}

    assert modes == {0o644, 0o755}
    assert (tree / "usr/share/doc/cryptobot/copyright").exists()


def test_the_version_stands_in_one_place(scripts: Scripts) -> None:
    """Packages, the wheel's recipe and the macOS application take the program's own."""
    root = scripts["facts"].ROOT
    assert cryptobot.__version__ == scripts["facts"].VERSION
    assert "version = attr: cryptobot.__version__" in (root / "setup.cfg").read_text()
    assert plistlib.loads(scripts["macos"].info())["CFBundleVersion"] == cryptobot.__version__


@pytest.mark.parametrize("size", [16, 256])
def test_icons_are_the_drawing_at_any_size(scripts: Scripts, size: int) -> None:
    """A sound PNG: transparent corners, white strokes, blue between."""
    data = scripts["icons"].png(size)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (size, size)
    start = data.index(b"IDAT") + 4
    length = struct.unpack(">I", data[start - 8 : start - 4])[0]
    rows = zlib.decompress(data[start : start + length])

    def pixel(x: float, y: float) -> bytes:
        at = int(y * size / 32) * (4 * size + 1) + 1 + 4 * int(x * size / 32)
        return rows[at : at + 4]

    assert pixel(0, 0)[3] == 0
    assert pixel(9, 16) == b"\xff\xff\xff\xff"
    assert pixel(12.5, 16) == b"\x32\x57\xd6\xff"
    assert scripts["icons"].ico()[:6] == struct.pack("<HHH", 0, 1, 4)
    assert struct.unpack(">I", scripts["icons"].icns()[4:8])[0] == len(scripts["icons"].icns())


def test_macos_gets_a_bundle_that_opens_bundles(scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """Info.plist and the agent's list parse; what is to be executed is there and executable."""
    app = scripts["macos"].bundle(folder, tmp_path)
    keys = plistlib.loads((app / "Contents" / "Info.plist").read_bytes())
    start = app / "Contents" / "MacOS" / keys["CFBundleExecutable"]

    assert os.access(start, os.X_OK)
    assert (app / "Contents" / "Resources" / keys["CFBundleIconFile"]).exists()
    tags = keys["UTExportedTypeDeclarations"][0]["UTTypeTagSpecification"]
    assert tags["public.filename-extension"] == ["cryptobot-strategy"]
    agent = plistlib.loads(scripts["macos"].agent())
    assert agent["ProgramArguments"][-1] == "up"


def test_ruby_accepts_the_formula(scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """Homebrew's formula parses and names the archive by its hash."""
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(b"x")
    file = tmp_path / "cryptobot.rb"
    file.write_text(scripts["macos"].formula(archive))
    assert "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" in file.read_text()
    checked("ruby", "-c", str(file))


def test_windows_installer_compiles(scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """makensis takes the script without a warning, and the result is a program of Windows."""
    if shutil.which("makensis") is None:
        pytest.skip("makensis is not installed")
    [made] = scripts["windows"].build(folder, tmp_path)
    text = (tmp_path / "recipes" / "windows" / "cryptobot.nsi").read_text()

    assert made.read_bytes()[:2] == b"MZ"
    assert r'"Software\Classes\.cryptobot-strategy" "" "CryptoBot.Strategy"' in text
    assert r"CurrentVersion\Uninstall\CryptoBot" in text


def test_a_folder_without_the_program_is_refused(scripts: Scripts, tmp_path: Path) -> None:
    """The sentence says what makes it."""
    with pytest.raises(SystemExit, match="make binary"):
        scripts["facts"].check_folder(tmp_path)
