"""What can be merged in a serving block without loss: supplies into stations, loads into groups.

Both merges are exact: the merged program has the same optimum as the direct one, and each of its answers
spreads into a direct answer of the same cost. Nothing here knows solvers or rows; it looks at arrays.

Axes by name: supply (I), load (J), class of loads (M), period (T), hour (H).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

# Two sums of the same parts, added in another order, differ by a few units in the last place (2.2e-16
# relative); true differences between costs in an estate are far above this.
EXACT_RELATIVE = 1e-12


@dataclass(frozen=True, eq=False)
class Additive:
    """A coefficient of (supply, load, period) split as ``by_supply + by_load`` within one station.

    ``by_supply`` is shaped (supply of the station, class, period), ``by_load`` (load, period).
    """

    by_supply: FloatArray
    by_load: FloatArray


@dataclass(frozen=True, eq=False)
class Station:
    """Supplies that may serve the same loads, and whose coefficients differ only by class: they pool their
    output.

    ``supplies`` are places on the supply axis, ascending. ``permitted`` is (load, period) and ``serves`` is
    (class, period). ``use`` is (supply of the station, class, period). ``cost`` and each of ``measures`` are
    additive.
    """

    supplies: NDArray[np.intp]
    permitted: BoolArray
    serves: BoolArray
    use: FloatArray
    cost: Additive
    measures: tuple[Additive, ...]

    @property
    def columns_saved(self) -> int:
        """How many columns per hour the station saves against one column per supply, load and period."""
        direct = len(self.supplies) * np.count_nonzero(self.permitted)
        pooled = len(self.supplies) * np.count_nonzero(self.serves) + np.count_nonzero(self.permitted)
        return int(direct - pooled)


def stations(
    permitted: BoolArray,
    use: FloatArray,
    cost: FloatArray,
    measures: Sequence[FloatArray],
    class_of: NDArray[np.integer],
) -> tuple[Station, ...]:
    """Every set of two or more supplies that can pool, in the order of their first supply.

    ``permitted``, ``use``, ``cost`` and each of ``measures`` are (supply, load, period), ``class_of`` is
    (load,). A supply belongs to one station at most; supplies that permit nothing belong to none.
    """
    members = _class_members(class_of)
    found: list[Station] = []
    for alike in _same_permission(permitted):
        pool = _Pool(permitted[alike[0]], members)
        left = alike[pool.depends_on_class(use[alike])]
        while len(left) > 1:
            together = np.ones(len(left), dtype=np.bool_)
            for values in (cost, *measures):
                together &= pool.adds_up_with_first(values[left])
            chosen = left[together]
            if len(chosen) > 1:
                found.append(
                    Station(
                        supplies=chosen,
                        permitted=pool.permitted,
                        serves=pool.serves,
                        use=pool.at_first_load(use[chosen]),
                        cost=pool.additive(cost[chosen]),
                        measures=tuple(pool.additive(values[chosen]) for values in measures),
                    )
                )
            left = left[~together]
    return tuple(sorted(found, key=lambda station: int(station.supplies[0])))


def load_groups(
    permitted: BoolArray,
    use: FloatArray,
    cost: FloatArray,
    measures: Sequence[FloatArray],
    class_of: NDArray[np.integer],
    load_key: NDArray[np.integer],
) -> NDArray[np.intp]:
    """The group of each load, (load,): loads of one group are told apart by nothing, and may be served as
    one.

    Arrays as for :func:`stations`. ``load_key`` says what else tells loads apart: two loads may merge only if
    theirs is equal. Groups are numbered in the order of their first load. Values are compared bit for bit,
    where permitted: loads that are alike by accident of rounding stay apart, which costs columns and never
    truth.
    """
    parts = [class_of[:, None], load_key[:, None], _by_load(permitted)]
    parts += [_by_load(np.where(permitted, values, 0.0)) for values in (use, cost, *measures)]
    signatures = [
        b"".join(np.ascontiguousarray(part[load]).tobytes() for part in parts)
        for load in range(len(class_of))
    ]
    first_seen: dict[bytes, int] = {}
    return np.array([first_seen.setdefault(one, len(first_seen)) for one in signatures], dtype=np.intp)


def _by_load(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.moveaxis(values, 1, 0)


def _same_permission(permitted: BoolArray) -> list[NDArray[np.intp]]:
    """Supplies by what they permit, where they permit anything; groups and their members ascending."""
    if not permitted.size:
        return []
    packed = np.packbits(permitted.reshape(len(permitted), -1), axis=1)
    alike: dict[bytes, list[int]] = {}
    for supply in np.flatnonzero(packed.any(axis=1)):
        alike.setdefault(packed[supply].tobytes(), []).append(int(supply))
    return [np.array(group, dtype=np.intp) for group in alike.values()]


def _class_members(class_of: NDArray[np.integer]) -> BoolArray:
    """(class, load)"""
    count = int(class_of.max()) + 1 if len(class_of) else 0
    return np.arange(count)[:, None] == class_of[None, :]


class _Pool:
    """Comparisons over the loads and periods that a set of supplies may serve.

    The first load of each class that is permitted in a period stands for its class: a coefficient there is
    the part by supply, and what another load of the class has beyond it is the part by load.
    """

    def __init__(self, permitted: BoolArray, members: BoolArray) -> None:
        candidates = members[:, :, None] & permitted[None, :, :]
        self.permitted = permitted
        self.serves: BoolArray = np.any(candidates, axis=1)
        self._class_of = members.argmax(axis=0)
        self._first: NDArray[np.intp] = candidates.argmax(axis=1)  # (class, period)
        self._period: NDArray[np.intp] = np.arange(permitted.shape[1])

    def at_first_load(self, values: FloatArray) -> FloatArray:
        """(supply, class, period) from (supply, load, period); zero where the class is not served."""
        return np.where(self.serves, values[:, self._first, self._period[None, :]], 0.0)

    def beyond_first_load(self, values: FloatArray) -> FloatArray:
        """(supply, load, period); zero where not permitted."""
        first = self.at_first_load(values)[:, self._class_of, :]
        return np.where(self.permitted, values - first, 0.0)

    def depends_on_class(self, values: FloatArray) -> BoolArray:
        """(supply,): whether no load differs from the first of its class."""
        return _none_differs(self.beyond_first_load(values), self._scale(values))

    def adds_up_with_first(self, values: FloatArray) -> BoolArray:
        """(supply,): whether a supply's parts by load are those of the first supply."""
        beyond = self.beyond_first_load(values)
        scale = self._scale(values)
        return _none_differs(beyond - beyond[:1], np.maximum(scale, scale[:1]))

    def additive(self, values: FloatArray) -> Additive:
        beyond = self.beyond_first_load(values[:1])[0]
        # Rounding leaves dust where the parts by load are equal; as a coefficient it would only trouble the
        # solver.
        dust = np.abs(beyond) <= EXACT_RELATIVE * self._scale(values[:1])
        return Additive(self.at_first_load(values), np.where(dust, 0.0, beyond))

    def _scale(self, values: FloatArray) -> FloatArray:
        """(supply,): the largest value permitted, against which differences are judged."""
        return np.where(self.permitted, np.abs(values), 0.0).max(axis=(1, 2), initial=0.0)


def _none_differs(difference: FloatArray, scale: FloatArray) -> BoolArray:
    return np.abs(difference).max(axis=(1, 2), initial=0.0) <= EXACT_RELATIVE * scale
