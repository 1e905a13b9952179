"""Says a process's words to the store of headroom, ten times a second at most, beside the loop; hears the answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from offtake.domain.errors import StorageFailure
from offtake.router.headroom import Standing, Word

if TYPE_CHECKING:
    from offtake.entrypoints.gateway.service import Service
    from offtake.router.ports import Headroom
    from offtake.router.sharing import Sharing

EVERY_S: Final = 0.1
AT_ONCE_S: Final = 0.005  # Between two exchanges, where requests wait for headroom.
RETRY_S: Final = 0.25  # Until the store is asked again that could not be reached.
MEMBERS_EVERY_S: Final = 2.0


class Speaking:
    """One process among those that share."""

    def __init__(
        self,
        member: str,
        store: Headroom,
        sharing: Sharing,
        now: Callable[[], float],
        wall: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        self._member = member
        self._store = store
        self._sharing = sharing
        self._now = now
        self._wall = wall
        self._say = say
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headroom")
        self._asked_members = 0.0
        self._members = 1
        self.failing: str | None = None  # Why the store cannot be reached.

    def first(self) -> None:
        """The first words, before any request is taken. Raises StorageFailure if the store cannot be reached."""
        began = self._now()
        words = self._sharing.words(self._wall())
        told, members = self._exchange(words)
        self._sharing.hear(words, told, members, began)

    async def once(self) -> None:
        """One exchange."""
        began = self._now()
        words = self._sharing.words(self._wall())
        loop = asyncio.get_running_loop()
        try:
            told, members = await loop.run_in_executor(self._thread, self._exchange, words)
        except StorageFailure as failure:
            if self.failing is None:
                self._say(
                    f"headroom is not shared now: {failure.message}; what was granted holds for seconds"
                )
            self.failing = failure.message
            self._sharing.unheard(self._now())
        else:
            if self.failing is not None:
                self._say("headroom is shared again")
            self.failing = None
            self._sharing.hear(words, told, members, began)

    def _exchange(self, words: Sequence[Word]) -> tuple[Sequence[Standing], int]:
        told = self._store.exchange(self._member, words)
        now = self._now()
        if now - self._asked_members >= MEMBERS_EVERY_S:
            self._members, self._asked_members = self._store.members(), now
        return told, self._members

    async def run(self, service: Service) -> None:
        """Exchanges until it is cancelled."""
        while True:
            if self.failing is not None:
                await asyncio.sleep(RETRY_S)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY_S):
                        await service.headroom_due.wait()
                        await asyncio.sleep(AT_ONCE_S)
            service.headroom_due.clear()
            await self.once()
            service.headroom_heard()

    async def leave(self) -> None:
        """Says what was settled in all, and goes. If the store is gone, what was said before stands."""
        totals = self._sharing.totals()
        loop = asyncio.get_running_loop()
        with contextlib.suppress(StorageFailure):
            await loop.run_in_executor(self._thread, self._store.leave, self._member, totals)
        self._thread.shutdown(wait=False)
        self._store.close()
