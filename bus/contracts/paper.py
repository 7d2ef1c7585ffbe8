"""Owner: paper. Numbers 0x06xx."""

from .base import Delivery, Message, message, request


@message(0x0601, delivery=Delivery.REPLY)
class PaperInfo(Message, frozen=True, kw_only=True, gc=False):
    """How to reach the paper exchange. `note` says what a person must know of its prices and speed."""

    rest_url: str
    ws_url: str
    ws_api_url: str
    api_key: str
    api_secret: str
    symbols: list[str]
    note: str


@request(0x0602, reply=PaperInfo, permission="secret.read")
class GetPaperInfo(Message, frozen=True, kw_only=True, gc=False):
    """Addresses and demo keys of the paper exchange."""
