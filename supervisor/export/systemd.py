"""A unit of systemd for each machine."""

from pathlib import Path

from ...configs.paths import Home
from ..platform.services.base import Installation, run_command
from ..platform.services.systemd import Systemd
from .bundle import Written, put
from .plan import Plan

_STEPS = """\
CryptoBot on the machine {name} ({address}): {services}

As root on that machine, with this folder copied to it (the keys in home/keys are secret: copy them by scp or
the like, and remove the copies afterwards):

  useradd --system --home-dir {home} --shell /usr/sbin/nologin {user}     # once
  install -d -o {user} -g {user} -m 0700 {home}
  cp -r home/. {home}/ && chown -R {user}: {home} && chmod -R go= {home}
  cp cryptobot.service /etc/systemd/system/
{password}  systemctl daemon-reload && systemctl enable --now cryptobot

The other machines must reach these TCP ports: {ports}
{listeners}
"""
_ASK_STEP = "  runuser -u {user} -- {program} --home {home} secret set database.password\n"


def write(plan: Plan, out: Path) -> list[Written]:
    """OUT/MACHINE/cryptobot.service and the steps to install it."""
    written = []
    for name in plan.names:
        written.append(put(out / name / "cryptobot.service", unit(plan)))
        written.append(put(out / name / "INSTALL.txt", steps(plan, name)))
    return written


def unit(plan: Plan) -> str:
    """The unit; it is the same on each machine, what runs there stands in the home's settings."""
    what = Installation("cryptobot", Home(Path(plan.home)), [plan.program], plan.user)
    return Systemd(what, whole_machine=True, runner=run_command).definition()


def steps(plan: Plan, name: str) -> str:
    """What a person does on a machine."""
    machine = plan.machines.hosts[name]
    listeners = "\n".join(f"  {port}  {service}" for service, port in plan.listeners(name))
    facts = {"home": plan.home, "user": plan.user, "program": plan.program}
    return _STEPS.format(
        name=name,
        address=machine.address,
        services=", ".join(machine.services),
        ports=", ".join(str(port) for port in plan.ports(name)),
        listeners=listeners,
        password=_ASK_STEP.format(**facts),
        **facts,
    )
