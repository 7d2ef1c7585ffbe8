"""Functions of TA-Lib as lines: each value is the function over the last candles of a bounded window.

TA-Lib's averages remember everything since their first candle, so that a value depends on where the history
begins. Here a value is computed over the newest candles alone, so many that what came before weighs less than
a millionth: backtest and live run agree to the bit, wherever their histories begin. Functions whose value is
a sum over the whole past (OBV, SAR and so on) have no such window and are refused.

Importing this module loads neither TA-Lib nor numpy.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from ...configs.errors import StrategyError
from .lines import CLOSE, HIGH, LOW, NAN, OPEN, VOLUME, Line, Number

KIND = "talib"
_PRICES = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME}
_FINITE_GROUPS = ("Pattern Recognition", "Math Transform", "Math Operators", "Price Transform")
_RECURSIVE = ("HA",)
"""Made of their own value before, though their group is not."""
_PATH = "Output is path-dependent"
_PLACES = ("MAXINDEX", "MININDEX", "MINMAXINDEX")
"""Give places in the history that they are shown."""
_MEMORY, _MEMORY_LEAST = 12, 100
"""What recursive functions are given beyond their own lookback: so many times that, and so much more."""


@dataclass(frozen=True, slots=True)
class Known:
    """What TA-Lib says of a function."""

    name: str
    inputs: tuple[str, ...]
    defaults: Mapping[str, Any]
    outputs: tuple[str, ...]
    finite: bool


def talib(name: str, *inputs: Line, output: str = "", **parameters: Number) -> Line:
    """A function of TA-Lib as a line: `talib("ADX", timeperiod=14)`, `talib("MACD", output="macdhist")`.

    Args:
        name: as TA-Lib writes it; `python -c "import talib; print(talib.get_functions())"` lists them.
        inputs: lines it reads instead of the candle's own; as many as the function has.
        output: which of its outputs; "" is the first.
        parameters: by TA-Lib's names; what is not given has TA-Lib's default.

    Raises:
        StrategyError: TA-Lib is not installed, there is no such function, parameter or output, the number
            of inputs is wrong, or the function depends on the whole past.
    """
    known = _known(name.upper())
    unknown = sorted(set(parameters) - set(known.defaults))
    if unknown:
        takes = ", ".join(known.defaults) or "none"
        raise StrategyError(f"talib {known.name} has no parameter {unknown[0]}; it takes {takes}.")
    if output and output not in known.outputs:
        gives = ", ".join(known.outputs)
        raise StrategyError(f"talib {known.name} has no output {output!r}; it gives {gives}.")
    values = tuple({**known.defaults, **parameters}.values())
    place = known.outputs.index(output) if output else 0
    return Line(KIND, _sources(known, inputs), (known.name, *values), place)


def _sources(known: Known, given: tuple[Line, ...]) -> tuple[Line, ...]:
    if given:
        if len(given) != len(known.inputs):
            reads = ", ".join(known.inputs)
            raise StrategyError(f"talib {known.name} reads {len(known.inputs)} lines ({reads}).")
        return given
    lacking = [name for name in known.inputs if name not in _PRICES]
    if lacking:
        raise StrategyError(f"talib {known.name} needs a line for {lacking[0]}; give its lines in order.")
    return tuple(_PRICES[name] for name in known.inputs)


@lru_cache
def _known(name: str) -> Known:
    library = _library()
    if name not in library.get_functions():
        raise StrategyError(f"TA-Lib has no function {name!r}.")
    info = import_module("talib.abstract").Function(name).info
    flags = info["function_flags"] or []
    if _PATH in flags:
        raise StrategyError(
            f"talib {name} depends on everything since the first candle, so a backtest and a live run would "
            "differ; build it from other lines."
        )
    if name in _PLACES:
        raise StrategyError(f"talib {name} gives a place in the history, which means nothing in a line.")
    inputs = [[one] if isinstance(one, str) else one for one in info["input_names"].values()]
    return Known(
        name,
        tuple(one for several in inputs for one in several),
        dict(info["parameters"]),
        tuple(info["output_names"]),
        info["group"] in _FINITE_GROUPS and name not in _RECURSIVE,
    )


def _library() -> Any:
    try:
        return import_module("talib")
    except ImportError as error:
        raise StrategyError('TA-Lib is not installed; `pip install "cryptobot[talib]"` brings it.') from error


@lru_cache
def window_of(name: str, *values: Any) -> int:
    """Candles that one value is made of.

    Raises:
        StrategyError: TA-Lib does not take these parameters.
    """
    import numpy as np

    known = _known(name)
    function = import_module("talib.abstract").Function(name)
    try:
        _computing(name, *values)([np.ones(2)] * len(known.inputs))  # lookback alone does not check them
        function.parameters = dict(zip(known.defaults, values, strict=True))
        lookback = int(function.lookback)
    except Exception as error:  # TA-Lib's wrapper raises bare exceptions
        raise StrategyError(f"talib {name}: {error}.") from error
    return lookback + 1 if known.finite else lookback * _MEMORY + _MEMORY_LEAST


def lookback(name: str, *values: Any) -> int:
    """Candles before the first value."""
    return window_of(name, *values) - 1


def columns(arguments: tuple[Any, ...], *inputs: Any) -> Any:
    """Every value over the whole history; a tuple of columns where the function has several outputs."""
    import numpy as np

    compute, size = _computing(*arguments), window_of(*arguments)
    length, count = len(inputs[0]), len(_known(arguments[0]).outputs)
    results = [np.full(length, NAN) for _ in range(count)]
    sources = [np.ascontiguousarray(one, dtype=np.float64) for one in inputs]
    missing = np.cumsum(np.any([np.isnan(one) for one in sources], axis=0))
    for end in range(size, length + 1):
        if missing[end - 1] - (missing[end - size - 1] if end > size else 0):
            continue
        for column, value in zip(results, compute([one[end - size : end] for one in sources]), strict=True):
            column[end - 1] = value
    return tuple(results) if count > 1 else results[0]


class Streamed:
    """The same, candle by candle."""

    def __init__(self, *arguments: Any) -> None:
        size, known = window_of(*arguments), _known(arguments[0])
        self._compute = _computing(*arguments)
        self._windows: list[deque[float]] = [deque(maxlen=size) for _ in known.inputs]
        self._size, self._count = size, len(known.outputs)

    def push(self, *inputs: float) -> Any:
        """Take the inputs' values on this candle; NaN until the window is full."""
        import numpy as np

        for window, value in zip(self._windows, inputs, strict=True):
            window.append(value)
        found: tuple[float, ...] = (NAN,) * self._count
        if len(self._windows[0]) == self._size:
            arrays = [np.array(window, dtype=np.float64) for window in self._windows]
            if not any(np.isnan(array).any() for array in arrays):
                found = self._compute(arrays)
        return found if self._count > 1 else found[0]


def _computing(name: str, *values: Any) -> Callable[[list[Any]], tuple[float, ...]]:
    """The last value of each output over arrays of one window."""
    function, parameters = getattr(_library(), name), dict(zip(_known(name).defaults, values, strict=True))

    def compute(arrays: list[Any]) -> tuple[float, ...]:
        result = function(*arrays, **parameters)
        several = result if isinstance(result, tuple) else (result,)
        return tuple(float(one[-1]) for one in several)

    return compute
