"""The portfolio of one account: looks at it, keeps its history, plans and carries out rebalances."""

import asyncio
import time
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.portfolio import (
    BUDGETS_TOPIC,
    POINT_TOPIC,
    ListPortfolioHistory,
    ListTaxLots,
    PortfolioBudgets,
    PortfolioHistory,
    PortfolioPoint,
    PortfolioReport,
    Rebalance,
    RebalancePlan,
    RebalanceResult,
    StrategyBudget,
    TaxLots,
    of_account,
)
from ...bus.contracts.service import Alert, Audit
from ...bus.contracts.trade import Portfolio
from ...configs.accounts import MAIN
from ...configs.errors import BusTimeoutError, CryptoBotError, RequestFailedError
from ...configs.schema import Settings
from ..accounting.exact import ONE, ZERO, rounded, subtract, total
from ..accounting.lots import METHODS, Method
from . import plan, strategies, taxes, weights
from .inputs import Inputs
from .keeping import Keeper
from .plan import Held
from .rebalancing import Rebalancer
from .report import report
from .valuation import Moment, Valuation

_PLANS_KEPT = 20
_MOST_POINTS = 20_000
_DIVIDE_EVERY_S = 60.0
_EXPLAIN_TRIES = 30
_EXPLAIN_PAUSE_S = 0.1


class Desk:
    """One account on one venue; that of main also tells what the settings say is held elsewhere.

    Args:
        settings: as the account's process reads them (configs/accounts.py, `for_account`).
    """

    def __init__(
        self,
        name: str,
        bus: AsyncBusApi,
        settings: Settings,
        keeper: Keeper,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self.name, self._bus, self._settings, self._keeper, self._log = name, bus, settings, keeper, log
        self._inputs = Inputs(bus, settings, keeper, name)
        self._valuation = Valuation(keeper)
        self._rebalancer = Rebalancer(bus, self._inputs, settings.portfolio.order_timeout_s)
        self._runs = [run for run, one in settings.strategy.instances.items() if one.account == name]
        self.plans: dict[str, RebalancePlan] = {}
        self._busy = asyncio.Lock()
        self.seen: tuple[Portfolio, Moment] | None = None
        self.note = "The account is not known yet."
        self._budgets: list[StrategyBudget] = []
        self._parts: dict[str, Decimal] = {}
        self._divide_again_s = 0.0
        self._budget_note = ""
        self.first = asyncio.Event()
        self._publisher = bus.topic(of_account(POINT_TOPIC, name), PortfolioPoint)
        self._inputs.follow()

    @property
    def exchange(self) -> str:
        return self._inputs.exchange

    async def look(self) -> None:
        """One round; what cannot be asked now is asked in the next."""
        try:
            portfolio = await self._inputs.read()
        except (BusTimeoutError, RequestFailedError) as error:
            self.note = f"The account is not known: {error}"
            return
        prices = self._inputs.markets.values_of_one(self._currency())
        now_ms = _now_ms()
        moment = self._valuation.take(portfolio, self._inputs.executions, prices, now_ms)
        if moment is None:
            if portfolio.equity is None:
                self.note = "The equity is not known: a price is missing for something that is held."
            return
        self.seen, self.note = (portfolio, moment), ""
        self.first.set()
        self._divide(moment)
        self._publisher.send(
            PortfolioPoint(
                ts_ms=moment.ts_ms,
                currency=moment.currency,
                equity=moment.equity,
                flow=moment.flow,
                price=moment.fund.price,
                account=self.name,
            )
        )

    def _divide(self, moment: Moment) -> None:
        """Tell what every strategy may use. While that cannot be told, what was told last stays."""
        if time.monotonic() >= self._divide_again_s:
            self._divide_again_s = time.monotonic() + _DIVIDE_EVERY_S
            self._parts, self._budget_note = self._parts_or_note()
        inputs = self._inputs
        self._budgets = strategies.budgets(
            self._parts, moment.equity, inputs.executions.positions, inputs.markets.prices
        )
        told = PortfolioBudgets(
            ts_ms=moment.ts_ms, currency=moment.currency, budgets=self._budgets, account=self.name
        )
        self._bus.publish(of_account(BUDGETS_TOPIC, self.name), told)

    def _parts_or_note(self) -> tuple[dict[str, Decimal], str]:
        settings = self._settings.portfolio
        if settings.strategy_method == strategies.OFF:
            return {}, ""
        fills, window = self._inputs.executions.in_order(), self._inputs.markets.window
        try:
            return strategies.shares(settings, self._runs, fills, window), ""
        except RequestFailedError as error:
            return self._parts, f"The money is not divided anew between the strategies: {error.message}"

    async def report(self) -> PortfolioReport:
        await self.look()
        chosen, note = self._targets_or_note()
        markets = self._markets(chosen)
        return report(
            self._settings,
            self._inputs,
            self._keeper.turns(),
            self.seen[1] if self.seen is not None else None,
            self.seen[0].balances if self.seen is not None else [],
            markets,
            self._cash(),
            with_targets=bool(chosen),
            note=self.note or note or self._budget_note,
            budgets=self._budgets,
        )

    async def plan(self) -> RebalancePlan:
        await self._look_until_explained()
        if self.seen is None or self.note:
            raise RequestFailedError("account_unknown", self.note)
        settings = self._settings.portfolio
        markets = self._markets(self._targets())
        for market in markets:
            if market.price <= 0:
                raise RequestFailedError("no_price", f"No price of {market.symbol} is known yet.")
        cash = self._cash()
        orders = plan.orders(markets, cash, settings)
        made = [order for order in orders if not order.skipped]
        now_ms = _now_ms()
        found = RebalancePlan(
            id=uuid.uuid4().hex[:12],
            made_ms=now_ms,
            valid_until_ms=now_ms + int(settings.plan_valid_s * 1000),
            currency=self.seen[1].currency,
            equity=plan.equity_of(markets, cash),
            cash=cash,
            method=settings.method,
            orders=orders,
            account=self.name,
            sentence=_sentence(found_orders=len(made), cost=total(order.cost for order in made)),
        )
        self.plans[found.id] = found
        while len(self.plans) > _PLANS_KEPT:
            del self.plans[next(iter(self.plans))]
        return found

    async def _look_until_explained(self) -> None:
        """A round in which the known fills explain what is held: a coin that a strategy bought just now
        must not be taken for ours.

        Raises:
            RequestFailedError: they do not.
        """
        for _ in range(_EXPLAIN_TRIES):
            await self.look()
            missing = self._unexplained()
            if not missing:
                return
            await asyncio.sleep(_EXPLAIN_PAUSE_S)
        raise RequestFailedError(
            "fills_missing",
            f"The fills that are known do not explain what is held of {', '.join(missing)}; try again, "
            "or set portfolio.leave_strategies to false.",
        )

    def _unexplained(self) -> list[str]:
        if self.seen is None or not self._settings.portfolio.leave_strategies:
            return []
        portfolio, executions = self.seen[0], self._inputs.executions
        assets = {symbol.partition("/")[0] for symbol in self._symbols({})}
        return sorted(asset for asset in assets if self._valuation.unexplained(portfolio, executions, asset))

    async def rebalance(self, asked: Rebalance) -> RebalanceResult:
        if not asked.actor.strip():
            raise RequestFailedError("actor_missing", "Say who rebalances.")
        known = self._keeper.result(asked.plan_id)
        if known is not None:
            return known
        chosen = self.plans.get(asked.plan_id)
        if chosen is None:
            raise RequestFailedError("unknown_plan", f"There is no plan {asked.plan_id}; make a new one.")
        if self._busy.locked():
            raise RequestFailedError("busy", "Another rebalance is being carried out.")
        async with self._busy:
            return await self._carry_out(chosen, asked.actor)

    async def _carry_out(self, chosen: RebalancePlan, actor: str) -> RebalanceResult:
        now_ms = _now_ms()
        if now_ms > chosen.valid_until_ms:
            raise RequestFailedError("stale_plan", f"The plan {chosen.id} is too old; make a new one.")
        if not self._keeper.begin(chosen, actor, now_ms):
            raise RequestFailedError("begun_before", f"The plan {chosen.id} was begun; make a new one.")
        made = sum(not order.skipped for order in chosen.orders)
        self._audit(actor, "rebalance", chosen.id, f"{made} orders by {chosen.method}")
        result = await self._rebalancer.carry_out(chosen, actor)
        self._keeper.end(result)
        self._audit(actor, "rebalanced", chosen.id, result.sentence, ok=result.state == "DONE")
        return result

    async def close_interrupted(self) -> None:
        """Rebalances that an earlier life began: nothing is sent again, a person is told how they ended."""
        for begun in self._keeper.unfinished():
            try:
                result = await self._rebalancer.outcome(begun)
            except CryptoBotError as error:
                self._log.warning("an interrupted rebalance is not cleared up yet", reason=str(error))
                return
            self._keeper.end(result)
            self._audit("service:portfolio", "rebalance interrupted", begun.id, result.sentence, ok=False)
            alert = Alert(
                key=f"portfolio:rebalance:{begun.id}",
                severity="warning",
                source="portfolio",
                title="A rebalance was interrupted",
                detail=result.sentence,
            )
            self._bus.publish(topics.alert("warning"), alert)

    def lots(self, asked: ListTaxLots) -> TaxLots:
        method = asked.method or self._settings.portfolio.cost_basis
        if method not in METHODS:
            raise RequestFailedError(
                "unknown_method", f"{method!r} is no cost basis; there are {', '.join(get_args(Method))}."
            )
        book = taxes.book(
            method, self._currency(), self._inputs.executions.in_order(), self._keeper.flows(), self.name
        )
        return book.report(asked.since_ms, asked.until_ms)

    def history(self, asked: ListPortfolioHistory) -> PortfolioHistory:
        points = self._keeper.points(asked.since_ms, min(asked.limit, _MOST_POINTS), asked.before_ms)
        currency = self._currency()
        return PortfolioHistory(
            points=[
                PortfolioPoint(
                    ts_ms=one.ts_ms,
                    currency=currency,
                    equity=one.equity,
                    flow=one.flow,
                    price=one.price,
                    account=self.name,
                )
                for one in points
            ]
        )

    def _targets_or_note(self) -> tuple[dict[str, Decimal], str]:
        try:
            return self._targets(), ""
        except RequestFailedError as error:
            return {}, error.message

    def _targets(self) -> dict[str, Decimal]:
        """The weights that the settings want.

        Raises:
            RequestFailedError: they cannot be told now.
        """
        settings = self._settings.portfolio
        if settings.method == "target":
            return weights.given(settings.targets)
        return weights.chosen(
            settings.method,
            settings.symbols,
            self._inputs.markets.window.returns(settings.symbols),
            invested=subtract(ONE, settings.cash_weight),
            max_weight=settings.max_weight,
        )

    def _markets(self, targets: dict[str, Decimal]) -> list[Held]:
        """The markets of the portfolio; those that are held without a target have none."""
        inputs = self._inputs
        return [self._held(symbol, targets.get(symbol, ZERO), inputs) for symbol in self._symbols(targets)]

    def _symbols(self, targets: dict[str, Decimal]) -> list[str]:
        """The markets that are balanced; what data watches when the settings name none."""
        settings = self._settings.portfolio
        named = [*targets, *settings.targets, *settings.symbols]
        return list(dict.fromkeys(named or self._settings.data.symbols))

    def _held(self, symbol: str, target: Decimal, inputs: Inputs) -> Held:
        asset, feed = symbol.partition("/")[0], inputs.feeds.get(symbol)
        balances = self.seen[0].balances if self.seen is not None else []
        amount = total(balance.total for balance in balances if balance.asset == asset)
        held = Held(
            symbol=symbol,
            amount=amount,
            price=inputs.markets.prices.get(symbol, ZERO),
            target=target,
            spread_percent=inputs.markets.news(symbol, time.time_ns()).spread_percent,
            daily_volatility=inputs.markets.window.daily_volatility(symbol),
        )
        if feed is not None:
            held = replace(
                held,
                step=Decimal(feed.amount_step),
                least_amount=Decimal(feed.min_amount),
                least_value=Decimal(feed.min_cost),
            )
        if self._settings.portfolio.leave_strategies:
            return plan.without(held, inputs.held_by_others(symbol))
        return held

    def _cash(self) -> Decimal:
        """What is free of the currency."""
        if self.seen is None:
            return ZERO
        currency = self._currency()
        return total(balance.free for balance in self.seen[0].balances if balance.asset == currency)

    def _currency(self) -> str:
        settings = self._settings
        symbols = [*settings.portfolio.symbols, *settings.portfolio.targets, *settings.data.symbols]
        return symbols[0].partition("/")[2].partition(":")[0] if symbols else "USDT"

    def _audit(self, actor: str, action: str, subject: str, detail: str, *, ok: bool = True) -> None:
        told = detail if self.name == MAIN else f"{self.name}: {detail}"
        entry = Audit(kind="trading", actor=actor, action=action, subject=subject, detail=told, ok=ok)
        self._bus.publish(topics.audit("trading"), entry)


def _sentence(*, found_orders: int, cost: Decimal) -> str:
    if not found_orders:
        return "Nothing is to be done."
    orders = "1 order" if found_orders == 1 else f"{found_orders} orders"
    return f"{orders}, for about {rounded(cost)} in fees and spread."


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
