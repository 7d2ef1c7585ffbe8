"""What `cryptobot doctor` looks at. Each check is one function that answers with one finding."""

import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ...configs.errors import CryptoBotError, NotRunningError, SettingsError
from ...configs.load import load
from ...configs.paths import Home
from ...configs.schema import Settings
from . import daemon

OK, WARNING, FAULT = "ok", "warning", "fault"
_FEW_BYTES, _SCARCE_BYTES = 200_000_000, 1_000_000_000
_FEW_FILES = 1024
# The clock of a machine without a battery starts in 1970; a certificate made then is not believed later.
_CLOCK_FLOOR_S = 1_760_000_000
_SOON_S = 14 * 86_400


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `advice` says what to do; it is empty when all is well."""

    check: str
    verdict: str
    text: str
    advice: str = ""


def run_all(home: Home) -> Iterator[Finding]:
    """Every check, in the order in which faults explain each other. A check that breaks is a fault itself."""
    for check in CHECKS:
        try:
            yield check(home)
        except Exception as error:
            yield Finding(check.__name__, FAULT, f"The check itself failed: {type(error).__name__}: {error}")


def python(home: Home) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", OK, f"{sys.implementation.name} {version} on {sys.platform}")


def libraries(home: Home) -> Finding:
    try:
        needed = [text for text in metadata.requires("cryptobot") or [] if "extra ==" not in text]
    except metadata.PackageNotFoundError:
        return Finding("libraries", OK, "part of this program")
    missing = [name for name in map(_name_of, needed) if not _installed(name)]
    if missing:
        return Finding(
            "libraries", FAULT, f"Missing: {', '.join(missing)}", "Install CryptoBot again with pip."
        )
    return Finding("libraries", OK, f"{len(needed)} libraries are installed")


def _name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return found.group() if found else requirement


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def clock(home: Home) -> Finding:
    if time.time() < _CLOCK_FLOOR_S:
        advice = "Set the clock; exchanges refuse orders with a wrong time."
        return Finding("clock", FAULT, f"The clock says {time.strftime('%Y-%m-%d')}", advice)
    return Finding("clock", OK, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def folder(home: Home) -> Finding:
    if not home.root.exists():
        return Finding("home", OK, f"{home.root} will be made at the first start")
    home.create()
    probe = home.root / f".doctor-{os.getpid()}"
    probe.write_bytes(b"")
    probe.unlink()
    return Finding("home", OK, f"{home.root} can be written")


def privacy(home: Home) -> Finding:
    if sys.platform == "win32" or not home.keys.exists():
        return Finding("keys", OK, "nothing to guard yet")
    open_ones = [path.name for path in home.keys.iterdir() if path.is_file() and path.stat().st_mode & 0o077]
    secret = [name for name in open_ones if not name.endswith((".crt", ".pem", ".lock"))]
    if secret:
        advice = f"chmod 600 {home.keys}/*"
        return Finding("keys", WARNING, f"Others may read {', '.join(sorted(secret))}", advice)
    return Finding("keys", OK, f"{home.keys} is yours alone")


def disk(home: Home) -> Finding:
    existing = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1e9:.1f} GB free at {existing}"
    if free < _FEW_BYTES:
        return Finding("disk", FAULT, text, "Make room: journals and databases cannot be written.")
    if free < _SCARCE_BYTES:
        return Finding("disk", WARNING, text, "Make room, or lower bus.journal_max_bytes and log.keep.")
    return Finding("disk", OK, text)


def open_files(home: Home) -> Finding:
    if sys.platform == "win32":
        return Finding("open files", OK, "not limited here")
    import resource

    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _FEW_FILES:
        return Finding("open files", WARNING, f"A process may open {soft} files", "Raise it: ulimit -n 4096")
    return Finding("open files", OK, f"a process may open {soft} files")


def settings(home: Home) -> Finding:
    try:
        load(home)
    except CryptoBotError as error:
        return Finding("settings", FAULT, str(error), "Mend it, then `cryptobot config check`.")
    return Finding(
        "settings", OK, f"{home.config_file} is in order" if home.config_file.exists() else "defaults"
    )


def surroundings(home: Home) -> Finding:
    from ...configs.surroundings import CHOSEN, Machine, look

    facts = look(Machine(home))
    grave = {"read-only home", "network home"} & {fact.name for fact in facts}
    text = "; ".join(f"{fact.name} ({fact.detail})" for fact in facts) or "nothing out of the ordinary"
    advice = [fact.advice for fact in facts if fact.advice]
    if any(fact.name in CHOSEN for fact in facts):
        advice.append("`cryptobot config diff` shows what was chosen; `surroundings: off` leaves it out.")
    return Finding("surroundings", WARNING if grave else OK, text, " ".join(advice))


def secrets(home: Home) -> Finding:
    from ...configs.vault import Vault

    due = [info.name for info in Vault(home).names() if info.due]
    if due:
        advice = f"Make a new one where it comes from, then `cryptobot secret set {due[0]}`."
        return Finding("secrets", WARNING, f"Due to be changed: {', '.join(due)}", advice)
    return Finding("secrets", OK, "none is due to be changed")


def certificate(home: Home) -> Finding:
    soonest = _soonest_expiry(home.keys)
    if soonest is None:
        return Finding("certificate", OK, "none yet; one is made at the first start")
    path, left_s = soonest
    text = f"{path.name} is good for {left_s / 86_400:.0f} days"
    if left_s < _SOON_S:
        return Finding("certificate", WARNING if left_s > 0 else FAULT, text, "cryptobot restart dashboard")
    return Finding("certificate", OK, text)


def _soonest_expiry(keys: Path) -> tuple[Path, float] | None:
    from cryptography import x509

    found: list[tuple[Path, float]] = []
    for path in [*keys.glob("*.crt"), *keys.glob("*.pem")]:
        data = path.read_bytes()
        if b"BEGIN CERTIFICATE" in data:
            ends = x509.load_pem_x509_certificate(data).not_valid_after_utc
            found.append((path, ends.timestamp() - time.time()))
    return min(found, key=lambda one: one[1]) if found else None


def platform(home: Home) -> Finding:
    try:
        found = daemon.status(home)
    except NotRunningError:
        return Finding("platform", OK, "not running; `cryptobot demo` or `cryptobot up` starts it")
    services = found["services"]
    ill = [f"{one['name']} {one['state']}" for one in services if one["state"] not in {"RUNNING", "STOPPED"}]
    if ill:
        advice = "cryptobot logs SERVICE --level warning"
        return Finding("platform", FAULT, ", ".join(ill), advice)
    return Finding("platform", OK, f"runs as pid {found['supervisor']['pid']} with {len(services)} services")


def port(home: Home) -> Finding:
    if daemon.is_running(home):
        return Finding("port", OK, "in use by the running dashboard")
    chosen = _dashboard_of(home)
    if chosen is None:
        return Finding("port", WARNING, "not known while the settings are broken")
    host, number = chosen
    trouble = port_trouble(host, number)
    if trouble:
        return Finding("port", FAULT, trouble, "cryptobot config set dashboard.port 0 takes a free one.")
    return Finding(
        "port", OK, f"{number} on {host} is free" if number else "a free one is taken at the start"
    )


def _dashboard_of(home: Home) -> tuple[str, int] | None:
    try:
        chosen: Settings = load(home).settings
    except CryptoBotError:
        return None
    return chosen.dashboard.host, chosen.dashboard.port


def port_trouble(host: str, number: int) -> str:
    """Why nobody can listen there now; "" when somebody can."""
    if number == 0:
        return ""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            return f"Port {number} on {host} cannot be used ({error.strerror or error})"
    return ""


def refuse_taken_port(key: str, host: str, number: int) -> None:
    """Raises SettingsError when nobody can listen on the port that a setting names."""
    trouble = port_trouble(host, number)
    if trouble:
        raise SettingsError(f"{trouble}. Take a free one with --set {key}=0, or another number.")


CHECKS: tuple[Callable[[Home], Finding], ...] = (
    python,
    libraries,
    clock,
    disk,
    open_files,
    folder,
    privacy,
    settings,
    surroundings,
    secrets,
    certificate,
    port,
    platform,
)
