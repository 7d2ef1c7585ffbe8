"""cryptobot protect"""

from decimal import Decimal

import click

from ....bus.contracts.base import Done
from ....bus.contracts.trade import EndProtection, Protection, ProtectPosition
from ....configs.accounts import service_of
from ....configs.errors import UsageError
from ..accounts import chosen
from ..amounts import amount
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("symbol")
@click.option("--exchange", default="paper", show_default=True, help="The venue of the position.")
@click.option("--stop", type=amount, metavar="NUMBER", help="Sell when the price falls to this.")
@click.option("--trailing", type=amount, metavar="PERCENT", help="The stop follows the best price.")
@click.option("--target", type=amount, metavar="NUMBER", help="Sell when the price rises to this.")
@click.option("--target-amount", type=amount, metavar="NUMBER", help="Sell only so much at the target.")
@click.option("--off", is_flag=True, help="Take the stop and the target away; the position stays.")
@click.option("--account", default="main", show_default=True, metavar="NAME", help="Whose position it is.")
@json_option
@pass_call
def command(
    call: Call,
    symbol: str,
    exchange: str,
    stop: Decimal | None,
    trailing: Decimal | None,
    target: Decimal | None,
    target_amount: Decimal | None,
    off: bool,
    account: str,
    as_json: bool,
) -> None:
    """Guard the position in SYMBOL (BTC/USDT) with a stop, a target, or both, until it is closed.

    A stop and a target for the whole position rest at the exchange together where it has such orders.
    """
    service = service_of(chosen(call, account)[0])
    if off:
        end = EndProtection(exchange=exchange, symbol=symbol, actor=person(), account=account)
        done = ask(call, service, end, Done)
        print_json(done) if as_json else note(f"{done.message}.")
        return
    if stop is None and trailing is None and target is None:
        raise UsageError("Give --stop, --trailing or --target, or --off.")
    wish = ProtectPosition(
        exchange=exchange,
        symbol=symbol,
        actor=person(),
        stop_price=stop,
        trailing_percent=trailing,
        take_profit=target,
        take_profit_amount=target_amount,
        account=account,
    )
    guard = ask(call, service, wish, Protection)
    if as_json:
        print_json(guard)
    else:
        note(f"{symbol} is guarded: stop {guard.stop_price or '-'}, target {guard.take_profit or '-'}.")
