"""`make release`: from a program's folder to signed updates and to what new users download.

    release.py begin REPOSITORY --keys KEYS                  make keys and an empty repository
    release.py publish REPOSITORY FOLDER --keys KEYS         sign a version as the newest one
    release.py timestamp REPOSITORY --keys KEYS              every day, with the online keys alone
    release.py renew REPOSITORY root|targets --keys KEYS     the same with a later expiry
    release.py rotate REPOSITORY ROLE --keys KEYS            new keys for root, targets, snapshot or timestamp
    release.py layout REPOSITORY FOLDER TARGET --address URL what new users unpack

The passphrase of the keys is asked for, or taken from CRYPTOBOT_RELEASE_PASSPHRASE. docs/updates.md says
which keys lie where.
"""

import argparse
import getpass
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from release_archive import lay_out, pack, version_of
from release_repository import KeyFolder, Repository

VARIABLE = "CRYPTOBOT_RELEASE_PASSPHRASE"


def main(words: list[str]) -> int:
    """Carry out one command; the exit code."""
    options = _parser().parse_args(words)
    repository = Repository(Path(options.repository), KeyFolder(Path(options.keys or "."), _phrase(options)))
    if options.action == "begin":
        repository.begin()
    elif options.action == "publish":
        publish(repository, Path(options.folder), options.channel, options.system, options.notes)
    elif options.action == "timestamp":
        repository.refresh_day()
    elif options.action == "renew":
        repository.renew(options.role)
    elif options.action == "rotate":
        repository.rotate(options.role)
    else:
        version = lay_out(
            Path(options.target), Path(options.folder), repository.first_root(), options.address
        )
        print(f"{options.target} holds version {version}.")
    return 0


def publish(repository: Repository, folder: Path, channel: str, system: str, notes: str) -> str:
    """Pack a program's folder and sign it as the newest version of a channel; which one."""
    version = version_of(folder)
    name = f"{system}/{version}/cryptobot-{version}-{system}.tar.gz"
    if name in repository.newest("targets").signed.targets:
        raise SystemExit(f"{name} is published; a version never changes. Give the new one a new number.")
    offer = json.dumps({"version": version, "target": name, "notes": notes}).encode()
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "program.tar.gz"
        pack(folder, archive)
        size = archive.stat().st_size
        repository.add({name: archive, f"{channel}/{system}.json": offer})
    print(f"{name}: {size / 1e6:.1f} MB, signed as the newest of {channel}.")
    return version


def system_name() -> str:
    """As the client calls this system: linux-x86_64, macos-arm64, windows-x86_64."""
    told = platform.machine().lower()
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(told, told)
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    return f"{system}-{machine}"


def _phrase(options: argparse.Namespace) -> bytes:
    if options.keys is None:
        return b""
    given = os.environ.get(VARIABLE)
    if given is not None:
        return given.encode()
    phrase = getpass.getpass("Passphrase of the keys: ")
    if options.action == "begin" and getpass.getpass("Once more: ") != phrase:
        raise SystemExit("The two differ; nothing was made.")
    return phrase.encode()


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("begin", "publish", "timestamp", "renew", "rotate", "layout"):
        action = actions.add_parser(name)
        action.add_argument("repository")
        if name == "renew":
            action.add_argument("role", choices=("root", "targets"))
        if name == "rotate":
            action.add_argument("role", choices=("root", "targets", "snapshot", "timestamp"))
        if name in ("publish", "layout"):
            action.add_argument("folder")
        if name == "publish":
            action.add_argument("--channel", default="stable", choices=("stable", "beta"))
            action.add_argument("--system", default=system_name())
            action.add_argument("--notes", default="")
        if name == "layout":
            action.add_argument("target")
            action.add_argument("--address", required=True)
        action.add_argument("--keys", required=name != "layout")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
