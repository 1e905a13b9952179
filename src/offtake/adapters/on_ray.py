"""Many plans on a Ray cluster (https://ray.io), for when one machine is too small. The extra `ray` installs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from offtake.domain.errors import InvalidInput, UpstreamFailure

if TYPE_CHECKING:
    from ray import ObjectRef

Item = TypeVar("Item")
Result = TypeVar("Result")
RETRIES: Final = (
    4  # Of a batch whose worker died; it does the same again, for futures do not depend on each other.
)
AHEAD: Final = 2  # Batches handed out for each processor.


def run_on_ray(
    function: Callable[[Item], Result], items: Sequence[Item], address: str | None, workers: int | None
) -> Iterator[Result]:
    """The function's results as they come, from the cluster at an address, or from one of this machine's own.

    Raises InvalidInput without Ray, UpstreamFailure for a cluster that cannot be reached or that lost a batch for good.
    """
    try:
        import ray
        from ray.exceptions import RayError
    except ImportError:
        raise InvalidInput(
            "Ray is not installed",
            hint="pip install 'offtake[ray]', or leave --on out: processes of this machine",
        ) from None
    ours = not ray.is_initialized()
    try:
        if ours and address is not None:
            _ = ray.init(address, log_to_driver=False, logging_level="ERROR")
        elif ours:
            _ = ray.init(
                num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
            )
        yield from _results(function, items)
    except (RayError, ConnectionError) as error:
        said = str(error).splitlines()
        raise UpstreamFailure(
            f"Ray failed: {said[0] if said else type(error).__name__}",
            hint="run it again: finished futures are kept; or leave --on out",
        ) from None
    finally:
        if ours:
            ray.shutdown()


def _results(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    import ray

    work = ray.remote(max_retries=RETRIES)(_applied)
    shared = ray.put(function)
    most = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting = list(items)[::-1]
    running: list[ObjectRef[Result]] = []
    while waiting or running:
        while waiting and len(running) < most:
            running.append(work.remote(shared, waiting.pop()))
        done, running = ray.wait(running, num_returns=1)
        yield from ray.get(done)


def _applied(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)
