"""A market's rules: Binance's symbol filters, checked in Binance's order and refused in its words."""

from dataclasses import dataclass

from . import units
from .orders import LIMIT_MAKER, MARKET, PRICED, TRIGGERED, NewOrder, RefusedError
from .units import text

MARKET_TYPES = (MARKET, "STOP_LOSS", "TAKE_PROFIT")

MIN_TRAILING, MAX_TRAILING = 10, 2000
"""Basis points of trailing stops."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One market; amounts in units of 1e-8."""

    symbol: str
    base: str
    quote: str
    tick: int = units.UNIT // 100
    min_price: int = units.UNIT // 100
    max_price: int = 1_000_000 * units.UNIT
    step: int = units.UNIT // 100_000
    min_quantity: int = units.UNIT // 100_000
    max_quantity: int = 9_000 * units.UNIT
    max_market_quantity: int = 500 * units.UNIT
    min_notional: int = 5 * units.UNIT
    max_notional: int = 9_000_000 * units.UNIT
    max_orders: int = 200
    max_stop_orders: int = 5
    price_band: int = 5

    @property
    def unified(self) -> str:
        """ccxt's name of the market."""
        return f"{self.base}/{self.quote}"

    def check(self, order: NewOrder, last_price: int) -> None:
        """Refuse what no filter would let pass.

        Raises:
            RefusedError: -1013 with the name of the filter.
        """
        if order.type in PRICED:
            self._price(order.price)
            self._band(order.price, last_price)
        if order.type in TRIGGERED and (order.stop_price or not order.trailing_delta):
            self._price(order.stop_price)
        if order.trailing_delta and not MIN_TRAILING <= order.trailing_delta <= MAX_TRAILING:
            raise refused("TRAILING_DELTA")
        if not order.quote_quantity:
            self._lot(order)
        self._notional(order, last_price)

    def _price(self, price: int) -> None:
        if price < self.min_price or price > self.max_price or price % self.tick:
            raise refused("PRICE_FILTER")

    def _band(self, price: int, last_price: int) -> None:
        if last_price and not last_price // self.price_band <= price <= last_price * self.price_band:
            raise refused("PERCENT_PRICE_BY_SIDE")

    def _lot(self, order: NewOrder) -> None:
        if not self.min_quantity <= order.quantity <= self.max_quantity or order.quantity % self.step:
            raise refused("LOT_SIZE")
        if order.type in MARKET_TYPES and order.quantity > self.max_market_quantity:
            raise refused("MARKET_LOT_SIZE")
        if order.iceberg and order.iceberg % self.step:
            raise refused("LOT_SIZE")
        if order.iceberg and -(-order.quantity // order.iceberg) > 10:
            raise refused("ICEBERG_PARTS")

    def _notional(self, order: NewOrder, last_price: int) -> None:
        price = order.price if order.type in PRICED else order.stop_price or last_price
        value = order.quote_quantity or units.multiply(price, order.quantity)
        if value < self.min_notional:
            raise refused("NOTIONAL")
        if value > self.max_notional and order.type not in MARKET_TYPES:
            raise refused("NOTIONAL")

    def filters(self) -> list[dict[str, object]]:
        """As in exchangeInfo."""
        zero = text(0)
        return [
            {"filterType": "PRICE_FILTER", "minPrice": text(self.min_price), "maxPrice": text(self.max_price),
             "tickSize": text(self.tick)},
            {"filterType": "LOT_SIZE", "minQty": text(self.min_quantity), "maxQty": text(self.max_quantity),
             "stepSize": text(self.step)},
            {"filterType": "ICEBERG_PARTS", "limit": 10},
            {"filterType": "MARKET_LOT_SIZE", "minQty": zero, "maxQty": text(self.max_market_quantity),
             "stepSize": zero},
            {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": MIN_TRAILING,
             "maxTrailingAboveDelta": MAX_TRAILING, "minTrailingBelowDelta": MIN_TRAILING,
             "maxTrailingBelowDelta": MAX_TRAILING},
            {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "bidMultiplierDown": "0.2",
             "askMultiplierUp": "5", "askMultiplierDown": "0.2", "avgPriceMins": 5},
            {"filterType": "NOTIONAL", "minNotional": text(self.min_notional), "applyMinToMarket": True,
             "maxNotional": text(self.max_notional), "applyMaxToMarket": False, "avgPriceMins": 5},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": self.max_orders},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": self.max_stop_orders},
        ]

    def describe(self) -> dict[str, object]:
        """One entry of exchangeInfo's `symbols`."""
        return {
            "symbol": self.symbol, "status": "TRADING",
            "baseAsset": self.base, "baseAssetPrecision": units.DECIMALS,
            "quoteAsset": self.quote, "quotePrecision": units.DECIMALS, "quoteAssetPrecision": units.DECIMALS,
            "baseCommissionPrecision": units.DECIMALS, "quoteCommissionPrecision": units.DECIMALS,
            "orderTypes": ["LIMIT", LIMIT_MAKER, MARKET, "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
                           "TAKE_PROFIT_LIMIT"],
            "icebergAllowed": True, "ocoAllowed": True, "otoAllowed": True, "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True, "allowTrailingStop": True, "cancelReplaceAllowed": True,
            "amendAllowed": False, "pegInstructionsAllowed": False, "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False, "filters": self.filters(), "permissions": [],
            "permissionSets": [["SPOT"]], "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
            "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
        }


def refused(filter_name: str) -> RefusedError:
    """The refusal that names a filter."""
    return RefusedError(-1013, f"Filter failure: {filter_name}")


def for_pair(base: str, quote: str, sample_price: int) -> Rules:
    """Rules for a market whose price is about `sample_price`: five digits of price, ten of value."""
    if sample_price >= 100 * units.UNIT:
        return Rules(f"{base}{quote}", base, quote)
    tick = max(1, 10 ** max(0, len(str(sample_price)) - 5))
    step = max(1, units.UNIT // tick)  # so that price x amount never has more than eight decimals
    return Rules(
        f"{base}{quote}", base, quote, tick=tick, min_price=tick, step=step, min_quantity=step,
        max_quantity=9_000_000_000 * units.UNIT, max_market_quantity=900_000_000 * units.UNIT,
    )
