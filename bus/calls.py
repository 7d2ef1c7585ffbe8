"""Requests without a socket: the caller's ids and retries, the server's table of what was answered."""

import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple, Protocol, TypeVar

from ..configs.errors import CryptoBotError, ProtocolError, RequestFailedError
from . import codec, frames
from .api import Request
from .contracts.base import ErrorReply, Message

R = TypeVar("R", bound=Message)
_MAX_REMEMBERED = 20_000
_NOTHING = ErrorReply(code="", message="")


_Handler = tuple[type[Message], Callable[[Request[Any]], Any], bool]


class CallIds:
    """Ids of requests: eight random bytes of this process and a counter."""

    def __init__(self) -> None:
        self._prefix = os.urandom(8)
        self._count = count(1)

    def next(self) -> bytes:
        return self._prefix + next(self._count).to_bytes(8, "big")


class Attempts(NamedTuple):
    """One request's frames: attempt `n` (from 0) is sent, then `waits_s[n]` is waited for the reply."""

    id: bytes
    waits_s: tuple[float, ...]
    source: bytes
    schema_id: int
    schema_version: int
    deadline_ns: int
    payload: bytes

    def cancellation(self) -> bytes:
        """The frame that tells the server that nobody waits any more."""
        return frames.call(
            self.source,
            self.schema_id,
            self.schema_version,
            0,
            self.deadline_ns,
            self.id,
            b"",
            frames.FLAG_CANCEL,
        )

    def frame(self, attempt: int) -> bytes:
        return frames.call(
            self.source, self.schema_id, self.schema_version, attempt, self.deadline_ns, self.id, self.payload
        )


def attempts(call_id: bytes, source: bytes, message: Message, timeout_s: float, tries: int) -> Attempts:
    """Plan a request: waits double from try to try and add up to the time-out."""
    if tries < 1 or timeout_s <= 0:
        raise ValueError("A request needs at least one try and a time-out above zero.")
    return Attempts(
        call_id,
        _waits(timeout_s, tries),
        source,
        message.SCHEMA_ID,
        message.SCHEMA_VERSION,
        time.time_ns() + int(timeout_s * 1e9),
        codec.encode(message),
    )


@lru_cache(maxsize=256)
def _waits(timeout_s: float, tries: int) -> tuple[float, ...]:
    unit = timeout_s / (2**tries - 1)
    return tuple(unit * 2**number for number in range(tries))


def read_reply(frame: bytes, call: frames.Call, reply: type[R]) -> R:
    """The answer in a reply frame.

    Raises:
        RequestFailedError: the service refused.
        ProtocolError: the answer is of another class, or cannot be read.
    """
    payload = frame[call.payload_at :]
    if call.schema_id == ErrorReply.SCHEMA_ID and reply is not ErrorReply:
        error = codec.decode(payload, ErrorReply)
        raise RequestFailedError(error.code, error.message)
    if call.schema_id != reply.SCHEMA_ID:
        raise ProtocolError(
            f"{call.source} answered with schema {call.schema_id:#06x} instead of {reply.__name__}."
        )
    return codec.decode(payload, reply)


def error_reply(error: CryptoBotError) -> ErrorReply:
    """How an error travels: its code is that of RequestFailedError, else the class name in snake case."""
    if isinstance(error, RequestFailedError):
        return ErrorReply(code=error.code, message=error.message)
    name = type(error).__name__.removesuffix("Error")
    code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return ErrorReply(code=code, message=str(error) or name)


class Cancellable(Protocol):
    """A task."""

    def cancel(self) -> object:
        """End it soon."""


@dataclass(eq=False, slots=True)
class Job:
    """A request that is being carried out, or its remembered reply.

    `peer` is who asked last; `work` is what carries it out, when that can be cancelled.
    """

    peer: Any
    request: Request[Any]
    id: bytes
    deadline_ns: int
    handler: Callable[[Request[Any]], Any] | None
    reply: bytes | None = None
    cancellable: bool = False
    work: Cancellable | None = None


class Server:
    """What one service answers.

    A request is carried out once: a second try with its id gets the same reply, or waits for it. Replies
    are remembered until the request's deadline, after which its caller cannot try again.
    """

    def __init__(self, name: str) -> None:
        self._source = frames.name_bytes(name)
        self._name = name
        self._handlers: dict[int, _Handler] = {}
        self._jobs: OrderedDict[tuple[str, bytes], Job] = OrderedDict()
        self.malformed = 0
        self.repeated = 0
        self.expired = 0

    def add(
        self, schema: type[Message], handler: Callable[[Request[Any]], Any], cancellable: bool = False
    ) -> None:
        self._handlers[schema.SCHEMA_ID] = (schema, handler, cancellable)

    def names(self) -> list[str]:
        """The requests that are answered."""
        return sorted(schema.__name__ for schema, _, _ in self._handlers.values())

    def take(self, peer: Any, frame: bytes) -> Job | None:
        """Look at a request: a job with a `reply` is to be answered now, one without is to be carried out."""
        try:
            call = frames.parse_call(frame)
        except ProtocolError:
            self.malformed += 1
            return None
        known = self._jobs.get((call.source, call.id))
        if call.flags & frames.FLAG_CANCEL:
            if known is not None and known.cancellable and known.work is not None:
                known.work.cancel()
            return None
        if known is not None:
            self.repeated += 1
            known.peer = peer
            return known if known.reply is not None else None
        self._forget_expired()
        if call.deadline_ns <= time.time_ns():
            self.expired += 1
            return None
        return self._begin(peer, call, frame)

    def _begin(self, peer: Any, call: frames.Call, frame: bytes) -> Job:
        schema, handler, cancellable = self._handlers.get(call.schema_id, (None, None, False))
        refusal: ErrorReply | None = None
        message: Message = _NOTHING
        if schema is None:
            text = f"{self._name} does not serve requests of schema {call.schema_id:#06x}."
            refusal = ErrorReply(code="unknown_request", message=text)
        else:
            try:
                message = codec.decode(frame[call.payload_at :], schema)
            except ProtocolError as error:
                self.malformed += 1
                refusal = ErrorReply(code="bad_request", message=str(error))
        request = Request(call.id.hex(), call.source, call.deadline_ns, message)
        job = Job(peer, request, call.id, call.deadline_ns, handler, cancellable=cancellable)
        self._jobs[call.source, call.id] = job
        if refusal is not None:
            self.finish(job, refusal)
        return job

    def finish(self, job: Job, message: Message) -> bytes:
        """Remember the answer and return its frame."""
        payload = codec.encode(message)
        if len(payload) > frames.MAX_FRAME_BYTES:
            text = f"The answer of {self._name} has {len(payload)} bytes, which is too large to send."
            message = ErrorReply(code="too_large", message=text)
            payload = codec.encode(message)
        job.reply = frames.call(
            self._source, message.SCHEMA_ID, message.SCHEMA_VERSION, 0, job.deadline_ns, job.id, payload
        )
        return job.reply

    def _forget_expired(self) -> None:
        now = time.time_ns()
        while self._jobs:
            key, job = next(iter(self._jobs.items()))
            if job.deadline_ns > now and len(self._jobs) < _MAX_REMEMBERED:
                return
            del self._jobs[key]
