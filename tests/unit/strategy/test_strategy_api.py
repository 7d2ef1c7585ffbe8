"""The class an author writes against, and what it refuses."""

import re
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import cryptobot
import pytest
from cryptobot import CLOSE, Candle, Parameter, Position, Strategy, bollinger, cross_down, cross_up, ema
from cryptobot.configs.errors import SettingsError, StrategyError
from cryptobot.services.strategy import api
from cryptobot.services.strategy.base import Order, Wish
from cryptobot.services.strategy.builtin import NAMES


class Sample(Strategy):
    """A strategy of the tests."""

    fast = Parameter(3, low=2, high=20, help="Fast.")
    ratio = Parameter(0.5, low=0.0, high=1.0)
    on = Parameter(True)
    mode = Parameter("calm", choices=("calm", "bold"))
    average = ema(fast)
    up = cross_up(CLOSE, average)
    when = up | cross_down(CLOSE, average)


class FakeWorld:
    """A world with fixed money that keeps the wishes."""

    exchange, symbol, timeframe = "paper", "BTC/USDT", "1m"

    def __init__(self, held: str = "0") -> None:
        self.wishes: list[Wish] = []
        self.held = Decimal(held)

    def position(self, symbol: str = "") -> Position:
        return Position(self.held, Decimal(100) if self.held else None)

    def cash(self, symbol: str = "") -> Decimal:
        return Decimal(1000)

    def order(self, wish: Wish) -> None:
        self.wishes.append(wish)

    def cancel(self, symbol: str = "", order_id: str = "") -> None:
        self.wishes.clear()

    def resting(self, symbol: str = "") -> list[Order]:
        return []

    def working(self, symbol: str = "") -> int:
        return 0

    def log(self, message: str, fields: Mapping[str, object]) -> None:
        return


def strategy_in(world: FakeWorld, close: float = 50.0) -> Sample:
    strategy = Sample()
    strategy._world = world
    strategy.candle = Candle(0, close, close, close, close, 1.0)
    return strategy


def test_every_exported_name_exists_and_is_forwarded_by_the_package() -> None:
    """`from cryptobot import NAME` gives each name of the API, and no other."""
    for name in api.__all__:
        assert getattr(cryptobot, name) is getattr(api, name)
    with pytest.raises(AttributeError):
        _ = cryptobot.Plan  # type: ignore[attr-defined]


def test_every_exported_name_is_documented() -> None:
    """docs/strategies.md mentions each name that an author may import."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "strategies.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", page))

    assert set(api.__all__) <= words


def test_every_bundled_strategy_is_documented() -> None:
    """docs/strategies.md has a row for each bundled strategy."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "strategies.md").read_text(encoding="utf-8")

    assert all(f"| `{name}` |" in page for name in NAMES)


def test_importing_the_api_loads_neither_bus_nor_numpy() -> None:
    """A fresh interpreter that imports the API has no zmq, flask, ccxt or numpy in it."""
    heavy = "{'zmq', 'flask', 'ccxt', 'numpy'}"
    code = f"import sys; from cryptobot import Strategy; print(*{heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [("fast", "7", 7), ("fast", 7.0, 7), ("ratio", 1, 1.0), ("on", "no", False), ("mode", " bold ", "bold")],
)
def test_parameters_take_text_and_numbers(name: str, given: object, value: object) -> None:
    """A parameter's value is converted by the kind of its default."""
    assert value == getattr(Sample({name: given}), name)


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("fast", 21, "Parameter fast is 21; it must lie between 2 and 20."),
        ("fast", 2.5, "Parameter fast is 2.5; it must be a whole number."),
        ("fast", True, "Parameter fast is True; it must be a whole number."),
        ("ratio", "nan", "Parameter ratio is 'nan'; it must be a number."),
        ("on", "perhaps", "Parameter on is 'perhaps'; it must be true or false."),
        ("mode", "wild", "Parameter mode is 'wild'; allowed are calm, bold."),
        ("fsat", 3, "Strategy Sample has no parameter 'fsat'; did you mean 'fast'?"),
    ],
)
def test_wrong_parameters_are_refused_in_one_sentence(name: str, given: object, text: str) -> None:
    """A wrong parameter is told with its name, the value found and what is allowed."""
    with pytest.raises(SettingsError) as told:
        Sample({name: given})

    assert text in str(told.value)


def test_declarations_cannot_be_assigned_or_tested() -> None:
    """A declared line is read-only, and `and` between signals is refused with the way to write it."""
    with pytest.raises(AttributeError, match="cannot be assigned"):
        Sample().average = 1.0
    with pytest.raises(AttributeError, match=r"keep a value in self\.state"):
        Sample().fast = 4
    with pytest.raises(TypeError, match="combine signals with &"):
        bool(Sample.up and Sample.up)


def test_several_lines_in_one_attribute_are_refused() -> None:
    """A class that keeps Bollinger bands as one attribute is told how to unpack them."""
    with pytest.raises(StrategyError, match="upper, middle, lower = bollinger"):
        type("Wrong", (Strategy,), {"bands": bollinger(20)})


def test_a_newer_interface_is_refused() -> None:
    """A strategy written for a newer program says so when it is loaded."""
    with pytest.raises(StrategyError, match="interface version 99"):
        type("Future", (Strategy,), {"interface_version": 99})


@pytest.mark.parametrize(
    ("size", "amount"),
    [({}, "19"), ({"fraction": 0.1}, "2"), ({"cash": 25}, "0.5"), ({"amount": "0.3"}, "0.3")],
)
def test_buy_sizes_in_units_money_or_share(size: dict[str, float], amount: str) -> None:
    """A buy is sized by amount, by money, by a share of the free money, or by the parameter `fraction`."""
    world = FakeWorld()
    strategy_in(world).buy(**size)

    assert [Wish("buy", Decimal(amount))] == world.wishes


def test_sell_never_exceeds_what_is_held() -> None:
    """A sell is cut to the position, marked reduce-only, and made of nothing when nothing is held."""
    held, flat = FakeWorld("2"), FakeWorld()
    strategy_in(held).sell(5)
    strategy_in(held).sell(fraction=0.25)
    strategy_in(held).close()
    strategy_in(flat).close()

    assert [Decimal(2), Decimal("0.5"), Decimal(2)] == [wish.amount for wish in held.wishes]
    assert all(wish.reduce and wish.side == "sell" for wish in held.wishes)
    assert flat.wishes == []


@pytest.mark.parametrize(
    ("size", "text"),
    [
        ({"amount": 1, "cash": 2}, "not several"),
        ({"cash": 0}, "above zero"),
        ({"amount": "x"}, "must be a number"),
    ],
)
def test_impossible_sizes_are_refused(size: dict[str, object], text: str) -> None:
    """A size that is doubled, zero or no number is the author's error, told in a sentence."""
    with pytest.raises(StrategyError, match=text):
        strategy_in(FakeWorld()).buy(**size)  # type: ignore[arg-type]


def test_position_tells_its_gain() -> None:
    """A position is false when flat and tells its gain against the average price."""
    assert not Position()
    assert Position(Decimal(1), Decimal(100)).gain(105.0) == pytest.approx(0.05)
