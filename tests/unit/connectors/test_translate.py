"""What ccxt's errors mean to us."""

import importlib

import aiohttp
import pytest
from cryptobot.configs.errors import (
    CredentialsError,
    OrderRejectedError,
    OutcomeUnknownError,
    RetryLaterError,
)
from cryptobot.services.connectors import lazy, translate

lazy.install()
errors = importlib.import_module("ccxt.base.errors")


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (errors.RequestTimeout("t"), OutcomeUnknownError),
        (errors.NetworkError("n"), OutcomeUnknownError),
        (errors.ExchangeNotAvailable("503"), OutcomeUnknownError),
        (errors.OnMaintenance("m"), OutcomeUnknownError),
        (errors.OperationFailed("-1000"), OutcomeUnknownError),
        (errors.BadResponse("-1006"), OutcomeUnknownError),
        (errors.DuplicateOrderId("d"), OutcomeUnknownError),
        (ConnectionResetError("r"), OutcomeUnknownError),
        (errors.InvalidOrder("-1013"), OrderRejectedError),
        (errors.InsufficientFunds("-2010"), OrderRejectedError),
        (errors.BadRequest("-1102"), OrderRejectedError),
        (errors.InvalidNonce("-1021"), OrderRejectedError),
        (errors.DDoSProtection("429"), OrderRejectedError),
        (errors.ExchangeError("-9999"), OrderRejectedError),
        (errors.AuthenticationError("-2015"), CredentialsError),
    ],
)
def test_submit(error, meaning):
    """Refused only when the venue said so; whatever is in doubt is unknown."""
    assert type(translate.submit_error("x", "submit", error)) is meaning


def test_broken_answer_to_a_submit_is_unknown():
    """ccxt calls an answer that broke off an ExchangeError; the order may rest all the same."""
    error = errors.ExchangeError("payload")
    error.__cause__ = aiohttp.ClientPayloadError("broke off")
    assert type(translate.submit_error("x", "submit", error)) is OutcomeUnknownError


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (errors.RateLimitExceeded("429"), RetryLaterError),
        (errors.ExchangeNotAvailable("away"), RetryLaterError),
        (errors.RequestTimeout("t"), RetryLaterError),
        (OSError("network is down"), RetryLaterError),
        (errors.PermissionDenied("-2015"), CredentialsError),
    ],
)
def test_read(error, meaning):
    """A read can be tried again, unless the key is refused."""
    assert type(translate.read_error("x", "read", error)) is meaning


def test_signed_addresses_do_not_reach_the_text():
    """No signature in a log."""
    error = errors.ExchangeNotAvailable("GET https://x/api?timestamp=1&signature=abc")
    assert "abc" not in str(translate.read_error("x", "read", error))
