"""The trade service: opens the books, connects to the venue, keeps in step, answers requests."""

import asyncio
import contextlib
import re
from decimal import Decimal

from ...bus import topics
from ...bus.contracts.market import Candle
from ...configs import accounts
from ...configs.errors import ConnectorError, CredentialsError, SettingsError, StartError
from ...configs.paths import Home
from ..connectors.registry import open_venue
from ..connectors.venue import Credentials, Resumed, Venue, VenueOrder, VenueTrade, VenueTransfer
from ..database.health import watch
from ..host.service import Service, run
from .account import Account
from .amend import Amendments
from .answers import Answers
from .booking import Booking
from .control import TradingControl
from .dispatcher import Dispatcher
from .execution import Execution
from .keycheck import KeyCheck
from .parts import Parts
from .protection import Protections
from .reconcile import Reconciler
from .risk_gate import RiskGate, is_required
from .states import State
from .store import TradeStore
from .valuation import Valuation

PAPERS = r"paper(-[2-9])?"
_FIRST_PASS_PATIENCE_S = 15.0
_DRAIN_S = 3.0
_CLOCK_EVERY_S = 300.0
_CLOCK_ALARM_MS = 1_000
_CONNECT_PAUSE_S = 1.0
_HELD_ALERT_EVERY_S = 30.0
_NOTE_HEAD_EVERY_S = 5.0


class TradeService(Service):
    """One account on one venue: main, or the one that the name `trade-NAME` says."""

    name = "trade"

    async def setup(self) -> None:
        account = accounts.account_of(self.name)
        if account not in accounts.names(self.settings):
            raise StartError(f"There is no account {account}; name it in the section accounts.")
        self.settings = accounts.for_account(self.settings, account)
        self._store = TradeStore(self.home, account)
        self._account = Account(self.settings.data.exchange, self._store, name=account)
        self._booking = Booking(self._account, self._store, self.bus, self.log)
        self._dispatcher: Dispatcher | None = None
        self._venue: Venue | None = None
        self._held_told_s = float("-inf")
        self._control = TradingControl(self._account, self._store, self._booking)
        self._valuation = Valuation(self._account, self._store, self.bus, self._currency())
        self._reconciler = Reconciler(
            self._account,
            self._store,
            self._booking,
            self.log,
            symbols=self._symbols(),
            interval_s=self.settings.trade.reconcile_interval_s,
            resend_cancel=lambda order_id: self._execution.cancel_later(order_id),
        )
        self._dispatcher = Dispatcher(self.settings.trade.max_orders_per_10s)
        self._dispatcher.on_held = self._tell_held
        self._parts = Parts(
            self._account,
            self._store,
            self._booking,
            self._dispatcher,
            self.settings,
            self.log,
            trading_state=self._control.state,
            in_step=lambda: self._reconciler.in_step,
            ask_for=self._reconciler.questions.ask_for,
        )
        self._follow_risk()
        self._execution = self._control.execution = Execution(self._parts)
        self._protections = Protections(self._parts, self._execution)
        self._amendments = Amendments(self._parts, self._execution)
        self._execution.hold, self._execution.must_wait = self._protections.hold, self._protections.must_wait
        self._execution.stop_amount = self._protections.stop_amount
        self._valuation.on_price.append(self._protections.on_price)
        self._booking.on_order += [
            self._reconciler.questions.watch,
            self._protections.on_order,
            self._amendments.on_order,
        ]
        await self._begin()

    def _follow_risk(self) -> None:
        """Take the risk service's verdicts; without it (and not asked to require it) everything passes."""
        gate = RiskGate(required=is_required(self.settings), account=self._account.name)
        self._parts.risk, self._parts.shrink = gate.judge, gate.shrink
        self._booking.on_order.append(gate.on_order)
        gate.follow(self.bus)

    async def stop(self) -> None:
        if getattr(self, "_dispatcher", None) is not None and self._dispatcher is not None:
            await self._dispatcher.drain(_DRAIN_S)
        if getattr(self, "_venue", None) is not None and self._venue is not None:
            await self._venue.close()
        if hasattr(self, "_store"):
            self._store.close()

    async def _begin(self) -> None:
        if self._store.actions_are_cut_off():
            detail = "The chain of trading actions ended later than it does now; `cryptobot audit verify`."
            self._booking.alert("actions", "critical", "Trading actions were removed", detail)
            self._booking.audit(self.name, "chain cut off", "before this entry", detail, ok=False)
        told = self._booking.publish_left_over()
        self.log.info("books read", open_orders=len(self._account.orders), told_again=told)
        self.bus.subscribe(
            f"{topics.CANDLES}{topics.part(self._account.exchange)}.", Candle, self._valuation.on_candle
        )
        answers = Answers(
            self._account,
            self._store,
            self._execution,
            self._reconciler,
            self._control,
            self._valuation,
            self._protections,
            self._amendments,
        )
        answers.serve(self.bus)
        KeyCheck(self.bus, self.settings).serve()
        self.spawn(self._store.watch(), "commits")
        self.spawn(watch(self, self._store.database), "database health")
        self.spawn(self._note_head(), "audit head")
        connected = self.spawn(self._connect(), "connect")
        first = asyncio.ensure_future(self._reconciler.first_done.wait())
        await asyncio.wait(
            {first, connected}, timeout=_FIRST_PASS_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
        )
        if connected.done():
            await connected
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(first, _FIRST_PASS_PATIENCE_S)
        if not self._reconciler.in_step:
            self.log.warning("ready, but not in step with the venue: no entries until it is")
        self._resume_orders()

    async def _connect(self) -> None:
        """Reach the venue, however long it takes; then everything that talks to it begins."""
        exchange, credentials = self._account.exchange, self._credentials()
        while True:
            try:
                venue = await open_venue(
                    exchange,
                    bus=self.bus,
                    settings=self.settings,
                    credentials=credentials,
                    account=self._account.name,
                )
                self._venue = venue
                await self._greet(venue)
            except CredentialsError as error:
                raise StartError(str(error)) from error
            except ConnectorError as error:
                self.log.warning("venue not reached", reason=str(error))
                await self._close_venue()
                await asyncio.sleep(_CONNECT_PAUSE_S)
            else:
                break
        self._parts.venue = self._reconciler.venue = venue
        self.spawn(self._follow_user(venue), "user stream")
        self.spawn(self._reconciler.run(), "reconcile")
        self.spawn(self._reconciler.questions.run(), "questions")
        assert self._dispatcher is not None
        self.spawn(self._dispatcher.run(), "dispatch")
        self.spawn(self._watch_clock(venue), "clock")

    def _credentials(self) -> Credentials | None:
        """The venue's API key from the vault; the paper exchange tells its own.

        Raises:
            StartError: there is none; the text says which command stores it.
        """
        if re.fullmatch(PAPERS, self._account.exchange):
            return None
        exchange = accounts.key_of(self.settings, self._account.name)
        try:
            key, secret = (self.secret(f"{exchange}.{name}").reveal() for name in ("api_key", "api_secret"))
        except SettingsError as error:
            raise StartError(str(error)) from error
        try:
            password = self.secret(f"{exchange}.api_password").reveal()
        except SettingsError:
            password = ""  # most venues have none
        return Credentials(key, secret, password)

    async def _greet(self, venue: Venue) -> None:
        self._account.learn_markets(await venue.load_markets())
        await self._check_clock(venue)
        await self._check_key(venue)
        for symbol in self._symbols():
            candles = await venue.fetch_candles(symbol, self.settings.data.timeframe, limit=1)
            if candles and self._account.price(symbol) is None:
                self._account.set_price(symbol, Decimal(candles[-1].close), live=False)

    async def _close_venue(self) -> None:
        if self._venue is not None:
            await self._venue.close()
            self._venue = None

    async def _follow_user(self, venue: Venue) -> None:
        """Orders and executions as the venue tells them; after each break the pass fetches what was
        missed.
        """
        try:
            async for news in venue.watch_user():
                if isinstance(news, Resumed):
                    self.log.info("user stream stands", first=news.first, after=news.reason)
                    self._reconciler.want()
                elif isinstance(news, VenueTrade):
                    self._on_trade(news)
                elif isinstance(news, VenueTransfer):
                    self._booking.transferred(news)
                else:
                    self._on_order(news)
        except CredentialsError as error:
            self._booking.alert("credentials", "critical", "The venue refuses the API key", str(error))
            self._reconciler.in_step = False

    def _on_trade(self, trade: VenueTrade) -> None:
        order = self._account.find(client_id=trade.client_id, exchange_order_id=trade.order_id)
        if order is None:
            self._reconciler.want()
            return
        self._booking.filled(trade, order)
        self._valuation.tell()

    def _on_order(self, news: VenueOrder) -> None:
        if self._booking.told(news) is None:
            self._booking.adopt(news, before_us=False)
            self._reconciler.want()

    async def _check_clock(self, venue: Venue) -> None:
        offset_ms = await venue.server_time_offset_ms()
        if abs(offset_ms) >= _CLOCK_ALARM_MS:
            self._booking.alert(
                "clock",
                "warning",
                "This machine's clock is off",
                f"It differs from {venue.name}'s by {offset_ms} ms. The offset is used for trading; "
                "switch on time synchronisation (timedatectl set-ntp true) to mend it.",
            )
        else:
            self.log.info("clock", offset_ms=offset_ms)

    async def _watch_clock(self, venue: Venue) -> None:
        while True:
            await asyncio.sleep(_CLOCK_EVERY_S)
            try:
                await self._check_clock(venue)
            except ConnectorError as error:
                self.log.warning("clock not measured", reason=str(error))

    async def _check_key(self, venue: Venue) -> None:
        permissions = await venue.fetch_permissions()
        if not permissions.withdraw:
            return
        if not self.settings.trade.allow_withdraw_keys:
            raise StartError(
                f"The API key of {venue.name} may withdraw money. Make a key without that permission, "
                "or set trade.allow_withdraw_keys to true."
            )
        self._booking.audit(
            "settings", "override", venue.name, "a key that may withdraw is used (trade.allow_withdraw_keys)"
        )

    async def _note_head(self) -> None:
        """Note the newest sealed action beside the key, now and then."""
        while True:
            await asyncio.sleep(_NOTE_HEAD_EVERY_S)
            await asyncio.to_thread(self._store.note_head)

    def _tell_held(self, waiting: int, pause_s: float) -> None:
        limit = self.settings.trade.max_orders_per_10s
        detail = (
            f"{waiting} calls wait; the next order goes in {pause_s:.1f} s "
            f"({limit} in ten seconds are allowed)."
        )
        now = asyncio.get_running_loop().time()
        if now - self._held_told_s >= _HELD_ALERT_EVERY_S:
            self._held_told_s = now
            self._booking.alert("over-rate", "warning", "Orders are held back by the rate limit", detail)

    def _resume_orders(self) -> None:
        """Orders of an earlier life: what was never sent is sent or given up, what was sent is asked for."""
        for order in list(self._account.orders.values()):
            if order.state is State.PENDING:
                if not self._protections.resume(order) and not self._protections.hold(order):
                    self._execution.send_later(order.id)
            elif order.state is State.PENDING_CANCEL:
                self._execution.cancel_later(order.id)
            elif order.state is State.SUBMITTED:
                self._reconciler.questions.ask_for(order.id)
        for symbol in list(self._protections.guards):
            self._protections.align(symbol)

    def _symbols(self) -> list[str]:
        return accounts.symbols_of(self.settings, self._account.name)

    def _currency(self) -> str:
        symbols = self._symbols()
        return symbols[0].partition("/")[2].partition(":")[0] if symbols else "USDT"


def main(home: Home) -> int:
    """Run the trade service in this process."""
    return run(TradeService, home)
