"""What one process of a gateway does for all, once a minute: usage is told to the ledger, old receipts go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from offtake.bootstrap.gateway import today
from offtake.bootstrap.gateway_keeping import forget_due
from offtake.bootstrap.gateway_ledger import post_usage, posted_until
from offtake.domain.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.bootstrap.gateway import Place
    from offtake.bootstrap.gateway_ledger import LedgerReader
    from offtake.entrypoints.gateway.service import Service

EVERY_S: Final = 60.0


@dataclass
class Chores:
    """The chores of a gateway. What cannot be done is said once, and tried again a minute later."""

    place: Place
    service: Service
    say: Callable[[str], None]
    ledger: LedgerReader | None = None
    keep_days: int | None = None

    async def run(self) -> None:
        """Until it is cancelled."""
        said: set[str] = set()
        while True:
            for text in await asyncio.get_running_loop().run_in_executor(None, self.once):
                if text not in said:
                    said = {text, *said} if len(said) < 100 else {text}
                    self.say(text)
            await asyncio.sleep(EVERY_S)

    def once(self) -> list[str]:
        """Does what is due; in words."""
        try:
            return list(self._due())
        except OfftakeError as error:
            return [error.message]

    def _due(self) -> Iterator[str]:
        if self.ledger is not None:
            yield from post_usage(self.ledger, self.place, self.service.table, self.service.wall())
        if self.keep_days is not None:
            told = None if self.ledger is None else posted_until(self.place) or date.min
            table, day = self.service.table, today(self.service.wall)
            yield from forget_due(self.place, table, self.keep_days, day, told)
