"""Logging of every service: one JSON object a line on stderr, which the supervisor keeps and rotates.

Secrets never get there: fields with telling names are masked, and every secret that this process has seen is
blotted out of the finished line, tracebacks included.
"""

import logging
import sys
import traceback
from typing import Any, cast

import structlog

from ...configs.secret import MASK, MASKER, is_secret_name
from . import printed
from .sink import LogSink, stderr_sink

Event = structlog.typing.EventDict

_MAX_DEPTH = 4


class _Threshold:
    """The least important level that is kept; may change while the service runs."""

    number = logging.INFO


def set_level(level: str) -> None:
    """From now on lines of this level (debug, info, warning, error) and above are kept."""
    _Threshold.number = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(max(_Threshold.number, logging.WARNING))


def _drop_below(_logger: Any, method: str, event: Event) -> Event:
    level = "error" if method == "exception" else method
    if logging.getLevelNamesMapping().get(level.upper(), logging.CRITICAL) < _Threshold.number:
        raise structlog.DropEvent
    return event


def configure(service: str, level: str, sink: LogSink | None = None) -> structlog.typing.FilteringBoundLogger:
    """Set up structlog, and lead the standard library's loggers into it."""
    set_level(level)
    out = sink or stderr_sink()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _mask_fields,
    ]
    render: list[structlog.typing.Processor] = [
        _plain_traceback,
        structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        _blot,
    ]
    structlog.configure(
        processors=[_drop_below, *shared, *render],
        # Everything passes here: `set_level` may ask for more at any time, of loggers that were made before.
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(file=cast("Any", out)),
        cache_logger_on_first_use=False,
    )
    _lead_in_standard_library(service, out, shared, render)
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(service=service).bind())


def take_over_printing() -> None:
    """What is printed in this process goes the way of the log lines; only for a process of our own."""
    for handler in logging.getLogger().handlers:
        stream = getattr(handler, "stream", None)
        if isinstance(stream, LogSink):
            printed.take_over(stream)


def finish(patience_s: float = 1.0) -> None:
    """Write what a slow reader has not yet taken; called once before the process ends."""
    printed.finish()
    for handler in logging.getLogger().handlers:
        stream = getattr(handler, "stream", None)
        if isinstance(stream, LogSink):
            stream.finish(patience_s)


def _lead_in_standard_library(
    service: str,
    out: LogSink,
    shared: list[structlog.typing.Processor],
    render: list[structlog.typing.Processor],
) -> None:
    def name_service(_logger: Any, _method: str, event: Event) -> Event:
        record = event.get("_record")
        event.setdefault("service", service)
        if record is not None:
            event.setdefault("logger", record.name)
        return event

    handler = logging.StreamHandler(cast("Any", out))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[name_service, structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    # A log line that cannot be formatted must not print to a stderr that may block.
    logging.raiseExceptions = False
    logging.basicConfig(level=max(_Threshold.number, logging.WARNING), handlers=[handler], force=True)
    logging.captureWarnings(True)


def _mask_fields(_logger: Any, _method: str, event: Event) -> Event:
    for key, value in event.items():
        if key != "event":
            event[key] = MASK if is_secret_name(key) and value else _masked(value, _MAX_DEPTH)
    return event


def _masked(value: Any, depth: int) -> Any:
    if depth == 0:
        return value
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(key, str) and is_secret_name(key) else _masked(item, depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(item, depth - 1) for item in value]
    return value


def _plain_traceback(_logger: Any, _method: str, event: Event) -> Event:
    """Tracebacks as text, without the values of variables: those hold secrets."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    elif isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[1] is not None:
        event["exception"] = "".join(traceback.format_exception(*info))
    return event


def _blot(_logger: Any, _method: str, line: Any) -> str:
    return MASKER.blot(str(line))
