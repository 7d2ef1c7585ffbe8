"""Where this program runs, as far as that matters: container, CI, systemd, WSL, battery, little room.

A few values that cost nothing follow from it: the layer `surroundings`, under the profile, so that every
other layer wins; `surroundings: off` in config.yaml leaves it out. Everything that a person should weigh is a
suggestion instead (`cryptobot doctor`). Nothing here ever touches money: CHOSEN is the whole list of keys.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .paths import Home
from .problems import Origin
from .tree import Branch, Text

LITTLE_MEMORY_BYTES = 1 << 30
SMALL_DISK_BYTES = 8 << 30
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "drvfs", "fuse.sshfs", "afs"})
# What a fact chooses; rates of watching and sizes of what may be thrown away.
CHOSEN: dict[str, dict[str, str]] = {
    "battery": {"supervisor.stats_interval_s": "5s"},
    "little memory": {"supervisor.stats_interval_s": "5s", "bus.high_water_mark": "2000"},
    "small disk": {"bus.journal_max_bytes": "128MiB", "log.max_bytes": "2MiB", "log.keep": "3"},
}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something about the surroundings. `advice` is "" where there is nothing to do."""

    name: str
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at; tests give another one. `root` is where /proc, /sys and the like are."""

    home: Home
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    root: Path = Path("/")
    platform: str = sys.platform

    def text(self, path: str) -> str:
        """The start of a small file, "" when it cannot be read."""
        try:
            with (self.root / path).open("rb") as file:
                return file.read(65_536).decode("utf-8", "replace")
        except OSError:
            return ""

    def folder(self) -> Path:
        """The home, or the nearest folder above it that exists."""
        return next(path for path in (self.home.root, *self.home.root.parents) if path.exists())


def look(machine: Machine) -> list[Fact]:
    """Every fact that holds here."""
    return [fact for find in _FINDERS for fact in find(machine)]


def layer(facts: Sequence[Fact]) -> Branch:
    """The values that the facts choose, as a layer of settings."""
    tree = Branch({}, Origin("surroundings", "surroundings"))
    for fact in facts:
        for key, value in CHOSEN.get(fact.name, {}).items():
            origin = Origin("surroundings", f"surroundings: {fact.name}")
            section, name = key.split(".")
            inside = tree.children.setdefault(section, Branch({}, origin))
            if isinstance(inside, Branch):
                inside.children[name], inside.places[name] = Text(value, origin), origin
                tree.places[section] = origin
    return tree


def _container(machine: Machine) -> Iterator[Fact]:
    environ = machine.environ
    kind = ""
    if "KUBERNETES_SERVICE_HOST" in environ:
        kind = "Kubernetes"
    elif (machine.root / "run/.containerenv").exists():
        kind = "Podman"
    elif (machine.root / ".dockerenv").exists():
        kind = "Docker"
    elif environ.get("container"):
        kind = environ["container"]
    if not kind:
        return
    advice = ""
    if _file_system(machine) == "overlay":
        advice = f"Mount a volume at {machine.home.root}: the container's own layer is lost with it."
    elif "CRYPTOBOT_MASTER_KEY" not in environ:
        advice = "Give the key of the secrets as CRYPTOBOT_MASTER_KEY; dashboard.host 0.0.0.0 lets others in."
    yield Fact("container", kind, advice)


def _ci(machine: Machine) -> Iterator[Fact]:
    if machine.environ.get("CI", "").lower() in ("true", "1", "yes"):
        yield Fact("CI", "the variable CI is set", "Take free ports: --set dashboard.port=0.")


def _systemd(machine: Machine) -> Iterator[Fact]:
    if machine.environ.get("INVOCATION_ID"):
        yield Fact("systemd", "started by systemd, which restarts it")


def _wsl(machine: Machine) -> Iterator[Fact]:
    if (
        "WSL_DISTRO_NAME" in machine.environ
        or "microsoft" in machine.text("proc/sys/kernel/osrelease").lower()
    ):
        advice = (
            "Windows ends WSL when its last window closes: keep one open, or install the Windows service."
        )
        yield Fact("WSL", machine.environ.get("WSL_DISTRO_NAME", "Linux on Windows"), advice)


def _headless(machine: Machine) -> Iterator[Fact]:
    if machine.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(machine.environ):
        yield Fact("headless", "no display: the dashboard's address is printed, no browser opens")


def _battery(machine: Machine) -> Iterator[Fact]:
    supplies = machine.root / "sys/class/power_supply"
    names = sorted(path.name for path in supplies.iterdir()) if supplies.is_dir() else []
    for name in names:
        place = f"sys/class/power_supply/{name}"
        told = {what: machine.text(f"{place}/{what}").strip() for what in ("type", "scope", "status")}
        # A mouse has a battery too; its scope is Device.
        if told["type"] == "Battery" and told["scope"] != "Device" and told["status"] == "Discharging":
            advice = "Orders are not watched while the machine sleeps; plug it in or forbid sleep."
            yield Fact("battery", f"{name} is discharging", advice)
            return


def _read_only(machine: Machine) -> Iterator[Fact]:
    folder = machine.folder()
    read_only = hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    if read_only or not os.access(folder, os.W_OK):
        yield Fact("read-only home", str(folder), "Choose a home that can be written: --home DIR.")


def _network_home(machine: Machine) -> Iterator[Fact]:
    kind = _file_system(machine)
    if kind in _NETWORK:
        advice = "SQLite needs a local disk: choose another --home, or set database.url to a server."
        yield Fact("network home", f"{machine.folder()} is {kind}", advice)
    elif kind == "tmpfs":
        advice = "It is gone after a restart of the machine; fine for trying, not for keeping."
        yield Fact("home in memory", str(machine.folder()), advice)


def _little_memory(machine: Machine) -> Iterator[Fact]:
    limits = [_memory(machine)]
    for path in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = machine.text(path).strip()
        limits.append(int(text) if text.isdigit() else 0)
    known = [limit for limit in limits if limit > 0]
    if known and min(known) <= LITTLE_MEMORY_BYTES:
        advice = "The profile minimal suits it; set it with `cryptobot config set profile minimal`."
        yield Fact("little memory", f"{min(known) // (1 << 20)} MiB", advice)


def _small_disk(machine: Machine) -> Iterator[Fact]:
    if hasattr(os, "statvfs"):
        status = os.statvfs(machine.folder())
        size = status.f_frsize * status.f_blocks
        if 0 < size <= SMALL_DISK_BYTES:
            yield Fact("small disk", f"{size // (1 << 20)} MiB at {machine.folder()}")


def _memory(machine: Machine) -> int:
    for line in machine.text("proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def _file_system(machine: Machine) -> str:
    """The kind of file system that the home is on; "" where that is not told (proc(5), mounts)."""
    found, longest = "", -1
    folder = str(machine.folder())
    for line in machine.text("proc/self/mounts").splitlines():
        words = line.split(" ")
        if len(words) < 3:
            continue
        point = words[1].replace("\\040", " ")
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:
            found, longest = words[2], len(point)
    return found


_FINDERS: tuple[Callable[[Machine], Iterator[Fact]], ...] = (
    _container,
    _ci,
    _systemd,
    _wsl,
    _headless,
    _battery,
    _read_only,
    _network_home,
    _little_memory,
    _small_disk,
)
