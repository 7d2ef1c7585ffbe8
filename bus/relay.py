"""Events of publishers on other machines: their outboxes are there, so the broker asks them.

A frame that a broken connection swallowed never reached the broker's journal. Each service on another machine
than the broker therefore answers `Replay` for its own outbox, and the broker passes the question on.
"""

from ..configs.errors import BusError
from ..configs.paths import Home
from .api import AsyncBusApi, BlockingBusApi, Request
from .archive import Archive
from .contracts.bus import Replay, ReplayChunk
from .endpoints import BROKER, Endpoints

_ASK_S = 1.5
_TRIES = 2


def offer_outbox(bus: AsyncBusApi | BlockingBusApi, home: Home, places: Endpoints) -> None:
    """Answer for the outbox of this client, when the broker cannot read it from its own disk."""
    if not places.is_fixed(bus.name) or bus.name == BROKER or not places.elsewhere(BROKER):
        return
    archive = Archive(home)

    def replay(request: Request[Replay]) -> ReplayChunk:
        if not request.message.event or request.message.source != bus.name:
            return ReplayChunk(frames=[], next_seq=request.message.first_seq)
        return archive.replay(request.message)

    bus.serve(Replay, replay)


async def replay_of(bus: AsyncBusApi, places: Endpoints, wish: Replay) -> ReplayChunk | None:
    """What a publisher on another machine says about its events; None when it is here or silent."""
    if not wish.event or not places.elsewhere(wish.source):
        return None
    try:
        return await bus.request(wish.source, wish, ReplayChunk, timeout_s=_ASK_S, tries=_TRIES)
    except BusError:
        return None  # out of reach: what did reach the broker is in the journal
