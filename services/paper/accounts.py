"""Balances: free and locked, for each account and asset. Every movement has two sides.

Beside the customers there are two accounts of the exchange: `house`, the counterparty of all synthetic
orders, whose balance may be negative, and `fees`. So the sum over all accounts of an asset is always what
was deposited, and a test can hold the exchange to it.
"""

from collections.abc import Iterator

from .orders import RefusedError

INSUFFICIENT = "Account has insufficient balance for requested action."


class Balances:
    """All accounts of the exchange, in units of 1e-8."""

    def __init__(self) -> None:
        self._free: dict[str, dict[str, int]] = {}
        self._locked: dict[str, dict[str, int]] = {}
        self.house: dict[str, int] = {}
        self.fees: dict[str, int] = {}
        self.deposited: dict[str, int] = {}
        self.touched: set[tuple[str, str]] = set()
        """(account, asset) changed since the owner emptied it."""

    def open(self, account: str) -> None:
        """Make an empty account; does nothing when there is one."""
        self._free.setdefault(account, {})
        self._locked.setdefault(account, {})

    def accounts(self) -> list[str]:
        return list(self._free)

    def assets(self, account: str) -> Iterator[tuple[str, int, int]]:
        """(asset, free, locked) of an account, by name."""
        locked = self._locked[account]
        for asset, free in sorted(self._free[account].items()):
            yield asset, free, locked.get(asset, 0)

    def free(self, account: str, asset: str) -> int:
        return self._free[account].get(asset, 0)

    def locked(self, account: str, asset: str) -> int:
        return self._locked[account].get(asset, 0)

    def restore(self, account: str, asset: str, free: int, locked: int) -> None:
        """Put back what was stored."""
        self.open(account)
        self._free[account][asset], self._locked[account][asset] = free, locked

    def deposit(self, account: str, asset: str, amount: int) -> None:
        """Money from outside; negative takes it out.

        Raises:
            RefusedError: not so much is free.
        """
        if amount < 0 and self.free(account, asset) < -amount:
            raise RefusedError(-2010, INSUFFICIENT)
        self._add(account, asset, amount)
        self.deposited[asset] = self.deposited.get(asset, 0) + amount

    def lock(self, account: str, asset: str, amount: int) -> None:
        """Reserve for an order.

        Raises:
            RefusedError: -2010, not so much is free.
        """
        if self.free(account, asset) < amount:
            raise RefusedError(-2010, INSUFFICIENT)
        self._add(account, asset, -amount)
        self._locked[account][asset] = self.locked(account, asset) + amount

    def unlock(self, account: str, asset: str, amount: int) -> None:
        self._locked[account][asset] = self.locked(account, asset) - amount
        assert self._locked[account][asset] >= 0, f"{account} has less {asset} locked than its orders hold"
        self._add(account, asset, amount)

    def spend_locked(self, account: str, asset: str, amount: int) -> None:
        """Pay out of what an order holds; the other half is `receive` or `house_receives`."""
        self._locked[account][asset] = self.locked(account, asset) - amount
        assert self._locked[account][asset] >= 0, f"{account} pays more {asset} than its orders hold"
        self.touched.add((account, asset))

    def receive(self, account: str, asset: str, amount: int, fee: int) -> None:
        """Take delivery; the fee goes to the exchange in the received asset, as on Binance."""
        self._add(account, asset, amount - fee)
        self.fees[asset] = self.fees.get(asset, 0) + fee

    def house_receives(self, asset: str, amount: int) -> None:
        """The synthetic counterparty takes (or, below zero, gives)."""
        self.house[asset] = self.house.get(asset, 0) + amount

    def total(self, asset: str) -> int:
        """Everything of an asset in all accounts: equal to `deposited`, always."""
        held = sum(self._free[a].get(asset, 0) + self._locked[a].get(asset, 0) for a in self._free)
        return held + self.house.get(asset, 0) + self.fees.get(asset, 0)

    def _add(self, account: str, asset: str, amount: int) -> None:
        self._free[account][asset] = self.free(account, asset) + amount
        self.touched.add((account, asset))
