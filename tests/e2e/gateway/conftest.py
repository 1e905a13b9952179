"""Puts the tests' own modules where the tests of this folder can import them, and runs each on a loop of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from e2e.gateway.stand import Stand, stand
from offtake.entrypoints.gateway.limits import DEFAULT, Limits

Test = Callable[[Stand], Awaitable[None]]


@pytest.fixture
def on_stand(tmp_path: Path) -> Callable[..., None]:
    """Runs a coroutine with a gateway of its own, within a minute and a half."""

    def run(test: Test, limits: Limits = DEFAULT) -> None:
        async def whole() -> None:
            async with asyncio.timeout(90), stand(tmp_path, limits) as made:
                await test(made)

        asyncio.run(whole())

    return run
