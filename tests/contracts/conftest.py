"""A PostgreSQL for every contract that is held on one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokered.postgresql import Cluster, cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with cluster() as running:
        yield running
