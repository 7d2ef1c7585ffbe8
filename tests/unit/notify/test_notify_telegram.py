"""Commands by Telegram: who may speak, what is asked back, what is carried out and written down."""

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptobot.bus import topics
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import SessionsRevoked
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.notify import (
    BeginLink,
    ChannelTests,
    EndLink,
    GetNotifyStatus,
    LinkCode,
    NotifyStatus,
    TryChannels,
)
from cryptobot.bus.contracts.service import GetStatus, ServiceStatus, SupervisorStatus
from cryptobot.bus.contracts.strategy import SetStrategyRunning
from cryptobot.bus.contracts.trade import GetPortfolio, Portfolio, SetTradingState, TradingState
from cryptobot.configs.errors import RequestFailedError

Play = Callable[[Any], None]
ALICE, TOM, VERA, STRANGER = 501, 502, 503, 666


class Hall:
    """A trade, a strategy and a supervisor that note what they are asked."""

    def __init__(self, street: Any) -> None:
        self.street, self.bot, self.town = street, street.bot, street.town
        self.states: list[SetTradingState] = []
        self.strategies: list[SetStrategyRunning] = []

    async def open(self, **settings: Any) -> None:
        await self.street.open("telegram", **settings)
        for name in ("trade", "strategy", "supervisor"):
            bus = await self.town.hub.open_async(name)
            self.street.stack.push_async_callback(bus.close)
            setattr(self, f"{name}_bus", bus)
        self.trade_bus.serve(SetTradingState, self._set_state)
        self.trade_bus.serve(GetPortfolio, lambda _request: _portfolio())
        self.strategy_bus.serve(SetStrategyRunning, self._set_strategy)
        self.supervisor_bus.serve(GetStatus, lambda _request: _status())

    def _set_state(self, request: Request[SetTradingState]) -> TradingState:
        self.states.append(request.message)
        return TradingState(state=request.message.state, reason="", actor=request.message.actor, since_ms=1)

    def _set_strategy(self, request: Request[SetStrategyRunning]) -> Done:
        self.strategies.append(request.message)
        return Done(message="done")

    async def link(self, chat_id: int, user: str) -> None:
        """As a person does it: ask for a code, send it to the bot."""
        code = await self.town.ask(BeginLink(user=user), LinkCode)
        await self.says(chat_id, f"/start {code.code}", "This chat speaks for")

    async def says(self, chat_id: int, text: str, answer: str) -> str:
        """Write to the bot, and wait for an answer that begins so."""
        before = len(self.bot.texts(chat_id))
        self.bot.says(chat_id, text)
        await self.bot.until(lambda: len(self.bot.texts(chat_id)) > before)
        told = str(self.bot.texts(chat_id)[before])
        assert told.startswith(answer), told
        return told

    def nonce(self) -> str:
        """Of the newest question with buttons."""
        asked = [one for one in self.bot.sent if "reply_markup" in one][-1]
        data = asked["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        return str(data).partition(" ")[2]

    async def audited(self, action: str) -> Any:
        await self.town.until(lambda: any(one.action == action for one in self.town.audits))
        return next(one for one in self.town.audits if one.action == action)


def _portfolio() -> Portfolio:
    state = TradingState(state="ACTIVE", reason="", actor="", since_ms=1)
    return Portfolio(positions=[], balances=[], equity=None, trading_state=state)


def _status() -> SupervisorStatus:
    service = ServiceStatus(
        name="trade", title="Trading", state="RUNNING", ready=True, pid=1, uptime_s=1.0, restarts=0,
        cpu_percent=0.0, rss_bytes=1, health="", reason="", requires=[],
    )  # fmt: skip
    return SupervisorStatus(pid=1, state="RUNNING", uptime_s=1.0, version="1", services=[service])


def test_strangers_hear_nothing_and_a_code_is_good_once(play: Play) -> None:
    """Without a code nobody gets an answer; a code links one chat, once, and that is audited."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        code = await street.town.ask(BeginLink(user="alice"), LinkCode)
        for text in ("/status", "/halt", "/start WRONGCODE1", "/link", "hello"):
            street.bot.says(STRANGER, text)
        await hall.says(ALICE, f"/link {code.code.lower()}", "This chat speaks for alice")
        street.bot.says(STRANGER, f"/start {code.code}")
        await hall.says(ALICE, "/status", "Trading is ACTIVE.")
        assert street.bot.texts(STRANGER) == []
        entry = await hall.audited("link chat")
        assert (entry.actor, entry.detail, entry.ok) == ("telegram:alice", str(ALICE), True)

    play(story)


def test_a_dangerous_command_is_asked_back_and_audited(play: Play) -> None:
    """/halt does nothing until Yes is pressed; then trade is asked in the name of the user, audited."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(TOM, "tom")
        await hall.says(TOM, "/halt too wild", "Halt trading and cancel all open orders?")
        assert hall.states == []
        street.bot.presses(TOM, f"yes {hall.nonce()}")
        await street.bot.until(lambda: street.bot.texts(TOM)[-1] == "Trading is HALTED.")
        wish = hall.states[0]
        assert (wish.state, wish.actor, wish.reason) == ("HALTED", "telegram:tom", "too wild")
        assert wish.cancel_orders
        assert not wish.flatten
        entry = await hall.audited("telegram halt")
        assert (entry.actor, entry.kind, entry.ok) == ("telegram:tom", "trading", True)
        assert ("answerCallbackQuery", {"callback_query_id": "q1"}) in street.bot.calls

    play(story)


def test_a_question_is_good_once_for_its_chat_and_can_be_denied(play: Play) -> None:
    """Another chat cannot say yes, no does nothing, and an answered question is closed."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(TOM, "tom")
        await hall.link(ALICE, "alice")
        await hall.says(TOM, "/resume", "Let the bot trade again?")
        nonce = hall.nonce()
        await hall.says(ALICE, f"/yes {nonce}", "That question is not open any more.")
        await hall.says(TOM, f"/no {nonce}", "Nothing was done.")
        await hall.says(TOM, f"/yes {nonce}", "That question is not open any more.")
        assert hall.states == []

    play(story)


def test_everybody_may_what_their_role_may(play: Play) -> None:
    """A viewer looks but cannot halt; a permission narrowed to strategies holds for those alone."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(VERA, "vera")
        await hall.link(TOM, "tom")
        await hall.says(VERA, "/positions", "No open position.")
        await hall.says(VERA, "/halt", "You lack the permission trade.halt.")
        await hall.says(TOM, "/stop rsi-dip", "You lack the permission strategy.control.")
        await hall.says(TOM, "/stop ema-cross", "Stop the strategy ema-cross?")
        street.bot.says(TOM, f"/yes {hall.nonce()}")
        await street.bot.until(lambda: street.bot.texts(TOM)[-1] == "done")
        assert [one.name for one in hall.strategies] == ["ema-cross"]
        refused = await hall.audited("telegram halt")
        assert (refused.actor, refused.ok) == ("telegram:vera", False)
        help_of_vera = await hall.says(VERA, "/help", "/status")
        assert "/halt" not in help_of_vera

    play(story)


def test_a_right_that_was_taken_away_is_gone_between_question_and_yes(play: Play) -> None:
    """Permissions are asked anew for each step; a disabled account can do nothing at all."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(TOM, "tom")
        await hall.says(TOM, "/halt", "Halt trading")
        street.town.roles["trader"] = ["trade.read"]
        await hall.says(TOM, f"/yes {hall.nonce()}", "You lack the permission trade.halt.")
        street.town.users[1] = msgspec.structs.replace(street.town.users[1], enabled=False)
        await hall.says(TOM, "/positions", "Your account cannot be used now.")
        assert hall.states == []

    play(story)


def test_a_command_is_not_carried_out_twice_after_a_death(play: Play) -> None:
    """The next life goes on behind the last update that was taken, and knows the linked chats."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(VERA, "vera")
        await hall.says(VERA, "/positions", "No open position.")
        await street.town.kill()
        await street.town.start(telegram_api=street.town.settings.notify.telegram_api)
        await hall.says(VERA, "/balance", "Nothing is held.")
        assert street.bot.texts(VERA).count("No open position.") == 1

    play(story)


def test_alerts_go_to_every_linked_chat(play: Play) -> None:
    """The channel telegram is each linked chat, by apprise; without one a test says so."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        tests = await street.town.ask(TryChannels(actor="me"), ChannelTests)
        assert [one.reason for one in tests.tests] == ["No chat is linked yet"]
        await hall.link(ALICE, "alice")
        await hall.link(TOM, "tom")
        street.town.alert("service.trade", "error", title="trade crashed")
        for chat in (ALICE, TOM):
            await street.bot.until(
                lambda chat=chat: any("trade crashed" in x for x in street.bot.texts(chat))
            )

    play(story)


def test_trouble_with_telegram_is_told_and_ends(play: Play) -> None:
    """Told to wait (429), the poller waits and goes on; the status names the trouble meanwhile."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        street.bot.fails = [(429, {"parameters": {"retry_after": 1}})]
        await hall.open()
        await street.bot.until(lambda: not street.bot.fails)
        await hall.link(ALICE, "alice")
        status = await street.town.ask(GetNotifyStatus(), NotifyStatus)
        assert (status.bot, status.bot_problem) == ("my_trading_bot", "")
        assert [(one.user, one.title) for one in status.links] == [("alice", "Ada")]

    play(story)


def test_groups_and_foreign_buttons_are_not_heard(play: Play) -> None:
    """A linked person's group, and a button pressed by somebody else, cause nothing."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(ALICE, "alice")
        await hall.says(ALICE, "/halt", "Halt trading")
        nonce = hall.nonce()
        street.bot.says(ALICE, "/status", type="group")
        street.bot.presses(STRANGER, f"yes {nonce}")
        await hall.says(ALICE, "/positions", "No open position.")
        assert hall.states == []
        assert len(street.bot.texts(ALICE)) == 3

    play(story)


def test_a_chat_is_unlinked_by_its_user_alone(play: Play) -> None:
    """One's own chats can be ended, not another's; afterwards the chat is a stranger."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(ALICE, "alice")
        with pytest.raises(RequestFailedError, match="There is no linked chat"):
            await street.town.ask(EndLink(id=str(ALICE), actor="tom", user="tom"), Done)
        await street.town.ask(EndLink(id=str(ALICE), actor="alice", user="alice"), Done)
        await hall.link(TOM, "tom")
        street.bot.says(ALICE, "/status")
        await hall.says(TOM, "/positions", "No open position.")
        assert len(street.bot.texts(ALICE)) == 1
        assert (await hall.audited("unlink chat")).actor == "alice"

    play(story)


def test_the_token_is_in_no_answer(play: Play) -> None:
    """Neither status nor errors of a test hold the bot's token."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(ALICE, "alice")
        street.bot.fails = [(400, {"description": "chat not found"})]
        tests = await street.town.ask(TryChannels(actor="me"), ChannelTests)
        status = await street.town.ask(GetNotifyStatus(), NotifyStatus)
        secret = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
        assert secret not in json.dumps([msgspec.to_builtins(tests), msgspec.to_builtins(status)])

    play(story)


def test_a_chat_does_not_speak_for_somebody_else_of_the_same_name(play: Play) -> None:
    """The account was removed and another person got its name: the old chat is unlinked and may nothing."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(TOM, "tom")
        later = hall.town.users[1].created_ms + int(time.time() * 1000) + 60_000
        hall.town.users[1] = msgspec.structs.replace(hall.town.users[1], created_ms=later)
        await hall.says(TOM, "/halt", "Your account is gone")
        assert hall.states == []
        await hall.audited("unlink chat")

    play(story)


@pytest.mark.parametrize("why", ["removed", "disabled"])
def test_whoever_is_gone_hears_nothing_more(play: Play, why: str) -> None:
    """When an account is removed or disabled its chats are unlinked at once, and alerts go there no more."""

    async def story(street: Any) -> None:
        hall = Hall(street)
        await hall.open()
        await hall.link(TOM, "tom")
        await hall.link(ALICE, "alice")
        tom = hall.town.users.pop(1)
        if why == "disabled":
            hall.town.users.append(msgspec.structs.replace(tom, enabled=False))
        hall.town.viewer.publish(topics.audit("session"), SessionsRevoked(user="tom"))
        entry = await hall.audited("unlink chat")
        assert entry.detail == f"{TOM} spoke for tom"
        heard = len(street.bot.texts(TOM))
        hall.town.alert("disk", "error", title="the disk is full")
        await street.bot.until(lambda: any("disk is full" in text for text in street.bot.texts(ALICE)))
        assert len(street.bot.texts(TOM)) == heard

    play(story)
