"""Spans and metrics of requests, told to a collector by OpenTelemetry's SDK (extra `opentelemetry`).

Names are those of the semantic conventions for generative AI (https://opentelemetry.io/docs/specs/semconv/gen-ai/);
what they have no name for begins with `offtake.`. What is told comes from receipts, so no prompt and no answer is.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from offtake import __version__
from offtake.domain.errors import InvalidInput
from offtake.router.receipts import Receipt

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

MOST_WAITING: Final = 10_000  # Receipts that are not told yet; of more the oldest are left out, and counted.
EVERY_S: Final = 0.5
METRICS_EVERY_S: Final = 10.0
CLOSES_WITHIN_S: Final = 5.0
# https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/: gen_ai.operation.name, gen_ai.provider.name.
OPERATIONS: Final = {
    "chat": "chat",
    "messages": "chat",
    "responses": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
}
PROVIDERS: Final = {
    "openai": "openai",
    "azure": "azure.ai.openai",
    "anthropic": "anthropic",
    "mistral": "mistral_ai",
    "bedrock": "aws.bedrock",
}
# Buckets that the conventions recommend for gen_ai.client.operation.duration and gen_ai.client.token.usage.
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = tuple(float(4**n) for n in range(14))


class Served(NamedTuple):
    """What is known of a deployment beside its receipts: who is asked there, and where."""

    dialect: str
    host: str
    port: int


def attributes(receipt: Receipt, served: Served | None) -> dict[str, str | int | tuple[str, ...]]:
    """What a span says of a request."""
    found: dict[str, str | int | tuple[str, ...]] = {
        "gen_ai.operation.name": OPERATIONS.get(receipt.operation, receipt.operation),
        "gen_ai.request.model": receipt.asked,
        "http.response.status_code": receipt.status,
        "offtake.receipt": receipt.id,
        "offtake.outcome": receipt.outcome,
        "offtake.key": receipt.key,
        "offtake.attempts": receipt.attempts,
    }
    if served is not None:
        found["gen_ai.provider.name"] = PROVIDERS.get(served.dialect, served.dialect)
        found["server.address"], found["server.port"] = served.host, served.port
    if receipt.model is not None:
        found["gen_ai.response.model"] = receipt.model
    if receipt.supply is not None:
        found["offtake.supply"] = receipt.supply
    if receipt.usage != "none":
        found["gen_ai.usage.input_tokens"] = receipt.fresh + receipt.cached
        found["gen_ai.usage.output_tokens"] = receipt.out
        found["gen_ai.usage.cache_read.input_tokens"] = receipt.cached
        found["offtake.usage"] = receipt.usage
    if receipt.clauses:
        found["offtake.clauses"] = receipt.clauses
    if receipt.outcome != "served":
        found["error.type"] = str(receipt.status) if receipt.status else receipt.outcome
    return found


class Telemetry:
    """Tells receipts to a collector, from a thread of its own."""

    def __init__(self, endpoint: str, served: Callable[[], Mapping[str, Served]]) -> None:
        """`endpoint` is a collector's OTLP over HTTP, such as `http://127.0.0.1:4318`; `served` knows deployments.

        Raises InvalidInput without the extra.
        """
        self._served = served
        self._traces, self._meters = _providers(endpoint.rstrip("/"))
        self._tracer = self._traces.get_tracer("offtake.gateway", __version__)
        meter = self._meters.get_meter("offtake.gateway", __version__)
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens of requests",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "Seconds from a request to the end of its answer",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._first = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            "Seconds from a request to the first of its answer",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._waiting: deque[tuple[Receipt, bytes | None]] = deque(maxlen=MOST_WAITING)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def observe(self, receipt: Receipt, traceparent: bytes | None) -> None:
        """A request to be told of soon; returns at once."""
        self._waiting.append((receipt, traceparent))

    def close(self) -> None:
        """Tells what waits, for a few seconds at most."""
        self._ends.set()
        self._thread.join(timeout=CLOSES_WITHIN_S)

    def _run(self) -> None:
        while not self._ends.wait(EVERY_S):
            self._tell()
        self._tell()
        within = int(CLOSES_WITHIN_S * 1000)
        self._traces.force_flush(within)
        self._traces.shutdown()
        self._meters.shutdown(within)

    def _tell(self) -> None:
        served = self._served()
        while self._waiting:
            receipt, traceparent = self._waiting.popleft()
            deployment = (receipt.supply or "").partition("/")[0]
            self._tell_one(receipt, served.get(deployment), _parent(traceparent))

    def _tell_one(self, receipt: Receipt, served: Served | None, parent: Context | None) -> None:
        from opentelemetry.trace import SpanKind, StatusCode

        stated = attributes(receipt, served)
        ends = receipt.at_ms * 1_000_000
        span = self._tracer.start_span(
            f"{stated['gen_ai.operation.name']} {receipt.asked}",
            context=parent,
            kind=SpanKind.CLIENT,
            attributes=stated,
            start_time=ends - receipt.total_us * 1_000,
        )
        if receipt.outcome != "served":
            span.set_status(StatusCode.ERROR, receipt.outcome)
        span.end(ends)
        kept = (
            "gen_ai.operation.name",
            "gen_ai.provider.name",
            "gen_ai.request.model",
            "gen_ai.response.model",
        )
        labels: dict[str, Any] = {name: stated[name] for name in kept if name in stated}
        if "error.type" in stated:
            labels["error.type"] = stated["error.type"]
        self._duration.record(receipt.total_us / 1e6, labels)
        if receipt.first_byte_us:
            self._first.record(receipt.first_byte_us / 1e6, labels)
        if receipt.usage != "none":
            self._tokens.record(receipt.fresh + receipt.cached, {**labels, "gen_ai.token.type": "input"})
            self._tokens.record(receipt.out, {**labels, "gen_ai.token.type": "output"})


def _providers(endpoint: str) -> tuple[TracerProvider, MeterProvider]:
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise InvalidInput(
            "spans and metrics for a collector need OpenTelemetry's SDK",
            hint="install it: pip install 'offtake[opentelemetry]'",
        ) from None
    resource = Resource.create({"service.name": "offtake-gateway", "service.version": __version__})
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(f"{endpoint}/v1/metrics"), export_interval_millis=METRICS_EVERY_S * 1000
    )
    return traces, MeterProvider([reader], resource=resource, shutdown_on_exit=False)


def _parent(traceparent: bytes | None) -> Context | None:
    """The caller's span, as W3C Trace Context says it; None if it says none."""
    if traceparent is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent.decode("latin-1")})
