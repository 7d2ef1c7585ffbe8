"""The bus as services see it: two faces, asyncio and blocking, over one core.

`cryptobot.bus.aio.AsyncBus` and `cryptobot.bus.blocking.BlockingBus` implement these; `memory.MemoryBus`
implements both within one process, for tests and single-process tools. One test suite runs against all.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from .contracts.base import Message

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)


class MessageId(msgspec.Struct, frozen=True, gc=False, order=True):
    """Unique and sortable: who sent it, in which life, as the how-manieth on its topic."""

    source: str
    epoch: int
    seq: int


class Received(msgspec.Struct, Generic[M], frozen=True, gc=False):
    """A message with its envelope. `correlation_id` is the id of the cause (32 hex digits), "" when none."""

    topic: str
    source: str
    epoch: int
    seq: int
    ts_ns: int
    correlation_id: str
    message: M


class Request(msgspec.Struct, Generic[M], frozen=True):
    """A request as its handler sees it. The same `id` is the same request, tried again."""

    id: str
    source: str
    deadline_ns: int
    message: M


Handler = Callable[[Received[M]], Awaitable[None] | None]
RequestHandler = Callable[[Request[M]], Awaitable[Message] | Message]


class Publisher(ABC, Generic[M]):
    """A handle for one topic: everything constant of the frame is packed once."""

    @abstractmethod
    def send(self, message: M, *, correlation_id: str = "") -> MessageId:
        """Publish. Never blocks on a slow reader. Event-class messages are on disk before this returns."""


class Subscription(ABC):
    """Ends with `close`."""

    @abstractmethod
    def close(self) -> None:
        """Stop receiving. Does nothing when already closed."""


class AsyncBusApi(ABC):
    """The asyncio face. All handlers run on the loop's thread.

    Async handlers of one subscription run one at a time, in the order of arrival. A handler that raises is
    logged with the message id, counted, and the message goes to the dead-letter topic; the service goes on.
    """

    name: str

    @abstractmethod
    def topic(self, topic: str, schema: type[M], *, batch: int = 1) -> Publisher[M]:
        """A publisher for one topic. Cheap to keep, costly to make: keep it.

        Args:
            batch: what is sent within one turn of the loop goes as one frame of at most so many, also
                at rest. Busy streams share frames without it (docs/protocol.md, "batch").

        Raises:
            ValueError: batches of the event class are asked for.
        """

    @abstractmethod
    def publish(self, topic: str, message: Message, *, correlation_id: str = "") -> MessageId:
        """Publish through a remembered publisher; for topics that are written rarely."""

    @abstractmethod
    def offer_direct(self) -> None:
        """Let subscribers connect straight to this client, for hot topics; the broker gets all as well."""

    @abstractmethod
    def subscribe(
        self,
        prefix: str,
        schema: type[M],
        handler: Handler[M],
        *,
        last_value: bool = False,
        durable: str = "",
        heal: bool | None = None,
        direct: str = "",
        shortcut: str = "",
        max_lag_s: float = 0.0,
    ) -> Subscription:
        """Receive every message whose topic starts with `prefix` and whose schema is `schema`.

        Args:
            last_value: first the newest message of each topic, as far as the broker knows one.
            durable: a name under which this client's position is kept on disk (event class only): after a
                restart it goes on behind the last message handled, and misses none. Unique within the client.
            heal: fetch missing messages from the journal, in order; by default so for the event class only.
            direct: the name of a service that offers it: receive its messages without the broker in between.
            shortcut: the name of a service that may offer it: what it says comes straight from it as well as
                through the broker, and each message counts once, when it comes first. For streams on which
                somebody waits; over TCP, where the broker checks who says what, only the broker's way.
            max_lag_s: drop messages that are older than this when they arrive, and count them as late.
        """

    def facts(self) -> dict[str, str]:
        """For discovery: X_EPOCH, the number of this life, and X_SCHEMAS, the requests that are answered."""
        return {}

    @abstractmethod
    def serve(self, schema: type[M], handler: RequestHandler[M], *, cancellable: bool = False) -> None:
        """Answer requests of one class. A raised CryptoBotError becomes a typed error reply.

        Args:
            cancellable: an async handler is cancelled when its caller's `request` was; else it goes on.
        """

    @abstractmethod
    async def request(
        self, service: str, message: Message, reply: type[R], *, timeout_s: float = 5.0, tries: int = 4
    ) -> R:
        """Ask a service; retried with the same id, so a served request is carried out once.

        Raises:
            BusTimeoutError: no answer in time. Whether it was carried out is unknown.
            RequestFailedError: the service refused, with a code and a sentence.
        """

    @abstractmethod
    async def settled(self, timeout_s: float = 10.0) -> None:
        """Wait until every subscription made before this call is in force and publishing reaches the broker.

        Raises:
            BusTimeoutError: the broker is not there.
        """

    @abstractmethod
    async def close(self) -> None:
        """Flush and close."""


class BlockingBusApi(ABC):
    """The blocking face, for threads and short-lived commands. Safe to call from any thread."""

    name: str

    @abstractmethod
    def topic(self, topic: str, schema: type[M]) -> Publisher[M]: ...

    @abstractmethod
    def publish(self, topic: str, message: Message, *, correlation_id: str = "") -> MessageId: ...

    @abstractmethod
    def offer_direct(self) -> None:
        """As the asyncio face."""

    @abstractmethod
    def subscribe(
        self,
        prefix: str,
        schema: type[M],
        handler: Callable[[Received[M]], None],
        *,
        last_value: bool = False,
        durable: str = "",
        heal: bool | None = None,
        direct: str = "",
        max_lag_s: float = 0.0,
    ) -> Subscription:
        """As the asyncio face; handlers run on the bus's own thread."""

    @abstractmethod
    def request(
        self, service: str, message: Message, reply: type[R], *, timeout_s: float = 5.0, tries: int = 4
    ) -> R: ...

    @abstractmethod
    def serve(self, schema: type[M], handler: Callable[[Request[M]], Message]) -> None:
        """As the asyncio face; handlers run on the bus's own thread, one at a time."""

    @abstractmethod
    def settled(self, timeout_s: float = 10.0) -> None:
        """As the asyncio face. Not to be called on the bus's own thread."""

    @abstractmethod
    def close(self) -> None:
        """Flush and close."""
