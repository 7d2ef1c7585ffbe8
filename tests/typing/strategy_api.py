"""Every public name of the strategy API as an author uses it; checked by mypy --strict, never run."""

from decimal import Decimal

from cryptobot import (
    CLOSE,
    HIGH,
    INTERFACE_VERSION,
    LOW,
    OPEN,
    VOLUME,
    Bands,
    Candle,
    Feed,
    Fill,
    Line,
    Macd,
    Money,
    Order,
    Parameter,
    Position,
    Signal,
    Stochastic,
    Strategy,
    atr,
    bollinger,
    cross_down,
    cross_up,
    donchian,
    ema,
    every,
    highest,
    lowest,
    macd,
    rma,
    roc,
    rsi,
    scheduled,
    sma,
    stddev,
    stochastic,
    talib,
    true_range,
    vwap,
    zscore,
)

VERSION: int = INTERFACE_VERSION
BANDS: Bands = bollinger(20, 2.5, CLOSE)
MACD: Macd = macd(12, 26, 9)
STOCHASTIC: Stochastic = stochastic(14, 3)
SIZE: Money = "0.1"


class Everything(Strategy):
    """Uses all of it."""

    title = "Everything"
    warmup = 5
    period = Parameter(10, low=2, high=50, step=1, help="Candles.")
    width = Parameter(2.0, low=0.5, high=5.0)
    careful = Parameter(True)
    mode = Parameter("calm", choices=("calm", "bold"))

    partner = Parameter("ETH/USDT")
    other = Feed(partner)
    hours = Feed(timeframe="1h")
    trend: Line = ema(20, hours.close)
    ratio = zscore(50, CLOSE / other.close)

    quick: Line = ema(period)
    slow = sma(50, (HIGH + LOW + CLOSE + OPEN) / 4)
    steady = rma(period)
    price = vwap(20)
    strength = rsi(14)
    change = roc(5)
    distance = zscore(20)
    trend_strength = talib("ADX", timeperiod=14)
    span = true_range()
    average_span = atr(14)
    deviation = stddev(20)
    upper, middle, lower = bollinger(period, width)
    top, centre, bottom = donchian(20)
    ceiling, floor = highest(10), lowest(10, CLOSE)
    busy: Signal = sma(20, VOLUME) * 2 < VOLUME
    rise = cross_up(quick, slow)
    fall = cross_down(quick, slow)
    daily = every("1d")
    when = (rise & ~busy) | fall | daily | (CLOSE.shift(1) <= lower)

    def on_start(self) -> None:
        self.state["seen"] = 0

    def on_candle(self, candle: Candle) -> None:
        number: float = self.quick + candle.close + self.width
        whole: int = self.period
        switch: bool = self.careful and self.rise
        words: str = self.mode + self.symbol + self.exchange + self.timeframe
        held: Position = self.position
        money: Decimal = self.cash
        self.log(words, number=number, whole=whole, switch=switch, money=money, working=self.working)
        if not held:
            self.buy(cash=100, reason="rise")
            self.buy(fraction=0.5, limit=candle.low)
            self.buy(Decimal("0.1"))
        elif held.gain(candle.close) > 0.05:
            self.sell(fraction=0.5)
            self.cancel()
            self.close()

            self.sell(1, trigger=candle.low)
        for order in self.orders:
            self.amend(order, limit=candle.close)
            self.cancel(order)
        newest: Candle | None = self.other.candle
        if newest is not None and not self.other.position:
            self.other.buy(cash=50, stop=newest.low, take=newest.high, reason=self.other.symbol)
        self.buy(trigger=candle.high, stop=candle.low)

    @scheduled("1d")
    def look(self) -> None:
        self.other.close()

    def on_order(self, order: Order) -> None:
        self.state["ended"] = f"{order.side} {order.amount - order.filled} {order.reason} {order.symbol}"

    def on_fill(self, fill: Fill) -> None:
        self.state["paid"] = str(fill.price * fill.amount + fill.fee)
