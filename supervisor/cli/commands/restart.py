"""cryptobot restart"""

import click

from ....configs.errors import ServiceError
from .. import daemon
from ..call import Call, json_option, pass_call
from ..control import carry_out, chosen, group_option, plan_option, show_steps
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("service", required=False)
@group_option
@click.option("--rolling", is_flag=True, help="One after the other, each when the one before it is ready.")
@plan_option
@click.option(
    "--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait for the outcome."
)
@json_option
@pass_call
def command(
    call: Call,
    service: str | None,
    group: str,
    rolling: bool,
    only_plan: bool,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Restart SERVICE alone; returns when it is ready again.

    With --rolling its instances (or the services of a group) are restarted one after the other; the first
    that does not become ready ends it, and the rest are left as they are.
    """
    if rolling:
        _rolling(call, chosen(service, group), group, only_plan, timeout_s, as_json)
        return
    carry_out(
        call.home,
        "restart",
        service,
        group=group,
        only_plan=only_plan,
        timeout_s=timeout_s,
        as_json=as_json,
    )


def _rolling(call: Call, service: str, group: str, only_plan: bool, timeout_s: float, as_json: bool) -> None:
    with daemon.connect(call.home) as client:
        if only_plan:
            show_steps(client.plan("rolling", service, group=group), as_json=as_json)
            return
        outcome = client.rolling_restart(service, group=group, timeout_s=timeout_s)
    if as_json:
        print_json(outcome)
    for name in outcome["done"]:
        if not as_json:
            note(f"{name} was restarted.")
    failed = outcome["failed"]
    if failed:
        raise ServiceError(
            f"The rolling restart stopped at {failed}, which is not ready; the rest were left as they are. "
            f"`cryptobot logs {failed}` says more."
        )
