"""An order under any order of events: our own, the venue's reports and executions, late or repeated."""

from decimal import Decimal

from cryptobot.services.trade import order as orders
from cryptobot.services.trade.order import FillRecord, OrderRecord
from cryptobot.services.trade.states import TERMINAL, Event, State
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

AMOUNT = Decimal(10)
OURS = (Event.SEND, Event.WITHDRAW, Event.ASK_CANCEL, Event.REJECT)


class AnyOrderOfEvents(RuleBasedStateMachine):
    """The venue has a story of its own; we hear it in pieces, in any order, more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.order = OrderRecord(
            id="a", client_order_id="a", exchange="x", symbol="A/B", side="buy", type="limit", amount=AMOUNT,
            price=Decimal(2),
        )  # fmt: skip
        self.story: list[tuple[str, Decimal, int]] = []
        self.executed: list[FillRecord] = []
        self.counted: set[str] = set()
        self.clock = 0
        self.ended = ""
        self.before = self.order.state

    # the venue

    @precondition(lambda self: self.order.sent_ms or self.order.state is not State.PENDING)
    @rule(amount=st.integers(1, 10))
    def venue_fills(self, amount: int) -> None:
        """A part trades at the venue, at most what is left there."""
        done = sum((fill.amount for fill in self.executed), Decimal(0))
        part = min(Decimal(amount), AMOUNT - done)
        if self.ended or part <= 0:
            return
        self.clock += 1
        number = len(self.executed) + 1
        self.executed.append(
            FillRecord(
                id=str(number),
                order_id="a",
                exchange="x",
                symbol="A/B",
                side="buy",
                price=Decimal(2),
                amount=part,
                cost=2 * part,
                fee=Decimal(0),
                fee_currency="B",
                maker=True,
                ts_ms=self.clock,
            )
        )
        whole = done + part == AMOUNT
        self.ended = "closed" if whole else ""
        self.story.append(("closed" if whole else "open", done + part, self.clock))

    @precondition(lambda self: self.order.sent_ms or self.order.state is not State.PENDING)
    @rule(how=st.sampled_from(["open", "canceled", "expired"]))
    def venue_reports(self, how: str) -> None:
        """It is there, or it ends with what was filled."""
        if self.ended:
            return
        self.clock += 1
        self.ended = "" if how == "open" else how
        self.story.append((how, sum((fill.amount for fill in self.executed), Decimal(0)), self.clock))

    # what reaches us

    @precondition(lambda self: bool(self.story))
    @rule(data=st.data())
    def report_arrives(self, data: st.DataObject) -> None:
        """Any report, early, late or again."""
        status, filled, told_ms = data.draw(st.sampled_from(self.story))
        self._note()
        orders.apply_told(self.order, status=status, filled=filled, exchange_order_id="7", told_ms=told_ms)

    @precondition(lambda self: bool(self.executed))
    @rule(data=st.data())
    def execution_arrives(self, data: st.DataObject) -> None:
        """Any execution; one that was counted is not counted again (the books hold its key)."""
        fill = data.draw(st.sampled_from(self.executed))
        if fill.key in self.counted:
            return
        self._note()
        self.counted.add(fill.key)
        orders.apply_fill(self.order, fill)

    @rule(event=st.sampled_from(OURS))
    def we_act(self, event: Event) -> None:
        """Our own side, where the table allows it."""
        if not orders.can(self.order, event) or (event is Event.REJECT and self.story):
            return
        self._note()
        self.clock += 1
        orders.move(self.order, event, now_ms=self.clock)
        if event is Event.SEND:
            self.order.sent_ms = self.clock

    @precondition(lambda self: self.order.state is State.PENDING_CANCEL)
    @rule()
    def cancel_is_not_carried_out(self) -> None:
        """The venue says that the order is open as before."""
        self._note()
        self.clock += 1
        orders.keep(self.order, self.clock)

    @rule()
    def details_are_given_up(self) -> None:
        """The venue does not list what it told of."""
        self._note()
        orders.give_up_on_details(self.order)

    def _note(self) -> None:
        self.before = self.order.state

    # always

    @invariant()
    def filled_is_what_was_counted(self) -> None:
        """No execution is lost, doubled or invented; the remainder is never negative."""
        counted = [fill for fill in self.executed if fill.key in self.counted]
        assert self.order.filled == sum((fill.amount for fill in counted), Decimal(0))
        assert self.order.cost == sum((fill.cost for fill in counted), Decimal(0))
        assert self.order.remaining == max(AMOUNT - self.order.filled, Decimal(0))

    @invariant()
    def filled_state_means_filled(self) -> None:
        """FILLED is said when all of it was counted, or flagged as incomplete."""
        if self.order.state is State.FILLED:
            assert self.order.filled >= AMOUNT or self.order.incomplete or self.order.told_filled >= AMOUNT

    @invariant()
    def only_money_moves_an_ended_order(self) -> None:
        """An end stays an end, except that fills may complete it, or a rejected one is there after all."""
        if self.before in TERMINAL and self.before is not State.REJECTED:
            assert self.order.state in (self.before, State.FILLED)

    def teardown(self) -> None:
        """Once everything that the venue knows has arrived, both sides tell the same."""
        if self.order.state in (State.PENDING, State.DENIED) or not self.story:
            return
        if self.order.state is State.CANCELED and not self.order.sent_ms:
            return
        for fill in self.executed:
            if fill.key not in self.counted:
                self.counted.add(fill.key)
                orders.apply_fill(self.order, fill)
        for status, filled, told_ms in self.story:
            orders.apply_told(
                self.order, status=status, filled=filled, exchange_order_id="7", told_ms=told_ms
            )
        self.filled_is_what_was_counted()
        expected = {"closed": State.FILLED, "canceled": State.CANCELED, "expired": State.EXPIRED}
        if self.ended:
            assert self.order.state is expected[self.ended], (self.order, self.story)
        else:
            assert self.order.state not in TERMINAL, (self.order, self.story)


TestAnyOrderOfEvents = AnyOrderOfEvents.TestCase
TestAnyOrderOfEvents.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestAnyOrderOfEvents.__doc__ = (
    "Whatever the order of news, nothing is lost or doubled, and in the end both sides tell the same."
)
