"""The file that `cryptobot strategy new` writes: a strategy that runs, with a word on each part."""

TEXT = '''"""{title}: say here in one sentence when it buys and when it sells."""

from cryptobot import Candle, Parameter, Strategy, cross_down, cross_up, ema


class {name}(Strategy):
    """Buys when a fast average of the price rises above a slow one, sells all when it falls below."""

    title = "{title}"

    # Numbers that you, a backtest or the settings may change, also while it runs:
    #   cryptobot strategy set {run} fast=10
    fast = Parameter(5, low=2, high=200, help="Candles of the fast average.")
    slow = Parameter(20, low=3, high=500, help="Candles of the slow average.")

    # Lines are declared once; the bot computes them, candle by candle.
    fast_average = ema(fast)
    slow_average = ema(slow)
    rise = cross_up(fast_average, slow_average)
    fall = cross_down(fast_average, slow_average)

    # Call on_candle only when one of these is true. Without this line it is called on every candle.
    when = rise | fall

    # A further market or timeframe is one more line, and its lines are declared the same way:
    #   hours = Feed(timeframe="1h")
    #   trend = ema(50, hours.close)
    # Only finished candles are ever seen, so nothing here can look into the future.

    def on_candle(self, candle: Candle) -> None:
        """Called when a candle is finished. Orders go out at once and fill at the next price."""
        # self.buy(stop=candle.close * 0.97, take=candle.close * 1.06) would be a bracket.
        # Keep what must survive a restart in self.state, a dictionary.
        if self.rise and not self.position:
            self.buy(reason="the fast average rose above the slow one")
        elif self.fall and self.position:
            self.close(reason="the fast average fell below the slow one")
'''


def text_for(name: str) -> str:
    """The file's text for a strategy called `my-idea`: the class is MyIdea."""
    words = name.split("-")
    return TEXT.format(
        name="".join(word.capitalize() for word in words), title=" ".join(words).capitalize(), run=name
    )
