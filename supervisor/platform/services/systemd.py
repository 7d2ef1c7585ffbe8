"""Linux: a unit of systemd, of the machine or of one user."""

import os
import sys
import tempfile
from pathlib import Path

from ....configs.errors import CryptoBotError, UsageError
from ....configs.programfolder import ProgramFolder
from .base import DESCRIPTION, STOP_TIMEOUT_S, Installation, Runner, ServiceManager

BOOTED = Path("/run/systemd/system")

# KillMode=process and OOMPolicy=continue: what dies is the supervisor's business, and when it dies itself
# the services trade on until the next one adopts them. Code 2 is wrong settings: no restart mends those.
_SERVICE = """\
[Unit]
Description={description}
{after}StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload={reload}
WorkingDirectory={directory}
{user}WatchdogSec=30
Restart=on-failure
RestartSec=1
RestartPreventExitStatus=2
KillMode=process
OOMPolicy=continue
TimeoutStartSec=90
TimeoutStopSec={stop_s}
UMask=0077
{hardening}
[Install]
WantedBy={wanted_by}
"""
_FOR_ALL = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "SystemCallArchitectures=native",
)
# A user's own manager may not mount: these are for services of the machine. PrivateUsers is left out, since a
# supervisor that takes over what its predecessor left must share its users; MemoryDenyWriteExecute, since a
# strategy may bring a compiler of its own (numba). SQLite calls fchown when it runs as root.
_FOR_MACHINE = (
    "AmbientCapabilities=",
    "CapabilityBoundingSet=",
    "DevicePolicy=closed",
    "KeyringMode=private",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProtectSystem=strict",
    "RestrictNamespaces=yes",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged",
    "SystemCallFilter=@chown",
)


class Systemd(ServiceManager):
    """Writes the unit, enables and starts it.

    Args:
        folder: of the units; without it systemd's own for that scope.
        booted: exists when systemd runs this machine.
    """

    def __init__(
        self,
        what: Installation,
        *,
        whole_machine: bool,
        runner: Runner,
        folder: Path | None = None,
        booted: Path = BOOTED,
    ) -> None:
        super().__init__(what, whole_machine=whole_machine, runner=runner)
        self.unit = f"{what.name}.service"
        self.path = (folder or _folder(whole_machine)) / self.unit
        self._booted = booted

    def definition(self) -> str:
        machine = self.whole_machine
        hardening = [*_FOR_ALL, *(_for_machine(self.what) if machine else ())]
        return _SERVICE.format(
            description=DESCRIPTION,
            after="Wants=network-online.target\nAfter=network-online.target\n" if machine else "",
            command=_command(self.what.words),
            reload=_command([*self.what.words[:-1], "reload"]),
            directory=_plain(str(self.what.home.root)),
            user=f"User={self.what.user}\n" if self.what.user else "",
            stop_s=STOP_TIMEOUT_S,
            hardening="".join(line + "\n" for line in hardening),
            wanted_by="multi-user.target" if machine else "default.target",
        )

    def check(self) -> None:
        if not self._booted.exists() and self.what.start:
            raise CryptoBotError(
                "systemd does not run this machine, so nothing can be started; `cryptobot up -d` starts "
                "the platform without it. --no-start prepares an image or a chroot, --print shows the unit."
            )
        if self.whole_machine and os.geteuid() != 0:
            raise UsageError(
                "A service of the machine needs root: use sudo (and name the home with --home DIR), "
                "or install your own with --user."
            )

    def installed(self) -> bool:
        return self.path.exists()

    def is_ours(self) -> bool:
        return self.path.exists() and self._is_ours(self.path.read_text(encoding="utf-8"))

    def install(self) -> list[str]:
        self.prepare_home()
        self.write(self.path, same_home=self._is_ours)
        if self._booted.exists():
            self.demand(self._systemctl("daemon-reload"))
        self.demand(self._systemctl("enable" if self.what.autostart else "disable", self.unit))
        if self.what.start:
            self.demand(self._systemctl("restart", self.unit))
        told = [f"{self.path} is written; {self.unit} {self._when()}."]
        if self.what.autostart and not self.whole_machine:
            told.append("`loginctl enable-linger` lets it run while you are not logged in.")
        return told

    def _when(self) -> str:
        by_itself = "starts with the machine" if self.whole_machine else "starts when you log in"
        later = by_itself if self.what.autostart else "later when you start it"
        if self.what.start:
            return f"runs now, and {later}"
        return later if self.what.autostart else "starts when you start it"

    def uninstall(self) -> list[str]:
        self.require_file(self.path)
        runs = self._booted.exists()
        self.demand(self._systemctl("disable", *(["--now"] if runs else []), self.unit))
        self.remove(self.path)
        if runs:
            self.demand(self._systemctl("daemon-reload"))
        return [f"{self.unit} is stopped and removed; {self.what.home.root} stays as it is."]

    def _is_ours(self, text: str) -> bool:
        return f" {_command(self.what.ending)}\n" in text

    def _systemctl(self, *words: str) -> list[str]:
        return ["systemctl", *([] if self.whole_machine else ["--user"]), *words]


def _folder(whole_machine: bool) -> Path:
    if whole_machine:
        return Path("/etc/systemd/system")
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "systemd" / "user"


def _for_machine(what: Installation) -> list[str]:
    """The home stays writable; a /tmp of its own only when neither home nor sockets lie in the shared one.

    People's homes are out of sight, unless the program or its home lies in one.
    """
    home = what.home
    needed = [str(home.root), *what.program, sys.prefix]
    among_people = any(path.startswith(("/home/", "/root/", "/run/user/")) for path in needed)
    shared = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - nothing is written there
    in_shared = any(place.is_relative_to(top) for place in (home.root, home.sockets) for top in shared)
    writable = [home.root, *([] if home.sockets.is_relative_to(home.root) else [home.sockets.parent])]
    versions = ProgramFolder.find()
    if versions is not None:
        writable.append(versions.root)  # the program keeps its versions there and counts their starts
    paths = " ".join(_word(str(path)) for path in writable)
    shut = f"ProtectHome={'read-only' if among_people else 'yes'}"
    return [*_FOR_MACHINE, shut, f"PrivateTmp={'no' if in_shared else 'yes'}", f"ReadWritePaths={paths}"]


def _command(words: list[str]) -> str:
    return " ".join(_word(word).replace("$", "$$") for word in words)


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """One word of a unit file, quoted when it has to be; `%` is systemd's own sign."""
    text = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if any(sign in text for sign in " \t'\"\\;") else text
