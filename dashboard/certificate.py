"""The certificate that is served: ours, renewed in time, or the user's, taken anew when its file changes.

A newer one is loaded into the context that is in use: who comes gets it, who is there stays, sessions too.
A new one that cannot be used is refused with one sentence, and what was served before goes on being served.
"""

import datetime
import hashlib

from ..configs.errors import StartError
from ..configs.paths import Home
from ..configs.schema import DashboardSettings
from . import tls

CHECK_S = 60.0


class ServedCertificate:
    """One of it in a running dashboard.

    Args:
        names: what people may reach the dashboard by where the certificate is made here.

    Raises:
        StartError: the user's certificate cannot be used.
    """

    def __init__(self, home: Home, settings: DashboardSettings, names: tuple[str, ...]) -> None:
        self._home, self._settings, self._names = home, settings, names
        self.current = self._read()
        self._seen = _digest(self.current)
        self.context = tls.server_context(self.current)
        self.problem = ""

    @property
    def ends_soon(self) -> bool:
        """Does the user's certificate end within thirty days? Ours is renewed before."""
        left = self.current.not_after - datetime.datetime.now(datetime.UTC)
        return bool(self._settings.certificate) and left < tls.RENEW_BEFORE

    @property
    def hosts(self) -> frozenset[str]:
        """The names that the dashboard answers to; `*` is every address."""
        own = tls.names_in(self.current) if self._settings.certificate else ()
        return frozenset({*self._names, *own, *(["*"] if self._names[3:] else [])})

    def look(self) -> bool:
        """Serve a newer certificate from now on where there is one; whether there was.

        What keeps a newer one from being served is in `problem` afterwards, in one sentence; "" is nothing.
        """
        try:
            found = self._read()
            seen = _digest(found)
            if seen == self._seen:
                self.problem = ""
                return False
            if found.not_after <= datetime.datetime.now(datetime.UTC):
                ended = f"{found.not_after:%Y-%m-%d}"
                raise StartError(f"The certificate {found.chain} ended on {ended}; put a newer one there.")
            self.context.load_cert_chain(found.chain, found.key)
        except (StartError, OSError) as error:
            self.problem = f"{error} The one of before goes on being served."
            return False
        self.current, self._seen, self.problem = found, seen, ""
        return True

    def _read(self) -> tls.Certificate:
        chosen = self._settings
        if chosen.certificate:
            return tls.own(self._home, chosen.certificate, chosen.private_key)
        return tls.ensure(self._home, self._names)


def _digest(certificate: tls.Certificate) -> bytes:
    return hashlib.sha256(certificate.chain.read_bytes() + certificate.key.read_bytes()).digest()
