"""Who may call: API keys, HMAC-SHA256 signatures and timestamps, checked as Binance does."""

import hashlib
import hmac
from urllib.parse import quote, unquote_plus, urlencode

from .calls import Endpoint, Security, missing
from .desk import Account, Desk
from .orders import RefusedError

DEFAULT_WINDOW_MS = 5_000
LARGEST_WINDOW_MS = 60_000
AHEAD_MS = 1_000
"""A timestamp may be so far in the future."""


def split(raw: str) -> tuple[dict[str, str], str, str]:
    """(parameters, the text that was signed, the signature) of a query or a form."""
    parameters: dict[str, str] = {}
    signed, signature = [], ""
    for pair in raw.split("&") if raw else ():
        name, _, value = pair.partition("=")
        if name == "signature":
            signature = unquote_plus(value)
        else:
            signed.append(pair)
            parameters[unquote_plus(name)] = unquote_plus(value)
    return parameters, "&".join(signed), signature


def socket_texts(parameters: dict[str, str]) -> tuple[str, ...]:
    """What a client of the WebSocket API may have signed: its parameters by name, plain or encoded."""
    pairs = sorted((name, value) for name, value in parameters.items() if name != "signature")
    plain = "&".join(f"{name}={value}" for name, value in pairs)
    return plain, urlencode(pairs), urlencode(pairs, quote_via=quote)


def authenticate(desk: Desk, endpoint: Endpoint, api_key: str) -> Account | None:
    """The account of a key, when the endpoint wants one.

    Raises:
        RefusedError: -2014 without a key or with one of a wrong form, -2015 with an unknown one.
    """
    if endpoint.security is Security.NONE:
        return None
    if not api_key or not api_key.isascii() or not api_key.isalnum():
        raise RefusedError(-2014, "API-key format invalid.", 401)
    account = desk.account_of(api_key)
    if account is None:
        raise RefusedError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    return account


def verify(
    account: Account, parameters: dict[str, str], signed: tuple[str, ...], signature: str, now_ms: int
) -> None:
    """Check signature and time of a signed call.

    Args:
        signed: the texts of which one must have been signed.

    Raises:
        RefusedError: -1102 something is missing, -1022 wrong signature, -1021 wrong time, -1131 wrong window.
    """
    if not signature:
        raise missing("signature")
    secret = account.api_secret.encode()
    given = signature.lower().encode()
    for text in signed:
        right = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        if hmac.compare_digest(right.encode(), given):
            break
    else:
        raise RefusedError(-1022, "Signature for this request is not valid.")
    check_time(parameters, now_ms)


def check_time(parameters: dict[str, str], now_ms: int) -> None:
    """Refuse calls from another time."""
    try:
        timestamp = int(parameters["timestamp"])
        window = int(float(parameters.get("recvWindow") or DEFAULT_WINDOW_MS))
    except KeyError:
        raise missing("timestamp") from None
    except ValueError:
        raise RefusedError(-1100, "Illegal characters found in parameter 'timestamp'.") from None
    if timestamp > 10**14:
        timestamp //= 1000
    if window > LARGEST_WINDOW_MS:
        raise RefusedError(-1131, "recvWindow must be less than 60000")
    if timestamp > now_ms + AHEAD_MS:
        raise RefusedError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if timestamp < now_ms - window:
        raise RefusedError(-1021, "Timestamp for this request is outside of the recvWindow.")
