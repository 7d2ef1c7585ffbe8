"""cryptobot service add"""

from pathlib import Path

import click
import msgspec

from ....configs.errors import NotRunningError, UsageError
from ...catalogue import addons, registry
from .. import daemon
from ..call import Call, json_option, pass_call
from ..control import plan_option, show_steps
from ..group import Command
from ..services import settings_of


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@plan_option
@json_option
@pass_call
def command(call: Call, file: Path, only_plan: bool, as_json: bool) -> None:
    """Add a service of your own from its manifest FILE (YAML or JSON), and start it when the platform runs.

    The manifest is kept in services.d of the home; docs/supervisor.md lists its keys. Nothing else is
    restarted. It runs with your rights: add only what you trust.
    """
    given = registry.read_data(file)
    if not isinstance(given, dict):
        raise UsageError(f"{file} holds no manifest: it needs `name: ...` and `command: [...]`.")
    manifest = addons.check(call.home, settings_of(call.home), given, str(file))
    try:
        with daemon.connect(call.home) as client:
            steps = client.plan("add", manifest=given) if only_plan else client.add(given)
    except NotRunningError:
        steps = [{"service": manifest.name, "action": "add", "why": "starts with the platform"}]
        if not only_plan:
            call.home.create()
            addons.keep(call.home, msgspec.to_builtins(given))
    show_steps(steps, as_json=as_json, empty=f"{manifest.name} is added; it is not enabled.")
