"""What the rules look at: the account and its markets at one moment. Money in the account's currency."""

from dataclasses import dataclass, field
from decimal import Decimal

from ..accounting.exact import ZERO, total
from ..accounting.markets import MarketNews


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One moment.

    Args:
        equity: None while a price is missing for something that is held.
        assets: value of each asset that is held, the currency left out.
        buying: value of open buy orders, by symbol.
        strategies: value of what each source of orders holds, and of its open buy orders.
        watched: markets that may be traded.
        transferred: money from outside since the home began, by asset.
        prices: of assets, in the currency.
        seen_order: the newest order that is counted here.
        budgets: what each strategy may use, as the portfolio service tells.
    """

    now_ms: int
    currency: str
    equity: Decimal | None
    assets: dict[str, Decimal]
    buying: dict[str, Decimal]
    strategies: dict[str, Decimal]
    watched: tuple[str, ...]
    market_news: dict[str, MarketNews]
    transferred: dict[str, Decimal] = field(default_factory=dict)
    prices: dict[str, Decimal] = field(default_factory=dict)
    seen_order: str = ""
    budgets: dict[str, Decimal] = field(default_factory=dict)

    def exposure(self, symbol: str) -> Decimal:
        """Worth of a market's asset and of what is being bought of it there."""
        held = self.assets.get(symbol.partition("/")[0], ZERO)
        return total((held, self.buying.get(symbol, ZERO)))

    def asset_exposure(self, asset: str) -> Decimal:
        """As `exposure`, over all markets of an asset."""
        buying = (value for symbol, value in self.buying.items() if symbol.partition("/")[0] == asset)
        return total((self.assets.get(asset, ZERO), *buying))

    @property
    def invested(self) -> Decimal:
        return total((*self.assets.values(), *self.buying.values()))
