"""Checks of the home: its folders, settings, secrets, certificates, and what a crash has left there."""

import errno
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ...configs import addonseals, snapshot
from ...configs.errors import CryptoBotError
from ...configs.load import load
from .finding import FAULT, OK, WARNING, Finding, Patient

_SOON_S = 14 * 86_400
_LEFT_OVER_S = 3600.0
_PUBLIC = (".crt", ".pem", ".lock")


def folder(patient: Patient) -> Finding:
    home = patient.home
    if not home.root.exists():
        return Finding("home", OK, f"{home.root} will be made at the first start")
    why = "Everything that must survive is written there."
    try:
        home.create()
        probe = home.root / f".doctor-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except (CryptoBotError, OSError) as error:
        return Finding("home", FAULT, str(error), why, f"Give {home.root} to the user who runs CryptoBot.")
    return Finding("home", OK, f"{home.root} can be written")


def permissions(patient: Patient) -> Finding:
    if sys.platform == "win32" or not patient.home.root.exists():
        return Finding("permissions", OK, "nothing to guard yet")
    found = [f"{path.relative_to(patient.home.root)} ({told})" for path, told, _ in _too_open(patient)]
    if found:
        return Finding(
            "permissions",
            FAULT if any("keys" in each for each in found) else WARNING,
            f"Others may get at {', '.join(found[:5])}" + (f" and {len(found) - 5} more" * (len(found) > 5)),
            "Whoever reads the keys can sign in and open the secrets; whoever writes the settings can trade.",
            "`cryptobot doctor --fix` closes them.",
        )
    return Finding("permissions", OK, f"{patient.home.root} is yours alone")


def close_them(patient: Patient) -> str:
    """What is open to others is closed; what is not ours stays as it is."""
    done = []
    for path, _, mode in _too_open(patient):
        if path.lstat().st_uid == os.getuid() and not path.is_symlink():
            path.chmod(mode)
            done.append(str(path.relative_to(patient.home.root)))
    return f"closed {', '.join(done)}" if done else ""


def _too_open(patient: Patient) -> Iterator[tuple[Path, str, int]]:
    """Each path of the home that others may do too much with: what, and the mode that it should have."""
    home = patient.home
    for private in (home.run, home.state, home.keys):
        if private.exists() and private.stat().st_mode & 0o077:
            yield private, "folder", 0o700
    if home.keys.exists():
        for path in sorted(home.keys.iterdir()):
            if path.is_file() and path.stat().st_mode & 0o077 and not path.name.endswith(_PUBLIC):
                yield path, "readable", 0o600
    for path in (home.root, home.config_file, home.strategies, home.connectors, home.root / "addons"):
        if path.exists() and path.stat().st_mode & 0o022:
            yield path, "writable", stat.S_IMODE(path.stat().st_mode) & ~0o022


def settings(patient: Patient) -> Finding:
    home = patient.home
    try:
        load(home)
    except CryptoBotError as error:
        why = "The platform does not start with broken settings; one that runs goes on with the old ones."
        return Finding("settings", FAULT, str(error), why, "Mend it, then `cryptobot config check`.")
    text = f"{home.config_file} is in order" if home.config_file.exists() else "defaults"
    return Finding("settings", OK, text)


def in_force(patient: Patient) -> Finding:
    if not (patient.home.run / "settings.json").exists():
        return Finding("settings in force", OK, "none yet")
    try:
        snapshot.read(patient.home)
    except CryptoBotError as error:
        why = "Every service reads this file when it starts."
        return Finding(
            "settings in force", FAULT, str(error), why, "`cryptobot doctor --fix` writes it anew."
        )
    return Finding("settings in force", OK, "they can be read")


def write_in_force(patient: Patient) -> str:
    """From config.yaml, as `cryptobot reload` would; what was given with --set is not known here."""
    if patient.settings is None:
        return ""
    snapshot.write(patient.home, patient.settings)
    return "wrote run/settings.json anew from config.yaml"


def surroundings(patient: Patient) -> Finding:
    from ...configs.surroundings import CHOSEN, Machine, look

    facts = look(Machine(patient.home))
    grave = {"read-only home", "network home"} & {fact.name for fact in facts}
    text = "; ".join(f"{fact.name} ({fact.detail})" for fact in facts) or "nothing out of the ordinary"
    advice = [fact.advice for fact in facts if fact.advice]
    if any(fact.name in CHOSEN for fact in facts):
        advice.append("`cryptobot config diff` shows what was chosen; `surroundings: off` leaves it out.")
    why = "Locks and journals need a disk of this machine that can be written." if grave else ""
    return Finding("surroundings", WARNING if grave else OK, text, why, " ".join(advice))


def secrets(patient: Patient) -> Finding:
    from ...configs.vault import Vault

    vault = Vault(patient.home)
    due = [info.name for info in vault.names() if info.due]
    if vault.master_due(_master_days(patient)):
        why = "It protects all others: the longer it is in use, the more copies of it there are."
        found = f"The master key is older than {_master_days(patient)} days"
        return Finding("secrets", WARNING, found, why, "cryptobot secret rotate")
    if due:
        why = "The longer a key is in use, the more copies of it there are."
        todo = f"Make a new one where it comes from, then `cryptobot secret set {due[0]}`."
        return Finding("secrets", WARNING, f"Due to be changed: {', '.join(due)}", why, todo)
    return Finding("secrets", OK, "none is due to be changed")


def _master_days(patient: Patient) -> int:
    try:
        return load(patient.home).settings.secrets.master_rotate_days
    except CryptoBotError:
        return 0  # the check of the settings tells that


def add_ons(patient: Patient) -> Finding:
    """What was installed is still what was signed; what was put there by hand is counted."""
    place = patient.home.root / "addons"
    folders = sorted(path for path in place.glob("[!.]*") if path.is_dir())
    wrong = addonseals.refused(patient.home, folders)
    if wrong:
        return Finding(
            "add-ons",
            FAULT,
            "; ".join(sentence.partition("; ")[0] for sentence in wrong.values()),
            "Code that its signer did not write could trade with your money.",
            "Install it again with `cryptobot addon install`, or delete its folder in HOME/addons.",
        )
    return Finding("add-ons", OK, f"{len(folders)} add-ons are as they were installed or put there")


def certificates(patient: Patient) -> Finding:
    ends = {path: _seconds_left(path, patient) for path in _certificates(patient.home.keys)}
    if not ends:
        return Finding("certificates", OK, "none yet; one is made at the first start")
    path, left_s = min(ends.items(), key=lambda one: one[1] if one[1] is not None else -1e12)
    if left_s is None:
        text, verdict = f"{path.name} cannot be read", FAULT
    else:
        text = f"{path.name} is good for {left_s / 86_400:.0f} days"
        verdict = OK if left_s >= _SOON_S else WARNING if left_s > 0 else FAULT
        text = text if left_s > 0 else f"{path.name} ended {-left_s / 86_400:.0f} days ago"
    if verdict == OK:
        return Finding("certificates", OK, text)
    why = "Browsers refuse the dashboard with a certificate that has ended."
    return Finding(
        "certificates", verdict, text, why, "`cryptobot doctor --fix`, or `cryptobot restart dashboard`."
    )


def renew(patient: Patient) -> str:
    """Our own ones that have ended or cannot be read are put aside; the dashboard makes new ones."""
    aside = []
    for path in _certificates(patient.home.keys):
        left_s = _seconds_left(path, patient)
        if path.name in {"dashboard.crt", "ca.crt"} and (left_s is None or left_s < _SOON_S):
            path.replace(path.with_name(f"{path.name}.old"))
            aside.append(path.name)
    if not aside:
        return ""
    done = f"put {' and '.join(aside)} aside"
    if patient.status is None:
        return f"{done}; the next start makes new ones"
    from ..cli import daemon

    with daemon.connect(patient.home) as client:
        client.restart("dashboard")
    return f"{done} and restarted the dashboard, which makes new ones"


def _certificates(keys: Path) -> list[Path]:
    return [path for path in (*sorted(keys.glob("*.crt")), *sorted(keys.glob("*.pem"))) if _is_one(path)]


def _is_one(path: Path) -> bool:
    return b"PRIVATE KEY" not in path.read_bytes()


def _seconds_left(path: Path, patient: Patient) -> float | None:
    from cryptography import x509

    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except ValueError:
        return None
    return ends.timestamp() - patient.instruments.now()


def leftovers(patient: Patient) -> Finding:
    found = _left_over(patient)
    if not found:
        return Finding("leftovers", OK, "a crash has left nothing behind")
    names = ", ".join(path.name for path in found[:5]) + (f" and {len(found) - 5} more" * (len(found) > 5))
    return Finding(
        "leftovers",
        WARNING,
        f"Nobody uses any more: {names}",
        "Programs that read the addresses or ask at the sockets wait for an answer that never comes.",
        "`cryptobot doctor --fix` removes them; `cryptobot up` replaces them.",
    )


def clear_away(patient: Patient) -> str:
    """Sockets without a listener, addresses of what is gone, half-written files; only while all rests."""
    found = _left_over(patient)
    for path in found:
        path.unlink(missing_ok=True)
    return f"removed {', '.join(path.name for path in found)}" if found else ""


def _left_over(patient: Patient) -> list[Path]:
    home = patient.home
    if not home.run.exists() or not patient.at_rest:
        return []
    now = time.time()
    sockets = [path for path in _sockets(home.sockets) if not _has_listener(path)]
    addresses = [
        path for path in (home.run / "connection.json", home.run / "dashboard.json") if path.exists()
    ]
    halves = [
        path
        for place in (home.run, home.state, home.databases)
        if place.is_dir()
        for path in place.glob("*.tmp")
        if now - path.stat().st_mtime > _LEFT_OVER_S
    ]
    return [*sockets, *addresses, *halves]


def _sockets(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_socket()) if place.is_dir() else []


def _has_listener(path: Path) -> bool:
    """Datagram sockets refuse a stream with another error than that nobody is there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError as error:
            return not _datagram_is_dead(path) if error.errno == errno.EPROTOTYPE else True
    return True


def _datagram_is_dead(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
