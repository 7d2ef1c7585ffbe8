"""What is exported: which service runs on which machine, checked before anything is written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ...configs.errors import UsageError
from ...configs.exchange import export
from ...configs.load import load, load_text
from ...configs.machines import places, supervisor_of
from ...configs.paths import Home
from ...configs.schema import Settings
from ...configs.sections.machines import Machine, MachinesSettings
from ...configs.yamltext import with_value, without
from ..catalogue.registry import load as load_manifests

_IPV4 = re.compile(r"\d+(\.\d+){3}")
_ANYWHERE = "0.0.0.0"  # noqa: S104 - behind a name any address may be; keys decide who is let in (CURVE)
_PAPER_OFFSET = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked export.

    Args:
        machines: the section `machines`; its `here` is filled in for each machine.
        settings: what is in force in the home that is exported.
        text: its settings as YAML, without the section `machines`.
        database: URL of the database all services share.
        home: the home folder on the machines.
        program: the word that starts `cryptobot` there.
        user: who it runs as.
    """

    machines: MachinesSettings
    settings: Settings
    text: str
    database: str
    home: str
    program: str
    user: str

    @property
    def names(self) -> list[str]:
        """The machines."""
        return list(self.machines.hosts)

    def ports(self, name: str) -> list[int]:
        """The TCP ports that the services of a machine listen on."""
        return sorted({port for _, port in self.listeners(name)})

    def listeners(self, name: str) -> list[tuple[str, int]]:
        """What listens on a machine, and at which port."""
        machine = self.machines.hosts[name]
        found = places(_at(self.machines, self.names[0]))
        ours = (supervisor_of(_at(self.machines, name), name), *machine.services)
        listening = [(each, found[each].port) for each in ours]
        listening += [(f"{each}-direct", found[f"{each}-direct"].port) for each in ("data",) if each in ours]
        if "bus" in ours:
            listening += [(each, found[each].port) for each in ("bus-in", "bus-out")]
        if "paper" in ours:
            listening.append(("paper exchange", self.paper_port))
        if "dashboard" in ours and self.settings.dashboard.port:
            listening.append(("dashboard, HTTPS", self.settings.dashboard.port))
        return sorted(listening, key=lambda one: one[1])

    @property
    def paper_port(self) -> int:
        """Where the paper exchange answers; one of its block unless the settings name another."""
        place = places(_at(self.machines, self.names[0])).get("paper")
        return self.settings.paper.port or (place.port + _PAPER_OFFSET if place else 0)

    def config(self, name: str) -> str:
        """config.yaml of a machine.

        Raises:
            SettingsError: together the settings are wrong.
        """
        address = self.machines.hosts[name].address
        listen = address if _IPV4.fullmatch(address) else _ANYWHERE
        text = with_value(self.text, ("bus", "host"), listen, "text")
        text = with_value(text, ("database", "url"), self.database, "text")
        if self.paper_port:
            text = with_value(text, ("paper", "port"), str(self.paper_port), "int")
        if name == self.dashboard_machine and self.settings.dashboard.host == "127.0.0.1":
            text = with_value(text, ("dashboard", "host"), listen, "text")
            # Whoever gives the dashboard a machine of its own wants to reach it from another.
            text = with_value(text, ("dashboard", "open_to_network"), "true", "bool")
        text = f"{text.rstrip()}\n{self._section(name)}"
        load_text(text, f"the settings of {name}")
        return text

    @property
    def dashboard_machine(self) -> str:
        """The machine that people open in a browser; "" when none has the dashboard."""
        return next((name for name, one in self.machines.hosts.items() if "dashboard" in one.services), "")

    def _section(self, name: str) -> str:
        lines = ["machines:", f"  here: {name}", "  hosts:"]
        for each, machine in self.machines.hosts.items():
            listed = ", ".join(machine.services)
            lines += [
                f"    {each}:",
                f'      address: "{machine.address}"',
                f"      services: [{listed}]",
                f"      port: {machine.port}",
            ]
        return "\n".join(lines) + "\n"


def _at(machines: MachinesSettings, name: str) -> MachinesSettings:
    return MachinesSettings(here=name, hosts=machines.hosts)


def machine_of_words(words: str, *, named_by: str = "") -> tuple[str, Machine]:
    """A machine from `NAME=ADDRESS/service,service`.

    Args:
        named_by: makes the address of a machine without one, `{}` being its name.

    Raises:
        UsageError: the words are not of that form.
    """
    named, slash, listed = words.partition("/")
    name, _, address = named.partition("=")
    services = [service.strip() for service in listed.split(",") if service.strip()]
    address = address or (named_by.format(name) if named_by else "")
    port = 7700
    if ":" in address:
        address, _, number = address.partition(":")
        port = int(number) if number.isdigit() and 0 < int(number) <= 65000 else 0
    if not (slash and name and address and services and port):
        form = "NAME/service,service" if named_by else "NAME=ADDRESS/service,service"
        raise UsageError(
            f"--host {words} is not understood; write it as {form}, such as core=10.0.0.1/bus,auth."
        )
    return name, Machine(address=address, services=services, port=port)


def make(
    home: Home,
    hosts: Sequence[str],
    *,
    database: str,
    program: str,
    user: str,
    home_there: str,
    named_by: str = "",
) -> Plan:
    """Check what is asked for; without `hosts` the section `machines` of the home says it.

    Raises:
        UsageError: no machines, no database, or a service on none of them.
        SettingsError: a service on two machines, or one that does not exist.
    """
    loaded = load(home)
    found = dict(machine_of_words(words, named_by=named_by) for words in hosts)
    if len(found) < len(hosts):
        raise UsageError("Two --host have the same name; a machine is named once, with all its services.")
    machines = MachinesSettings(hosts=found or loaded.settings.machines.hosts)
    if not machines.hosts:
        raise UsageError(
            "Say which service runs where: --host NAME=ADDRESS/service,service for each machine, "
            "or the section machines.hosts of config.yaml."
        )
    url = database or loaded.settings.database.url
    if not url.startswith(("postgresql://", "postgres://")):
        raise UsageError(
            "Services on several machines share one PostgreSQL: --database postgresql://user@host/name, "
            "without the password, which becomes the secret database.password of each machine."
        )
    _check_all_are_placed(home, loaded.settings, machines)
    text = without(export(loaded), ("machines",))
    return Plan(machines, loaded.settings, text, url, home_there, program, user)


def _check_all_are_placed(home: Home, settings: Settings, machines: MachinesSettings) -> None:
    first = next(iter(machines.hosts))
    places(_at(machines, first))
    manifests = {one.name: one for one in load_manifests(home, without_machines(settings))}
    listed = {service for machine in machines.hosts.values() for service in machine.services}
    for name in listed - set(manifests):
        raise UsageError(f"There is no service {name}; there are {', '.join(sorted(manifests))}.")
    for name, one in manifests.items():
        if one.enabled and name not in listed and not _is_instance(name, listed):
            raise UsageError(
                f"The service {name} is enabled and on no machine; add it to one, or disable it "
                f"(`cryptobot config set services.{name}.enabled false`)."
            )
        if not one.enabled and name in listed:
            raise UsageError(
                f"The service {name} is on a machine and not enabled; take it out, or enable it "
                f"(`cryptobot config set services.{name}.enabled true`)."
            )


def _is_instance(name: str, listed: set[str]) -> bool:
    base, _, number = name.rpartition("-")
    return number.isdigit() and base in listed


def without_machines(settings: Settings) -> Settings:
    """These settings for one machine."""
    return msgspec.structs.replace(settings, machines=MachinesSettings())
