"""The workers of a Dask cluster do the runs. Dask is an extra: pip install cryptobot[cluster]."""

import hashlib
import importlib
import inspect
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...configs.errors import SettingsError, StrategyError, UsageError
from ..data.columns import NAMES, Columns
from ..data.files import Series
from ..strategy.loader import load_file
from .run import BARE, Request, load
from .work import Numbered, Row, Take, Work, chunks_of, run_chunk

_TRIES = 5
_WAIT_S = 10.0


class ClusterCrew:
    """Sends the candles and the strategy's file to each worker once, then pieces of work.

    Dask gives the pieces of a worker that died to another one.

    Raises:
        UsageError: Dask is not installed, or its scheduler does not answer.
    """

    def __init__(self, work: Work, address: str) -> None:
        distributed = _distributed()
        try:
            self._client: Any = distributed.Client(address, timeout=_WAIT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise UsageError(
                f"No Dask scheduler answers at {address} ({type(error).__name__}); start one with "
                "`dask scheduler`, and workers with `dask worker`."
            ) from error
        self._as_completed = distributed.as_completed
        self.workers = max(1, sum(self._client.ncores().values()))
        if work.surroundings is not BARE and work.surroundings.marks():
            raise SettingsError("--dask sends candles only; leave out --inner, --trades, --book, --funding.")
        columns = work.series.columns
        matrix = np.array([getattr(columns, name).astype(np.float64) for name in ("open_ms", *NAMES)])
        self._candles = self._client.scatter(matrix, broadcast=True)
        source = Path(inspect.getfile(work.owner)).read_text(encoding="utf-8")
        bare = replace(work.series, columns=Columns.empty())
        own = ".builtin." not in work.owner.__module__
        request = replace(work.request, data=None, folder=None)
        self._given = (request, bare, source if own else "")

    def __enter__(self) -> "ClusterCrew":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def run(self, left: Sequence[Numbered], take: Take) -> None:
        """All of `left`, in pieces."""
        pieces = [
            self._client.submit(
                chunk_on_worker, self._given, self._candles, chunk, retries=_TRIES, pure=False
            )
            for chunk in chunks_of(left, self.workers)
        ]
        try:
            for done in self._as_completed(pieces, loop=self._client.loop):
                rows: list[tuple[int, Row]] = done.result()
                take(rows)
        except _distributed().KilledWorker as error:
            raise StrategyError(
                "Too many workers of the cluster ended while at work; is there enough memory?"
            ) from error
        except BaseException:
            self._client.cancel(pieces)
            raise


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise UsageError("--dask needs Dask: pip install cryptobot[cluster]") from None


_owners: dict[str, type] = {}
"""Strategy classes that this worker made of source texts, by their hash."""


def chunk_on_worker(
    given: tuple[Request, Series, str], matrix: NDArray[np.float64], chunk: list[Numbered]
) -> list[tuple[int, Row]]:
    """Called by a Dask worker."""
    request, bare, source = given
    owner: Any = _from_source(source) if source else _bundled(request.strategy)
    series = replace(bare, columns=Columns(matrix[0].astype(np.int64), *matrix[1:]))
    return run_chunk(Work(request, owner, series), chunk, {})


def _bundled(name: str) -> type:
    return load(name, None)


def _from_source(source: str) -> type:
    digest = hashlib.sha256(source.encode()).hexdigest()
    if digest not in _owners:
        path = Path(tempfile.mkdtemp(prefix="cryptobot-strategy-")) / "strategy_of_sweep.py"
        path.write_text(source, encoding="utf-8")
        _owners[digest] = load_file(path)
    return _owners[digest]
