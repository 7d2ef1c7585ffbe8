"""What models are made of. Services import these names from here, never from peewee.

    class FillRow(Model):
        id = CharField(primary_key=True)
        price = DecimalField()

        class Meta:
            table_name = "fills"
"""

from collections.abc import Iterable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext
from typing import Any, ClassVar

from .driver import peewee

AutoField = peewee.AutoField
BigAutoField = peewee.BigAutoField
BigIntegerField = peewee.BigIntegerField
BlobField = peewee.BlobField
BooleanField = peewee.BooleanField
CharField = peewee.CharField
CompositeKey = peewee.CompositeKey
DoubleField = peewee.DoubleField
ForeignKeyField = peewee.ForeignKeyField
IntegerField = peewee.IntegerField
TextField = peewee.TextField
DoesNotExist = peewee.DoesNotExist
IntegrityError = peewee.IntegrityError
SQL = peewee.SQL
fn = peewee.fn

MAX_TEXT = 80
# Digits enough for any two numbers of MAX_TEXT characters with ordinary exponents; more raises Inexact.
_EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])


class Model(peewee.Model):
    """Base of all tables. A service's models are bound to its database with `Database.bind`."""

    class Meta:
        legacy_table_names = False


class DecimalField(peewee.Field):
    """An exact decimal, stored as text on every engine: the Decimal that went in comes out, digit for digit.

    Text does not sort or compare as numbers do: filter by other columns and compare in Python.
    """

    field_type: ClassVar[str] = "VARCHAR"

    def get_modifiers(self) -> list[int]:
        return [MAX_TEXT]

    def db_value(self, value: Any) -> str | None:
        """Raises TypeError for a float, ValueError for NaN, infinity and numbers over 80 characters."""
        return None if value is None else decimal_text(value)

    def python_value(self, value: Any) -> Decimal | None:
        return None if value is None else Decimal(value)


def decimal_text(value: Decimal | int | str) -> str:
    """The text that stands for a Decimal in the database."""
    if isinstance(value, float | bool):
        raise TypeError(f"money is stored as Decimal, not as {type(value).__name__} ({value!r})")
    number = value if isinstance(value, Decimal) else Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{number} is not a number that can be stored")
    exponent = number.as_tuple().exponent
    text = str(number) if isinstance(exponent, int) and not -MAX_TEXT < exponent <= 0 else format(number, "f")
    if len(text) > MAX_TEXT or abs(number.adjusted()) > MAX_TEXT:
        raise ValueError(f"{number} has more than {MAX_TEXT} digits")
    return text


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """The sum without rounding; Python's `sum` rounds to 28 digits.

    Raises:
        decimal.Inexact: the sum has more than 400 digits.
    """
    with localcontext(_EXACT):
        return sum(values, Decimal(0))
