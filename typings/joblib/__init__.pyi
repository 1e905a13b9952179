from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeAlias

_Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

class Parallel:
    def __init__(
        self,
        n_jobs: int = ...,
        *,
        prefer: Literal["processes", "threads"] | None = ...,
        return_as: Literal["list", "generator", "generator_unordered"] = ...,
        batch_size: int = ...,
    ) -> None: ...
    def __call__(self, iterable: Iterable[_Call]) -> Iterator[Any]: ...

def delayed(function: Callable[..., Any]) -> Callable[..., _Call]: ...
def cpu_count() -> int: ...
