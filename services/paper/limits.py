"""Rate limits: request weight a minute for an address, new orders for an account. 429 first, then 418."""

from .orders import RefusedError

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000
DAY_MS = 86_400_000
BAN_AFTER = 100
"""Requests beyond the limit, answered with 429, before the address is banned with 418."""
BAN_MS = 120_000


class RateLimitedError(RefusedError):
    """Too much was asked; `after_s` says when to come back."""

    def __init__(self, code: int, message: str, status: int, after_s: int) -> None:
        super().__init__(code, message, status)
        self.after_s = after_s


class Limits:
    """Counts within fixed windows of time, as Binance does; a limit of 0 is none."""

    def __init__(self, weight_a_minute: int, orders_in_ten_seconds: int, orders_a_day: int = 0) -> None:
        self.weight_a_minute = weight_a_minute
        self.orders_in_ten_seconds = orders_in_ten_seconds
        self.orders_a_day = orders_a_day or 200_000
        self._window = 0
        self._used: dict[str, int] = {}
        self._over: dict[str, int] = {}
        self._banned: dict[str, int] = {}
        self._orders: dict[str, dict[int, tuple[int, int]]] = {}

    def used(self, address: str, now_ms: int) -> int:
        """Weight that an address used in this minute."""
        return self._used.get(address, 0) if self._window == now_ms // MINUTE_MS else 0

    def charge(self, address: str, weight: int, now_ms: int) -> int:
        """Count a request; returns the weight used in this minute.

        Raises:
            RateLimitedError: 429 above the limit; 418 for those who go on.
        """
        self._turn(now_ms)
        until = self._banned.get(address, 0)
        if until > now_ms:
            raise _banned(until, now_ms)
        used = self._used[address] = self._used.get(address, 0) + weight
        if self.weight_a_minute and used > self.weight_a_minute:
            self._refuse(address, now_ms)
        return used

    def _turn(self, now_ms: int) -> None:
        if self._window != now_ms // MINUTE_MS:
            self._window = now_ms // MINUTE_MS
            self._used.clear()
            self._over.clear()

    def _refuse(self, address: str, now_ms: int) -> None:
        over = self._over[address] = self._over.get(address, 0) + 1
        if over > BAN_AFTER:
            self._banned[address] = now_ms + BAN_MS
            raise _banned(now_ms + BAN_MS, now_ms)
        after_s = 1 + (MINUTE_MS - now_ms % MINUTE_MS) // 1000
        raise RateLimitedError(
            -1003,
            f"Too much request weight used; current limit is {self.weight_a_minute} request weight per 1 "
            "MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API.",
            429,
            after_s,
        )

    def order(self, account: str, orders: int, now_ms: int) -> dict[str, int]:
        """Count new orders of an account; returns the header values.

        Raises:
            RateLimitedError: -1015 with status 429.
        """
        counts = self._orders.setdefault(account, {})
        answer = {}
        for name, window, limit in (
            ("10S", TEN_SECONDS_MS, self.orders_in_ten_seconds), ("1D", DAY_MS, self.orders_a_day),
        ):  # fmt: skip
            start, count = counts.get(window, (0, 0))
            count = count + orders if start == now_ms // window else orders
            counts[window] = (now_ms // window, count)
            answer[name] = count
            if limit and self.orders_in_ten_seconds and count > limit:
                after_s = 1 + (window - now_ms % window) // 1000
                message = f"Too many new orders; current limit is {limit} orders per {name}."
                raise RateLimitedError(-1015, message, 429, after_s)
        return answer

    def order_counts(self, account: str) -> list[dict[str, object]]:
        """As GET /api/v3/rateLimit/order."""
        counts = self._orders.get(account, {})
        return [
            {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit,
             "count": counts.get(window, (0, 0))[1]}
            for interval, number, window, limit in (
                ("SECOND", 10, TEN_SECONDS_MS, self.orders_in_ten_seconds),
                ("DAY", 1, DAY_MS, self.orders_a_day),
            )
        ]  # fmt: skip

    def describe(self) -> list[dict[str, object]]:
        """As in exchangeInfo."""
        return [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
             "limit": self.weight_a_minute or 1_000_000},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10,
             "limit": self.orders_in_ten_seconds or 1_000_000},
            {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": self.orders_a_day},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 1_000_000},
        ]  # fmt: skip


def _banned(until_ms: int, now_ms: int) -> RateLimitedError:
    message = f"Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams."
    return RateLimitedError(-1003, message, 418, 1 + (until_ms - now_ms) // 1000)
