"""An API key is shown to its venue once before it is kept: is it right, and what may it do?"""

from ...bus.api import AsyncBusApi, Request
from ...bus.contracts.trade import CheckKey, KeyReport
from ...configs.errors import ConnectorError, CredentialsError, RequestFailedError, SettingsError
from ...configs.schema import Settings
from ..connectors.registry import open_venue
from ..connectors.venue import Credentials, Venue


class KeyCheck:
    """Opens the venue for a moment; the account that trades is not touched."""

    def __init__(self, bus: AsyncBusApi, settings: Settings) -> None:
        self._bus, self._settings = bus, settings

    def serve(self) -> None:
        """Answer requests."""
        self._bus.serve(CheckKey, self._check)

    async def _check(self, request: Request[CheckKey]) -> KeyReport:
        wish = request.message
        key = Credentials(wish.api_key, wish.api_secret, wish.api_password)
        try:
            venue = await open_venue(wish.exchange, bus=self._bus, settings=self._settings, credentials=key)
            try:
                return await _asked(venue)
            finally:
                await venue.close()
        except SettingsError as error:
            raise RequestFailedError("unknown_venue", str(error)) from error
        except CredentialsError as error:
            raise RequestFailedError("key_refused", f"{wish.exchange} refuses this key: {error}") from error
        except ConnectorError as error:
            raise RequestFailedError(
                "venue_away", f"{wish.exchange} could not be asked about the key: {error}"
            ) from error


async def _asked(venue: Venue) -> KeyReport:
    """Balances are private everywhere: a venue that tells them has taken the key."""
    await venue.fetch_balance()
    permissions = await venue.fetch_permissions()
    return KeyReport(trade=permissions.trade, withdraw=permissions.withdraw)
