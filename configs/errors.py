"""The tree of errors. Each branch is named by what the reader must do next.

CryptoBotError
  SettingsError            edit a setting (the CLI exits 2)
  UsageError               call the command differently (the CLI exits 2)
  NotRunningError          start the daemon first (the CLI exits 3)
  BusError
    BusTimeoutError        retry; the outcome is unknown
    ProtocolError          a bug or an intruder: log, drop, count
    RequestFailedError     the other side refused, with a code and a sentence
  ServiceError
    StartError             the service cannot run as things are
    TryLaterError          something outside is away; a restart later will help
  ConnectorError
    RetryLaterError        the venue is busy or away; `after_s` says when
    CredentialsError       fix the API key
    OrderRejectedError     the venue said no; final
    OutcomeUnknownError    the venue may or may not have acted: query, never resend
  StrategyError            the author's code failed; that strategy stops, the service does not
  AuthError                log in again, or ask for the permission
"""


class CryptoBotError(Exception):
    """Root of all errors that the product raises on purpose."""


class SettingsError(CryptoBotError):
    """The user edits a setting. The text says what, where and what is allowed."""


class UsageError(CryptoBotError):
    """The command was called in a way that cannot work."""


class NotRunningError(CryptoBotError):
    """The daemon of this home does not run."""


class BusError(CryptoBotError):
    """Anything that goes wrong on the bus."""


class BusTimeoutError(BusError):
    """No answer within the deadline; whether the request was carried out is unknown."""


class ProtocolError(BusError):
    """A frame that does not follow docs/protocol.md."""


class RequestFailedError(BusError):
    """The service answered with an error.

    Args:
        code: stable, machine-readable, lower_snake_case.
        message: one sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ServiceError(CryptoBotError):
    """A service failed."""


class TryLaterError(ServiceError):
    """Something that the service needs is away for now; it is started again until it is back."""


class StartError(ServiceError):
    """A service cannot run as things are; a restart alone will not help."""


class ConnectorError(CryptoBotError):
    """A venue did not do what was asked."""


class RetryLaterError(ConnectorError):
    """The venue is busy or away.

    Args:
        message: one sentence.
        after_s: seconds to wait before the next try.
    """

    def __init__(self, message: str, after_s: float = 1.0) -> None:
        super().__init__(message)
        self.after_s = after_s


class CredentialsError(ConnectorError):
    """The venue refuses the API key."""


class OrderRejectedError(ConnectorError):
    """The venue refused the order for good."""


class OutcomeUnknownError(ConnectorError):
    """The venue may or may not have acted. Query by client order id; never send again blindly."""


class StrategyError(CryptoBotError):
    """A strategy's own code failed."""


class AuthError(CryptoBotError):
    """Not logged in, or not permitted."""
