"""Counts of one process, as Prometheus reads them. Names after OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from offtake.router.balances import Balances
from offtake.router.receipts import Receipt
from offtake.router.table import PICO, RoutingTable

_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)


class Histogram:
    """Seconds by buckets: those that OpenTelemetry recommends for the duration of a request to a model."""

    __slots__ = ("buckets", "count", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(_SECONDS) + 1)  # The last for what is longer than all.
        self.count = 0
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.count += 1
        self.total += seconds
        self.buckets[bisect_left(_SECONDS, seconds)] += 1

    def lines(self, name: str) -> list[str]:
        """As Prometheus reads it: cumulative."""
        found, reached = [f"# TYPE {name} histogram"], 0
        for upper, count in zip(_SECONDS, self.buckets, strict=False):
            reached += count
            found.append(f'{name}_bucket{{le="{upper}"}} {reached}')
        found.append(f'{name}_bucket{{le="+Inf"}} {self.count}')
        return [*found, f"{name}_sum {self.total:.6f}", f"{name}_count {self.count}"]


class Used:
    """Tokens and money of a supply."""

    __slots__ = ("cost_pico", "read", "wrote")

    def __init__(self) -> None:
        self.read = self.wrote = self.cost_pico = 0


class Metrics:
    """What is counted."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, str, int], int] = {}
        self.used: dict[str, Used] = {}  # By supply.
        self.failures: dict[str, int] = {}
        self.clauses: dict[str, int] = {}
        self.refused_at_door = 0
        self.shadow = [0, 0]  # Where the choice would have gone elsewhere, and to the same supply.
        self.tables = 1
        self.duration = Histogram()
        self.first_byte = Histogram()

    def count(self, receipt: Receipt) -> None:
        """One request, by its receipt."""
        supply = receipt.supply or ""
        key = (supply, receipt.operation, receipt.outcome, receipt.status)
        requests = self.requests
        requests[key] = requests.get(key, 0) + 1
        read, wrote = receipt.fresh + receipt.cached, receipt.out
        if read or wrote:
            used = self.used.get(supply)
            if used is None:
                used = self.used[supply] = Used()
            used.read += read
            used.wrote += wrote
            used.cost_pico += receipt.cost_pico
        if receipt.outcome == "refused":
            for clause in receipt.clauses:
                self.clauses[clause] = self.clauses.get(clause, 0) + 1
        self.duration.add(receipt.total_us / 1e6)
        if receipt.first_byte_us:
            self.first_byte.add(receipt.first_byte_us / 1e6)

    def shadowed(self, same: bool) -> None:
        """A request went where its caller asked; whether the choice would have sent it there too."""
        self.shadow[same] += 1

    def broke(self, supply: str) -> None:
        """An upstream failed."""
        self.failures[supply] = self.failures.get(supply, 0) + 1

    def text(self, table: RoutingTable, balances: Balances, now: float, under_way: int) -> str:
        """Everything, in Prometheus's text form."""
        lines = ["# TYPE offtake_requests_total counter"]
        for (supply, operation, outcome, status), count in sorted(self.requests.items()):
            labels = (
                f'supply="{supply}",gen_ai_operation_name="{operation}",outcome="{outcome}",status="{status}"'
            )
            lines.append(f"offtake_requests_total{{{labels}}} {count}")
        lines.append("# TYPE gen_ai_client_token_usage counter")
        for supply, used in sorted(self.used.items()):
            for kind, count in (("input", used.read), ("output", used.wrote)):
                lines.append(
                    f'gen_ai_client_token_usage{{supply="{supply}",gen_ai_token_type="{kind}"}} {count}'
                )
        lines.append("# TYPE offtake_cost_total counter")
        for supply, used in sorted(self.used.items()):
            cost = f"{used.cost_pico / PICO:.9f}"
            lines.append(f'offtake_cost_total{{supply="{supply}",currency="{table.currency}"}} {cost}')
        lines.append("# TYPE offtake_upstream_failures_total counter")
        lines += [
            f'offtake_upstream_failures_total{{supply="{s}"}} {n}' for s, n in sorted(self.failures.items())
        ]
        lines.append("# TYPE offtake_refusals_total counter")
        lines += [f'offtake_refusals_total{{clause="{c}"}} {n}' for c, n in sorted(self.clauses.items())]
        lines.append("# TYPE offtake_meter gauge")
        for place, meter in enumerate(table.meters):
            labels = f'meter="{meter.id}",measure="{meter.meter.measure}"'
            lines.append(f"offtake_meter{{{labels}}} {balances.meter(place, now) / PICO:.6f}")
        lines.append("# TYPE offtake_pool_used_ratio gauge")
        for place, pool in enumerate(table.pools):
            used = balances.pool(place, now) / pool.capacity if pool.capacity else 0.0
            lines.append(f'offtake_pool_used_ratio{{product="{pool.id}"}} {used:.6f}')
        lines += [
            "# TYPE offtake_requests_under_way gauge",
            f"offtake_requests_under_way {under_way}",
            "# TYPE offtake_refused_at_door_total counter",
            f"offtake_refused_at_door_total {self.refused_at_door}",
            "# TYPE offtake_tables_total counter",
            f"offtake_tables_total {self.tables}",
            "# TYPE offtake_shadow_total counter",
            f'offtake_shadow_total{{choice="elsewhere"}} {self.shadow[0]}',
            f'offtake_shadow_total{{choice="same"}} {self.shadow[1]}',
            *self.duration.lines("gen_ai_client_operation_duration_seconds"),
            *self.first_byte.lines("gen_ai_server_time_to_first_token_seconds"),
        ]
        return "\n".join(lines) + "\n"
