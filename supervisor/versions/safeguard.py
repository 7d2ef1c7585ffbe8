"""Settings and databases: backed up before an update, migrated on a copy, brought back after a rollback."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from ...configs.errors import CryptoBotError
from ...configs.files import replace
from ...configs.paths import Home
from ...configs.programfolder import ProgramFolder
from .stage import run

_LIMIT_S = 600.0
_KEPT_BACKUPS = 5
# A trial never speaks to the real database server: the copies are files.
_NO_SERVER = {"CRYPTOBOT__DATABASE__URL": ""}


def ask(folder: ProgramFolder, version: str, home: Path, *words: str, away_from_server: bool = False) -> Any:
    """Run a command of one version in a home and read its JSON; None when it wrote none."""
    program = [str(folder.program_of(version)), "--home", str(home), *words]
    environment = {**os.environ, **(_NO_SERVER if away_from_server else {})}
    return json.loads(run(program, _LIMIT_S, environment) or "null")


def back_up(folder: ProgramFolder, home: Home, previous: str, to: str) -> Path:
    """Back up settings and all databases with the version in use; the folder.

    Raises:
        CryptoBotError: it could not be done; nothing was changed.
    """
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{previous}-to-{to}"
    target = home.state / "backups" / "updates" / name
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        if home.config_file.exists():
            replace(target / "config.yaml", home.config_file.read_bytes())
    except OSError as error:
        raise CryptoBotError(f"The backup {target} cannot be written: {error.strerror}.") from error
    ask(folder, previous, home.root, "db", "backup", "--to", str(target), "--json")
    _forget_old(target)
    return target


def _forget_old(newest: Path) -> None:
    others = sorted(path for path in newest.parent.iterdir() if path.is_dir() and path != newest)
    for path in others[: max(0, len(others) + 1 - _KEPT_BACKUPS)]:
        shutil.rmtree(path, ignore_errors=True)


def try_on_copy(folder: ProgramFolder, home: Home, backup: Path, version: str) -> list[dict[str, Any]]:
    """Let the new version read the settings and migrate copies of the databases; what it migrated.

    Raises:
        CryptoBotError: it cannot; the home itself was not touched.
    """
    copy = home.state / "update-trial"
    shutil.rmtree(copy, ignore_errors=True)
    try:
        databases = copy / "state" / "databases"
        databases.mkdir(parents=True, mode=0o700)
        for path in backup.glob("*.sqlite"):
            shutil.copyfile(path, databases / f"{_owner_of(path)}.sqlite")
        if (backup / "config.yaml").exists():
            shutil.copyfile(backup / "config.yaml", copy / "config.yaml")
        _lend_keys(home, copy)
        ask(folder, version, copy, "config", "check", "--json", away_from_server=True)
        migrated = ask(folder, version, copy, "db", "migrate", "--json", away_from_server=True)
        ask(folder, version, copy, "db", "check", "--json", away_from_server=True)
    except OSError as error:
        raise CryptoBotError(
            f"The databases cannot be copied to {copy}: {error.strerror or error}."
        ) from error
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    return [row for row in migrated or [] if row.get("applied")]


def _owner_of(backup: Path) -> str:
    """Backups are called OWNER-vN-TIME.sqlite."""
    return backup.name.partition("-v")[0]


def _lend_keys(home: Home, copy: Path) -> None:
    """Copies of encrypted databases open with the keys of the home."""
    if home.keys.is_dir():
        shutil.copytree(home.keys, copy / "keys", ignore=shutil.ignore_patterns("*.sock", "*.lock"))
        (copy / "keys").chmod(0o700)


def newer_databases(folder: ProgramFolder, home: Path, version: str, backup: Path) -> list[str]:
    """Owners whose tables are newer than in the backup: `version` cannot read them."""
    rows = ask(folder, version, home, "db", "take-back", str(backup), "--dry-run", "--json")
    return [str(row["owner"]) for row in rows or []]


def take_back_databases(folder: ProgramFolder, home: Path, version: str, backup: Path) -> None:
    """Bring those tables to the form of the backup; every row that was written since stays."""
    ask(folder, version, home, "db", "take-back", str(backup), "--json")


def take_back_settings(folder: ProgramFolder, home: Home, version: str, backup: Path) -> bool:
    """Put the settings of the backup back, but only when `version` cannot read those of today."""
    try:
        ask(folder, version, home.root, "config", "check", "--json")
        return False
    except CryptoBotError:
        kept = backup / "config.yaml"
        if not kept.exists():
            return False
        replace(home.config_file, kept.read_bytes())
        return True
