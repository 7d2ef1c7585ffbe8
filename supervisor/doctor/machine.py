"""Checks of the machine: versions, clock, room, limits."""

import re
import sys
import time
from importlib import metadata

from ...configs.frozen import executable
from .finding import FAULT, OK, WARNING, Finding, Patient

OLDEST_PYTHON = (3, 11)
_FEW_BYTES, _SCARCE_BYTES = 200_000_000, 1_000_000_000
_FEW_INODES, _SCARCE_INODES = 1000, 20_000
_LITTLE_MEMORY, _SCARCE_MEMORY = 100_000_000, 400_000_000
_FEW_FILES, _FEW_PROCESSES, _SMALL_FILE = 1024, 256, 2**31
# The clock of a machine without a battery starts in 1970; a certificate made then is not believed later.
_CLOCK_FLOOR_S = 1_760_000_000
_CLOCK_WRONG_S = 1.0


def python(patient: Patient) -> Finding:
    version = ".".join(map(str, patient.instruments.python))
    if patient.instruments.python < OLDEST_PYTHON:
        return Finding(
            "python",
            FAULT,
            f"This is Python {version}",
            "CryptoBot is written for 3.11 and newer; older ones fail in odd places.",
            "Install Python 3.11 or newer and CryptoBot with it.",
        )
    return Finding("python", OK, f"{sys.implementation.name} {version} on {sys.platform}")


def libraries(patient: Patient) -> Finding:
    try:
        needed = [text for text in metadata.requires("cryptobot") or [] if "extra ==" not in text]
    except metadata.PackageNotFoundError:
        return Finding("libraries", OK, "part of this program")
    if executable():  # the minimal variant does without ccxt; the list of extras tells
        needed = [text for text in needed if not text.startswith("ccxt")]
    wrong = [fault for fault in map(fault_of, needed) if fault]
    if wrong:
        return Finding(
            "libraries",
            FAULT,
            "; ".join(wrong),
            "What is missing or too old fails when it is first used, perhaps in the midst of trading.",
            "Install CryptoBot again with pip.",
        )
    return Finding("libraries", OK, f"{len(needed)} libraries are installed")


def fault_of(requirement: str) -> str:
    """What is wrong with one library, such as `pyzmq>=26`; "" when nothing is, or it is for other systems."""
    wanted, _, marker = requirement.partition(";")
    if "win32" in marker and (sys.platform == "win32") == ("!=" in marker):
        return ""
    found = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*(?:>=\s*([0-9.]+))?", wanted.strip())
    if found is None:
        return ""
    name, least = found.group(1), found.group(2) or "0"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    return f"{name} {version} is older than {least}" if _numbers(version) < _numbers(least) else ""


def _numbers(version: str) -> tuple[int, ...]:
    """1.2.3rc1 is (1, 2, 3)."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[a-zA-Z+]", version)[0]))


def clock(patient: Patient) -> Finding:
    now = patient.instruments.now()
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    why = "Exchanges refuse orders with a wrong time, and certificates seem to have ended."
    if now < _CLOCK_FLOOR_S:
        return Finding("clock", FAULT, f"The clock says {text}", why, "Set the clock.")
    error_s = patient.instruments.clock_error_s()
    if error_s is not None and error_s > _CLOCK_WRONG_S:
        told = "nothing keeps it right" if error_s == float("inf") else f"it may be {error_s:.1f} s wrong"
        todo = "Turn on time synchronisation: `timedatectl set-ntp true`, or install chrony."
        return Finding("clock", WARNING, f"{text}, but {told}", why, todo)
    return Finding("clock", OK, text)


def disk(patient: Patient) -> Finding:
    free = patient.instruments.free_disk(patient.existing)
    text = f"{free / 1e9:.1f} GB free at {patient.existing}"
    why = "Orders are written down before they are sent: on a full disk nothing is traded."
    if free < _FEW_BYTES:
        return Finding("disk", FAULT, text, why, "Make room.")
    if free < _SCARCE_BYTES:
        todo = "Make room, or lower bus.journal_max_bytes and log.keep."
        return Finding("disk", WARNING, text, why, todo)
    return Finding("disk", OK, text)


def inodes(patient: Patient) -> Finding:
    free = patient.instruments.free_inodes(patient.existing)
    if free is None or free >= _SCARCE_INODES:
        return Finding("inodes", OK, "not limited here" if free is None else f"{free} more files can be made")
    why = "With room for bytes but none for files, journals and logs cannot be begun."
    verdict = FAULT if free < _FEW_INODES else WARNING
    todo = f"Remove small files on the disk of {patient.existing}: `df -i` shows the disks."
    return Finding("inodes", verdict, f"Only {free} more files can be made", why, todo)


def memory(patient: Patient) -> Finding:
    free = patient.instruments.free_memory()
    if free is None:
        return Finding("memory", OK, "the system does not tell")
    text = f"{free / 1e9:.1f} GB free"
    if free >= _SCARCE_MEMORY:
        return Finding("memory", OK, text)
    why = "The whole platform takes about 400 MB; when memory ends, the system kills what it likes."
    todo = "End other programs, or disable add-ons: `cryptobot config set services.NAME.enabled false`."
    return Finding("memory", FAULT if free < _LITTLE_MEMORY else WARNING, text, why, todo)


def limits(patient: Patient) -> Finding:
    found = {name: patient.instruments.limit(name) for name in ("nofile", "nproc", "fsize")}
    least = {"nofile": _FEW_FILES, "nproc": _FEW_PROCESSES, "fsize": _SMALL_FILE}
    words = {"nofile": "open files", "nproc": "processes", "fsize": "bytes in a file"}
    flags = {"nofile": "-n 4096", "nproc": "-u 4096", "fsize": "-f unlimited"}
    low = {name: value for name, value in found.items() if value is not None and value < least[name]}
    if not low:
        files = found["nofile"]
        return Finding("limits", OK, f"a process may open {files} files" if files else "none that matter")
    return Finding(
        "limits",
        WARNING,
        "This user may have " + ", ".join(f"{value} {words[name]}" for name, value in low.items()),
        "A service at such a limit fails when it connects, starts a process or writes its journal.",
        "Raise it before `cryptobot up`: " + "; ".join(f"ulimit {flags[name]}" for name in low),
    )
