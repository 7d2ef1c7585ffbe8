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
_SERVER = "CRYPTOBOT__DATABASE__URL"


def ask(folder: ProgramFolder, version: str, home: Path, *words: str, alone: bool = False) -> Any:
    """Run a command of one version in a home and read its JSON; None when it wrote none.

    Args:
        alone: without the database server that the environment may name.
    """
    program = [str(folder.program_of(version)), "--home", str(home), *words]
    environment = {key: value for key, value in os.environ.items() if key != _SERVER or not alone}
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
    copy = forget_copy(home)
    try:
        databases = copy / "state" / "databases"
        databases.mkdir(parents=True, mode=0o700)
        for path in backup.glob("*.sqlite"):
            shutil.copyfile(path, databases / f"{_owner_of(path)}.sqlite")
        if (backup / "config.yaml").exists():
            replace(copy / "config.yaml", _without_server((backup / "config.yaml").read_bytes()))
        _lend_keys(home, copy)
        ask(folder, version, copy, "config", "check", "--json", alone=True)
        migrated = ask(folder, version, copy, "db", "migrate", "--json", alone=True)
        ask(folder, version, copy, "db", "check", "--json", alone=True)
    except OSError as error:
        raise CryptoBotError(
            f"The databases cannot be copied to {copy}: {error.strerror or error}."
        ) from error
    finally:
        forget_copy(home)
    return [row for row in migrated or [] if row.get("applied")]


def forget_copy(home: Home) -> Path:
    """Remove the copies of a trial, whose process may have died; where they were."""
    copy = home.state / "update-trial"
    shutil.rmtree(copy, ignore_errors=True)
    return copy


def _without_server(text: bytes) -> bytes:
    """Settings that name no database server; as they are when they name none."""
    import yaml

    found = yaml.safe_load(text)
    section = found.get("database") if isinstance(found, dict) else None
    if not isinstance(section, dict) or "url" not in section:
        return text
    del section["url"]
    return str(yaml.safe_dump(found)).encode()


def _owner_of(backup: Path) -> str:
    """Backups are called OWNER-vN-TIME.sqlite."""
    return backup.name.rpartition("-v")[0]


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
