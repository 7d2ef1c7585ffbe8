"""`cryptobot db …`, in a process of its own: the only code of that command which knows databases.

    python -m cryptobot.services.database.command HOME migrate|check|backup|restore|convert … [--json]

Result on stdout (a line each, or JSON), progress on stderr. Exit codes: 0 done, 1 it failed, 2 wrong use.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ...configs import snapshot
from ...configs.errors import CryptoBotError, SettingsError, UsageError
from ...configs.load import load
from ...configs.paths import Home
from ...configs.schema import DatabaseSettings
from . import cipher, sqlite, takeback
from . import migrations as forward
from .backup import backup_folder, make_backup, open_backup, read_note, restore_file
from .connect import connect, database_key
from .driver import execute
from .errors import DatabaseBrokenError
from .owners import Owner, file_owners, owner_of, owners
from .store import Database, open_database
from .target import FileTarget, Target, target_of
from .transfer import fingerprint, transfer

Rows = list[dict[str, Any]]


def main(arguments: list[str]) -> int:
    """Run one database command; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        home = Home(Path(options.home))
        settings = snapshot.read(home) if options.in_force else load(home).settings
        rows = _ACTIONS[options.action](home, settings.database, options)
    except (UsageError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    except CryptoBotError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print("  ".join(f"{key}: {value}" for key, value in row.items()))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cryptobot db", description="Look after the databases.")
    parser.add_argument("home")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--in-force", action="store_true", help=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", required=True)
    migrate = actions.add_parser("migrate", help="bring tables up to date")
    migrate.add_argument("--dry-run", action="store_true", help="only say what would be done")
    for name, words in (("check", "read everything and compare"), ("backup", "make verified backups")):
        action = actions.add_parser(name, help=words)
        action.add_argument("--owner", help="only this service's database")
        if name == "backup":
            action.add_argument("--to", help="folder for the backups")
    restore = actions.add_parser("restore", help="put a backup in the place of a database")
    restore.add_argument("file")
    back = actions.add_parser("take-back", help="bring tables to the form of older backups, with their rows")
    back.add_argument("folder", help="of the backups, one a database")
    back.add_argument("--dry-run", action="store_true", help="only say what would be done")
    convert = actions.add_parser("convert", help="move all data to another engine")
    convert.add_argument("--url", default=None, help="postgresql://… or mariadb://…")
    convert.add_argument("--encrypted", action="store_true", help="to encrypted SQLite files")
    convert.add_argument("--plain", action="store_true", help="to plain SQLite files")
    return parser


def _open(home: Home, owner: Owner, settings: DatabaseSettings) -> Database:
    return open_database(
        home, owner.name, models=owner.models, migrations=owner.migrations, settings=settings
    )


def _connect_present(home: Home, owner: Owner, settings: DatabaseSettings) -> Database | None:
    """Open without migrating; None when this service has no database yet."""
    target = _target(home, owner, settings)
    if isinstance(target, FileTarget) and not target.path.exists():
        return None
    database = Database(owner.name, target, connect(home, target, "NORMAL"))
    database.bind(*owner.models)
    return database


def _target(home: Home, owner: Owner, settings: DatabaseSettings) -> Target:
    return target_of(
        home, owner.name, msgspec.structs.replace(settings, url="") if owner.file_only else settings
    )


def _chosen(home: Home, options: argparse.Namespace) -> list[Owner]:
    return [owner_of(home, options.owner)] if options.owner else [*owners(home), *file_owners()]


def _migrate(home: Home, settings: DatabaseSettings, options: argparse.Namespace) -> Rows:
    rows = []
    for owner in owners(home):
        database = _connect_present(home, owner, settings)
        if database is None:
            continue
        before = forward.version_of(database.engine)
        waiting = [f"{step.version} {step.name}" for step in database.pending(owner.migrations)]
        database.close()
        if waiting and not options.dry_run:
            _open(home, owner, settings).close()
        done = "would apply" if options.dry_run else "applied"
        rows.append({"owner": owner.name, "version": before, done: waiting})
    return rows


def _check(home: Home, settings: DatabaseSettings, options: argparse.Namespace) -> Rows:
    rows = []
    for owner in _chosen(home, options):
        database = _connect_present(home, owner, settings)
        if database is None:
            continue
        try:
            _check_engine(database)
            version, count = _contents(database, owner)
        finally:
            database.close()
        rows.append(
            {"owner": owner.name, "where": database.where, "version": version, "rows": count, "ok": True}
        )
    return rows


def _contents(database: Database, owner: Owner) -> tuple[int, int]:
    """Version and count of all rows, each of which is read."""
    if owner.file_only:
        tables = [name for name in database.engine.get_tables() if not name.startswith("sqlite_")]
        counts = [execute(database.engine, f'SELECT count(*) FROM "{name}"') for name in tables]  # noqa: S608
        version = execute(database.engine, "PRAGMA user_version")
        return int(version[0][0]), sum(int(rows[0][0]) for rows in counts)
    there = [model for model in owner.models if database.engine.table_exists(model._meta.table_name)]
    count = sum(fingerprint(database.engine, model)[0] for model in there)
    return forward.version_of(database.engine), count


def _check_engine(database: Database) -> None:
    if isinstance(database.engine, sqlite.SqliteEngine):
        sqlite.check(database.engine, database.where, quick=False)
        broken = execute(database.engine, "PRAGMA foreign_key_check")
        if broken:
            raise DatabaseBrokenError(database.where, f"{len(broken)} rows refer to rows that are not there")


def _backup(home: Home, settings: DatabaseSettings, options: argparse.Namespace) -> Rows:
    folder = Path(options.to) if options.to else backup_folder(home)
    rows = []
    for owner in _chosen(home, options):
        database = _connect_present(home, owner, settings)
        if database is None:
            continue
        try:
            path = make_backup(
                home, owner.name, database.engine, folder, reason="by hand", models=owner.models
            )
        finally:
            database.close()
        note = read_note(path)
        rows.append({"owner": owner.name, "file": str(path), "size": note.size, "sha256": note.sha256})
    return rows


def _restore(home: Home, settings: DatabaseSettings, options: argparse.Namespace) -> Rows:
    path = Path(options.file)
    owner = owner_of(home, read_note(path).owner)
    target = _target(home, owner, settings)
    if isinstance(target, FileTarget):
        old = restore_file(home, path, target)
        return [{"owner": owner.name, "restored": str(target), "before": str(old or "")}]
    source, database = open_backup(home, path), _open(home, owner, settings)
    try:
        for model in owner.models:
            model.delete().bind(database.engine).execute()
        reports = transfer(
            source, database.engine, list(owner.models), where=database.where, progress=_progress
        )
    finally:
        source.close()
        database.close()
    return [msgspec.to_builtins(report) for report in reports]


def _take_back(home: Home, settings: DatabaseSettings, options: argparse.Namespace) -> Rows:
    rows: Rows = []
    for path in sorted(Path(options.folder).glob("*.sqlite")):
        owner = owner_of(home, read_note(path).owner)
        target = _target(home, owner, settings)
        if isinstance(target, FileTarget) and takeback.is_newer(home, path, target):
            old = None if options.dry_run else takeback.take_back(home, path, target)
            rows.append({"owner": owner.name, "form of": str(path), "before": str(old or "")})
    return rows


def _convert(home: Home, settings: DatabaseSettings, options: argparse.Namespace) -> Rows:
    if (options.url is not None) + options.encrypted + options.plain != 1:
        raise UsageError("Say where to: --url URL, --encrypted or --plain.")
    wanted = DatabaseSettings(url=options.url or "", encrypted=options.encrypted)
    rows = []
    for owner in owners(home):
        source = _connect_present(home, owner, settings)
        if source is None:
            continue
        source.migrate(owner.migrations)
        source.close()
        rows += _convert_owner(home, owner, settings, wanted)
    for owner in file_owners():
        if not wanted.url and (home.databases / f"{owner.name}.sqlite").exists():
            rows += _convert_file(home, owner, wanted.encrypted)
    change = (
        f"database.url={wanted.url}" if wanted.url else f"database.encrypted={str(wanted.encrypted).lower()}"
    )
    print(f"Now set {change} (`cryptobot config set`).", file=sys.stderr)
    if wanted.encrypted:
        print("Older backups are not encrypted; remove them when you do not need them.", file=sys.stderr)
    return rows


def _convert_owner(home: Home, owner: Owner, settings: DatabaseSettings, wanted: DatabaseSettings) -> Rows:
    old, new = target_of(home, owner.name, settings), target_of(home, owner.name, wanted)
    if isinstance(old, FileTarget) and isinstance(new, FileTarget):
        return _convert_file(home, owner, new.encrypted)
    source = connect(home, old, "NORMAL")
    target = Database(owner.name, new, connect(home, new, "FULL"))
    target.models.extend(owner.models)
    try:
        target.migrate(owner.migrations)
        reports = transfer(source, target.engine, list(owner.models), where=target.where, progress=_progress)
    finally:
        source.close()
        target.close()
    return [{"owner": owner.name} | msgspec.to_builtins(report) for report in reports]


def _convert_file(home: Home, owner: Owner, encrypted: bool) -> Rows:
    path = home.databases / f"{owner.name}.sqlite"
    if cipher.is_plain(path) == encrypted:
        (cipher.encrypt_file if encrypted else cipher.decrypt_file)(path, database_key(home))
    return [{"owner": owner.name, "converted": str(path), "encrypted": encrypted}]


def _progress(table: str, rows: int) -> None:
    print(f"{table}: {rows} rows", file=sys.stderr, flush=True)


_ACTIONS: dict[str, Callable[[Home, DatabaseSettings, argparse.Namespace], Rows]] = {
    "backup": _backup,
    "check": _check,
    "convert": _convert,
    "migrate": _migrate,
    "restore": _restore,
    "take-back": _take_back,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
