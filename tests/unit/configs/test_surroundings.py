"""Where the program runs, found in made-up machines; what follows from it, and what never does."""

import pytest
from cryptobot.configs.explain import explain
from cryptobot.configs.load import load
from cryptobot.configs.surroundings import CHOSEN, Fact, Machine, look


@pytest.fixture
def machine(tmp_path, home):
    """Makes a machine from files and variables; a desktop with plenty of everything when none are given."""

    def make(files=None, **environ):
        root = tmp_path / "machine"
        for path, text in {"proc/meminfo": "MemTotal:       16000000 kB\n", **(files or {})}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return Machine(home, {"DISPLAY": ":0", **environ}, root, "linux")

    return make


def found(machine, *, without=("small disk",)):
    """Names of the facts; the size of this disk is real."""
    return [fact.name for fact in look(machine) if fact.name not in without]


def mounts(home, kind):
    """A table of mounts with the home on such a file system."""
    return {"proc/self/mounts": f"/dev/sda1 / ext4 rw 0 0\nx {home.root} {kind} rw 0 0\n"}


BATTERY = {"type": "Battery\n", "status": "Discharging\n"}


def supply(**told):
    """Files of one power supply."""
    return {f"sys/class/power_supply/BAT0/{name}": text for name, text in told.items()}


def test_a_desktop_is_nothing_special(machine):
    """No fact, no value."""
    assert found(machine()) == []


@pytest.mark.parametrize(
    ("files", "environ", "name", "detail"),
    [
        ({".dockerenv": ""}, {}, "container", "Docker"),
        ({"run/.containerenv": ""}, {}, "container", "Podman"),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "container", "Kubernetes"),
        ({}, {"container": "systemd-nspawn"}, "container", "systemd-nspawn"),
        ({}, {"CI": "true"}, "CI", "the variable CI is set"),
        ({}, {"INVOCATION_ID": "abc"}, "systemd", "started by systemd, which restarts it"),
        ({}, {"WSL_DISTRO_NAME": "Debian"}, "WSL", "Debian"),
        ({"proc/sys/kernel/osrelease": "5.15.1-microsoft-standard"}, {}, "WSL", "Linux on Windows"),
        (supply(**BATTERY), {}, "battery", "BAT0 is discharging"),
        ({"proc/meminfo": "MemTotal: 524288 kB\n"}, {}, "little memory", "512 MiB"),
        ({"sys/fs/cgroup/memory.max": f"{256 << 20}\n"}, {}, "little memory", "256 MiB"),
    ],
)
def test_each_kind_of_place_is_found(machine, files, environ, name, detail):
    """One sign, one fact, with what was seen."""
    facts = [fact for fact in look(machine(files, **environ)) if fact.name != "small disk"]
    assert [(fact.name, fact.detail) for fact in facts] == [(name, detail)]


@pytest.mark.parametrize(
    "files",
    [
        supply(**BATTERY | {"status": "Charging\n"}),
        supply(**BATTERY, scope="Device\n"),
        supply(type="Mains\n", online="1\n"),
        {"sys/fs/cgroup/memory.max": "max\n"},
        {"proc/meminfo": "nonsense"},
    ],
)
def test_what_looks_like_it_and_is_not(machine, files):
    """A charging laptop, a mouse's battery, a group without a limit."""
    assert found(machine(files)) == []


def test_no_display_is_headless_on_linux_only(machine, home):
    """Windows and macOS have no such variable."""
    bare = machine()
    assert found(Machine(home, {}, bare.root, "linux")) == ["headless"]
    assert found(Machine(home, {}, bare.root, "darwin")) == []


@pytest.mark.parametrize(
    ("kind", "name"), [("nfs4", "network home"), ("9p", "network home"), ("tmpfs", "home in memory")]
)
def test_a_home_where_files_do_not_last_is_told(machine, home, kind, name):
    """SQLite is not safe on a share, and memory forgets."""
    (fact,) = [fact for fact in look(machine(mounts(home, kind))) if fact.name != "small disk"]
    assert fact.name == name
    assert fact.advice


def test_a_container_without_a_volume_is_told_to_mount_one(machine, home):
    """What is written into the container's own layer is lost with it."""
    (fact,) = [one for one in look(machine(mounts(home, "overlay") | {".dockerenv": ""})) if one.advice]
    assert "Mount a volume" in fact.advice


def test_what_is_chosen_is_explained_and_every_other_layer_wins(home):
    """The origin names the surroundings; the profile, the file and the person come above."""
    facts = [Fact("battery", "BAT0")]
    chosen = load(home, (), {}, facts)
    assert chosen.settings.supervisor.stats_interval_s == 5.0
    told = explain(chosen, "supervisor.stats_interval_s")
    assert (told.origin.layer, told.origin.source) == ("surroundings", "surroundings: battery")
    asked = load(home, ("supervisor.stats_interval_s=2s",), {}, facts)
    assert asked.settings.supervisor.stats_interval_s == 2.0
    off = load(home, ("surroundings=off",), {}, facts)
    assert off.settings.supervisor.stats_interval_s == 1.0


def test_nothing_about_money_is_ever_chosen(home):
    """With all facts at once only watching, logs and what may be thrown away differ."""
    allowed = {"bus", "supervisor", "log"}
    assert {key.split(".")[0] for keys in CHOSEN.values() for key in keys} <= allowed
    plain = load(home, (), {}).settings
    moved = load(home, (), {}, [Fact(name, "") for name in CHOSEN]).settings
    differing = {name for name in plain.__struct_fields__ if getattr(plain, name) != getattr(moved, name)}
    assert differing == allowed
