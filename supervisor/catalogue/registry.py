"""Which services there are: the catalogue of our own and the manifests in `services.d`."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from ...configs import accounts
from ...configs.accounts import TRADE, account_of
from ...configs.errors import SettingsError
from ...configs.frozen import program as program
from ...configs.impact import restarting
from ...configs.paths import Home
from ...configs.schema import ServiceOverride, Settings
from .machines import of_this_machine
from .manifest import Group as Group
from .manifest import Limits as Limits
from .manifest import Manifest as Manifest
from .manifest import Readiness as Readiness
from .order import nearest
from .table import FILE_KEY, TABLE, Entry

SUPERVISOR_TARGET = "cryptobot.supervisor.daemon:main"
_PAPER_NAME = re.compile(r"paper(-[2-9])?")
_NEED_VENUE = frozenset({"data", "trade"})
# Heartbeats come from the main loop; that requests are answered as well is asked now and then, patiently:
# a machine that is merely busy must not cost a service its life.
_PING = Readiness(kind="ping", interval_s=15.0, timeout_s=10.0, degraded_after=3, failures=6)
_ROLES: dict[str, Literal["core", "people"]] = {
    "bus": "core", "trade": "core", "auth": "people", "dashboard": "people"
}  # fmt: skip


def is_built_in(name: str) -> bool:
    """Is it one of our own services?"""
    return name in TABLE or bool(account_of(name))


def built_in(settings: Settings) -> list[Manifest]:
    """The manifests of our own services, with the user's overrides."""
    with_paper, papers = settings.data.exchange == "paper", _paper_exchanges(settings)
    manifests = []
    for name, entry in TABLE.items():
        if name == "paper" and not papers:
            continue
        venue = ("paper",) if with_paper and name in _NEED_VENUE else ()
        manifest = Manifest(
            name=name,
            title=entry.title,
            target=entry.target,
            requires=(*entry.requires, *venue),
            wants=(*entry.wants, *(_further_trades(settings) if "trade" in entry.wants else ())),
            enabled=entry.enabled,
            optional=entry.optional,
            role=_ROLES.get(name, ""),
            probe=None if name == "bus" else _PING,
            secrets=_secrets(settings, entry),
            settings_digest=_digest(settings, entry),
            instances={"strategy": _strategy_processes(settings), "paper": papers}.get(name, 1),
        )
        manifests.append(_with_override(manifest, settings.services.get(name)))
        if name == TRADE:
            manifests += [_of_account(settings, manifest, one) for one in accounts.names(settings)[1:]]
    return manifests


def _of_account(settings: Settings, main: Manifest, account: str) -> Manifest:
    """The process that trades an account beside the first."""
    name, venue = accounts.service_of(account), accounts.venue_of(settings, account)
    entry = TABLE[TRADE]
    manifest = msgspec.structs.replace(
        main,
        name=name,
        title=f"{main.label} {account}",
        # A further paper exchange is an instance of the first, which is enough to wait for.
        requires=(*entry.requires, *(("paper",) if _PAPER_NAME.fullmatch(venue) else ())),
        environment={"CRYPTOBOT_INSTANCE": account},
        secrets=_secrets(settings, entry, account),
        settings_digest=_digest(settings, entry, account),
    )
    return _with_override(manifest, settings.services.get(name))


def _further_trades(settings: Settings) -> tuple[str, ...]:
    return tuple(accounts.service_of(one) for one in accounts.names(settings)[1:])


def _strategy_processes(settings: Settings) -> int:
    """In how many processes the runs are spread: `strategy`, `strategy-2` and so on."""
    runs = settings.strategy.instances.values()
    return max((run.process for run in runs if run.enabled), default=1)


def _paper_exchanges(settings: Settings) -> int:
    """How many paper exchanges are played: `paper`, `paper-2` and so on; 0 when none is a venue."""
    venues = {settings.data.exchange, *settings.data.venues}
    numbers = [1 if name == "paper" else int(name[6:]) for name in venues if _PAPER_NAME.fullmatch(name)]
    return max(numbers, default=0)


def _secrets(settings: Settings, entry: Entry, account: str = accounts.MAIN) -> tuple[str, ...]:
    """Names of what this service needs with these settings, and nothing beyond that."""
    sealed = settings.database.encrypted
    given = [name for name in entry.secrets if sealed or name not in FILE_KEY]
    names = [name.format(exchange=accounts.key_of(settings, account)) for name in given]
    if entry.stores and settings.database.url:
        names.append("database.password")
    elif entry.stores and sealed:
        names.append("database.key")
    return tuple(names)


def _digest(settings: Settings, entry: Entry, account: str = accounts.MAIN) -> str:
    # A change of what needs a restart in these sections changes the manifest: a reload restarts this alone.
    import zlib

    chosen: object = restarting(settings, (*_sections(entry), "bus", "machines"))
    heeded = [name for name in entry.heeds if name in TABLE and is_enabled(settings, name)]
    if heeded:
        chosen = (chosen, heeded)
    if entry is TABLE[TRADE] and account in settings.accounts:
        chosen = (chosen, settings.accounts[account])
    elif "accounts" in entry.heeds and settings.accounts:
        chosen = (chosen, settings.accounts)
    return f"{zlib.crc32(msgspec.json.encode(chosen)):08x}"


def is_enabled(settings: Settings, name: str) -> bool:
    """Whether a service of ours starts with the platform."""
    override = settings.services.get(name)
    wanted = None if override is None else override.enabled
    return TABLE[name].enabled if wanted is None else wanted


def _sections(entry: Entry) -> tuple[str, ...]:
    return (*entry.sections, "database") if entry.stores else entry.sections


def readers(settings: Settings) -> dict[str, list[str]]:
    """Section of the settings, and which of our services a change of it restarts."""
    ours = [manifest.name for manifest in built_in(settings)]
    heeding = [
        name for name in ours if account_of(name) in settings.accounts or "accounts" in _entry(name).heeds
    ]
    found: dict[str, list[str]] = {"bus": ours, "machines": [*ours], "accounts": heeding}
    for manifest in built_in(settings):
        for section in _sections(_entry(manifest.name)):
            if manifest.name not in found.setdefault(section, []):
                found[section].append(manifest.name)
    return found


def _entry(name: str) -> Entry:
    """The line of the table that a service of ours is of."""
    return TABLE[TRADE if account_of(name) else name]


def _with_override(manifest: Manifest, override: ServiceOverride | None) -> Manifest:
    if override is None:
        return manifest
    limits = manifest.limits
    if override.memory_limit_bytes is not None:
        limits = msgspec.structs.replace(limits, memory_bytes=override.memory_limit_bytes)
    return msgspec.structs.replace(
        manifest,
        enabled=manifest.enabled if override.enabled is None else override.enabled,
        restart=override.restart or manifest.restart,
        environment={**manifest.environment, **override.environment},
        limits=limits,
    )


def load(home: Home, settings: Settings) -> list[Manifest]:
    """Built-in services and those of `HOME/services.d/*.yaml` (or .json), with overrides and instances.

    Raises:
        SettingsError: a manifest file is broken, a name is used twice, or an override names no service.
    """
    manifests = {manifest.name: manifest for manifest in built_in(settings)}
    for path in sorted(manifest_files(home)):
        manifest = read_manifest(path)
        if manifest.name in manifests:
            raise SettingsError(f"{path}: the name {manifest.name!r} is taken by another service.")
        manifests[manifest.name] = _with_override(manifest, settings.services.get(manifest.name))
    for name in settings.services:
        if name not in manifests and name not in TABLE:
            raise SettingsError(f"services.{name} names no service; {nearest(name, manifests)}")
    return spread(of_this_machine(settings.machines, manifests, TABLE))


def load_groups(home: Home) -> list[Group]:
    """The groups of `HOME/groups.yaml` (or .json): a list of name, strategy, limit, window_s.

    Raises:
        SettingsError: the file is broken.
    """
    for path in (home.root / "groups.yaml", home.root / "groups.json"):
        if path.exists():
            text = path.read_bytes()
            try:
                data = msgspec.json.decode(text) if path.suffix == ".json" else _parse_yaml(path, text)
                return msgspec.convert(data, list[Group])
            except (msgspec.ValidationError, msgspec.DecodeError) as error:
                raise SettingsError(f"{path}: {error}.") from error
    return []


def spread(manifests: Iterable[Manifest]) -> list[Manifest]:
    """One manifest for each instance: `worker` with three becomes `worker`, `worker-2`, `worker-3`."""
    out: list[Manifest] = []
    for manifest in manifests:
        out.append(manifest)
        for number in range(2, manifest.instances + 1):
            environment = {**manifest.environment, "CRYPTOBOT_INSTANCE": str(number)}
            out.append(
                msgspec.structs.replace(
                    manifest,
                    name=f"{manifest.name}-{number}",
                    title=f"{manifest.label} {number}",
                    environment=environment,
                )
            )
    return out


def manifest_folder(home: Home) -> Path:
    """Where the files that add services lie."""
    return home.root / "services.d"


def manifest_files(home: Home) -> list[Path]:
    """The files that add services."""
    folder = manifest_folder(home)
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.suffix in {".yaml", ".yml", ".json"}]


def read_manifest(path: Path) -> Manifest:
    """One manifest file.

    Raises:
        SettingsError: with the file, the line where it is known, and what is wrong.
    """
    return manifest_of(read_data(path), str(path))


def read_data(path: Path) -> object:
    """What a file of JSON or YAML holds.

    Raises:
        SettingsError: with the file, the line where it is known, and what is wrong.
    """
    try:
        text = path.read_bytes()
        return msgspec.json.decode(text) if path.suffix == ".json" else _parse_yaml(path, text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise SettingsError(f"{path}: {error}.") from error


def manifest_of(data: object, source: str) -> Manifest:
    """A checked manifest.

    Raises:
        SettingsError: naming the source and what is wrong.
    """
    try:
        manifest = msgspec.convert(data, Manifest)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {error}.") from error
    if bool(manifest.target) == bool(manifest.command):
        raise SettingsError(
            f"{source}: give either `command` (a list) or `target`, not both and not neither."
        )
    _check_name(source, manifest.name)
    if manifest.restart_at:
        from .schedule import Schedule  # time zones cost memory; few services have a schedule

        Schedule(manifest.restart_at)
    return manifest


def _parse_yaml(path: Path, text: bytes) -> object:
    import yaml  # only homes with manifests of their own pay for it

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise SettingsError(f"{where}: {getattr(error, 'problem', None) or error}.") from error


def _check_name(source: str, name: str) -> None:
    legal = name.replace("-", "").replace("_", "")
    if not legal.isalnum() or not name.isascii() or name == "supervisor" or len(name) > 40:
        raise SettingsError(
            f"{source}: {name!r} cannot be a service's name; "
            "take up to 40 letters, digits, - and _, not 'supervisor'."
        )


def target_of(home: Home, settings: Settings, name: str) -> str:
    """The string target that `cryptobot service run NAME` calls; `supervisor` is the daemon itself.

    Raises:
        SettingsError: there is no such service, or it has a command and no target.
    """
    if name == "supervisor":
        return SUPERVISOR_TARGET
    manifests = {manifest.name: manifest for manifest in load(home, settings)}
    if name in TABLE and name not in manifests:
        return TABLE[name].target
    if name not in manifests:
        raise SettingsError(f"There is no service {name!r}; {nearest(name, manifests)}")
    if not manifests[name].target:
        raise SettingsError(f"The service {name!r} is a command of its own, not a part of this program.")
    return manifests[name].target
