"""Checks of what runs: the supervisor, its lock, services without one, ports."""

import os
import socket
import sys

from ...configs.errors import SettingsError
from ..start.lock import lock_path
from .finding import FAULT, OK, WARNING, Finding, Patient


def lock(patient: Patient) -> Finding:
    path = lock_path(patient.home)
    if patient.status is not None or sys.platform == "win32" or not path.exists():
        return Finding("lock", OK, "held by the supervisor that answers" if patient.status else "free")
    import fcntl

    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        return Finding(
            "lock",
            FAULT,
            f"Process {holder} holds the lock of this home and does not answer",
            "No other supervisor can start, and nobody watches the services.",
            f"Look what it does (`ps -p {holder}`); end it with `kill -9 {holder}`, then `cryptobot up -d`: "
            "the services trade on meanwhile.",
        )
    finally:
        os.close(descriptor)
    return Finding("lock", OK, "free")


def orphans(patient: Patient) -> Finding:
    if not patient.orphans:
        return Finding("orphans", OK, "no service runs without a supervisor")
    return Finding(
        "orphans",
        FAULT,
        f"These run without a supervisor: {', '.join(patient.orphans)}",
        "They trade on, but nobody starts them again when they fail.",
        "`cryptobot up -d` takes them over as they are.",
    )


def platform(patient: Patient) -> Finding:
    found = patient.status
    if found is None:
        return Finding("platform", OK, "not running; `cryptobot demo` or `cryptobot up` starts it")
    services = found["services"]
    ill = [one for one in services if one["state"] not in {"RUNNING", "STOPPED"}]
    if ill:
        names = ", ".join(f"{one['name']} {one['state']} ({one['reason']})" for one in ill)
        why = "What it does is not done meanwhile."
        return Finding("platform", FAULT, names, why, f"cryptobot logs {ill[0]['name']} --level warning")
    return Finding("platform", OK, f"runs as pid {found['supervisor']['pid']} with {len(services)} services")


def ports(patient: Patient) -> Finding:
    if patient.status is not None or patient.orphans:
        return Finding("ports", OK, "in use by the running platform")
    chosen = patient.settings
    if chosen is None:
        why = "The settings say which they are."
        return Finding("ports", WARNING, "not known while the settings are broken", why, "Mend the settings.")
    wanted = [("dashboard.port", chosen.dashboard.host, chosen.dashboard.port)]
    if chosen.data.exchange == "paper":
        wanted.append(("paper.port", "127.0.0.1", chosen.paper.port))
    for key, host, number in wanted:
        trouble = port_trouble(host, number)
        if trouble:
            why = "The service that listens there would not start."
            return Finding("ports", FAULT, trouble, why, f"cryptobot config set {key} 0 takes a free one.")
    told = [f"{number} on {host} is free" for _, host, number in wanted if number]
    return Finding("ports", OK, ", ".join(told) or "free ones are taken at the start")


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
