"""One job of Nomad with a group for each machine; the groups are bound to their nodes."""

import json
from pathlib import Path

from ..platform.services.base import STOP_TIMEOUT_S
from .bundle import Written, put
from .plan import Plan

_JOB = """\
# CryptoBot on {count} machines. `nomad job run cryptobot.nomad.hcl`, after the steps of INSTALL.txt.
# It holds no key and no password: these lie in the host volumes.
job "cryptobot" {{
  datacenters = ["*"]
  type        = "service"
{groups}}}
"""
_GROUP = """\

  group {name} {{
    count = 1

    # Its address and its home belong to one node, so this group runs nowhere else.
    constraint {{
      attribute = "${{node.unique.name}}"
      value     = {name}
    }}

    network {{
      mode = "host"
{ports}    }}

    volume "home" {{
      type      = "host"
      source    = {volume}
      read_only = false
    }}

    restart {{
      attempts = 10
      interval = "5m"
      delay    = "2s"
      mode     = "delay"
    }}

    # Two of one machine must never run beside each other: there is one ledger.
    disconnect {{
      lost_after = "24h"
      replace    = false
    }}

    update {{
      max_parallel = 1
      canary       = 0
    }}

    task "cryptobot" {{
      driver       = "exec"
      user         = {user}
      kill_signal  = "SIGTERM"
      kill_timeout = "{stop_s}s"

      config {{
        command = {program}
        args    = ["--home", {home}, "up"]
      }}

      volume_mount {{
        volume      = "home"
        destination = {home}
      }}

      resources {{
        cpu    = 1000
        memory = {memory}
      }}
    }}
  }}
"""
_STEPS = """\
CryptoBot by Nomad. On each client node (its name is the machine's name):

1. Copy NAME/home to a folder there, owned by {user}, mode 0700 (its keys are secret), for example
   /opt/cryptobot/home.
2. Tell Nomad of it in the client's configuration, then restart the client:

   client {{
     host_volume "cryptobot-NAME" {{
       path      = "/opt/cryptobot/home"
       read_only = false
     }}
   }}
3. {program} --home /opt/cryptobot/home secret set database.password      (as {user})

Then, once: nomad job run cryptobot.nomad.hcl
Ports that the machines must reach of each other:
{ports}
"""
_BASE_MIB, _EACH_MIB = 200, 120


def write(plan: Plan, out: Path) -> list[Written]:
    """OUT/cryptobot.nomad.hcl and the steps before it."""
    return [put(out / "cryptobot.nomad.hcl", job(plan)), put(out / "INSTALL.txt", steps(plan))]


def job(plan: Plan) -> str:
    """The job."""
    groups = "".join(_group(plan, name) for name in plan.names)
    return _JOB.format(count=len(plan.names), groups=groups)


def _group(plan: Plan, name: str) -> str:
    ports = "".join(
        f'      port "p{port}" {{\n        static = {port}\n      }}\n' for port in plan.ports(name)
    )
    services = len(plan.machines.hosts[name].services)
    return _GROUP.format(
        name=_text(name),
        ports=ports,
        volume=_text(f"cryptobot-{name}"),
        user=_text(plan.user),
        stop_s=STOP_TIMEOUT_S,
        program=_text(plan.program),
        home=_text(plan.home),
        memory=_BASE_MIB + _EACH_MIB * services,
    )


def steps(plan: Plan) -> str:
    """What a person does on the nodes."""
    ports = "\n".join(f"  {name}: {', '.join(str(port) for port in plan.ports(name))}" for name in plan.names)
    return _STEPS.format(user=plan.user, program=plan.program, ports=ports)


def _text(value: str) -> str:
    """A string of HCL; `${` and `%{` would begin a template."""
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")
