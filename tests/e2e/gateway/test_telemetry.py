"""A collector on loopback is told of requests in the words of OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as names
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

from e2e.gateway.stand import Stand, ask, chat
from offtake.adapters.telemetry import OPERATIONS, PROVIDERS, Telemetry
from offtake.domain.errors import InvalidInput
from offtake.entrypoints.gateway.serving import telemetry_for

Run = Callable[..., None]
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """What a collector hears over OTLP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: list[Any] = []
        heard = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    traces = ExportTraceServiceRequest.FromString(body)
                    heard.spans += [
                        s for r in traces.resource_spans for scope in r.scope_spans for s in scope.spans
                    ]
                else:
                    metrics = ExportMetricsServiceRequest.FromString(body)
                    heard.metrics += [
                        m
                        for r in metrics.resource_metrics
                        for scope in r.scope_metrics
                        for m in scope.metrics
                    ]
                self.send_response(200)
                self.end_headers()

            def log_request(self, code: Any = "-", size: Any = "-") -> None:
                del code, size

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = Thread(target=self.server.serve_forever)
        self.thread.start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


def stated(span: Any) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        kind = value.WhichOneof("value")
        found = getattr(value, kind)
        return [plain(each) for each in found.values] if kind == "array_value" else found

    return {each.key: plain(each.value) for each in span.attributes}


def test_spans_and_metrics_have_the_names_of_the_conventions(on_stand: Run, collector: Collector) -> None:
    async def test(stand: Stand) -> None:
        service = stand.serving.service
        service.telemetry = telemetry_for(service, collector.url)
        served = await ask(stand, chat(tokens=20), "chat", more=f"traceparent: {CALLER}\r\n")
        stand.states["eu"].misbehaves = "503"
        failed = await ask(stand, chat(), "chat")
        service.telemetry.close()
        service.telemetry = None
        first, second = sorted(collector.spans, key=lambda span: span.start_time_unix_nano)
        assert (first.name, first.kind) == ("chat m", 3)  # A client's span.
        assert first.trace_id.hex() == CALLER.split("-")[1]
        assert first.parent_span_id.hex() == CALLER.split("-")[2]
        found = stated(first)
        receipt = next(r for r in await stand.receipts() if r.id == served.headers["x-request-id"])
        assert found[names.GEN_AI_OPERATION_NAME] == "chat"
        assert found[names.GEN_AI_PROVIDER_NAME] == "openai"
        assert (found[names.GEN_AI_REQUEST_MODEL], found[names.GEN_AI_RESPONSE_MODEL]) == ("m", "m")
        assert found[names.GEN_AI_USAGE_INPUT_TOKENS] == receipt.fresh
        assert found[names.GEN_AI_USAGE_OUTPUT_TOKENS] == receipt.out == 20
        assert found[names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS] == 0
        assert (found["server.address"], found["offtake.receipt"]) == ("127.0.0.1", receipt.id)
        wrong = stated(second)
        assert (failed.status, wrong["error.type"], second.status.code) == (503, "503", 2)
        metrics = {metric.name: metric for metric in collector.metrics}
        assert {
            gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE,
            gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION,
            gen_ai_metrics.GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK,
        } == set(metrics)
        tokens = metrics["gen_ai.client.token.usage"].histogram.data_points
        assert sum(point.sum for point in tokens) == receipt.fresh + receipt.out
        assert "hello" not in str(collector.spans)

    on_stand(test)


def test_a_collector_that_is_gone_costs_no_request(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        service = stand.serving.service
        service.telemetry = telemetry_for(service, "http://127.0.0.1:1")
        for _ in range(3):
            assert (await ask(stand, chat(), "free")).status == 200
        assert len(await stand.receipts()) == 3
        service.telemetry.close()
        service.telemetry = None

    on_stand(test)


def test_what_the_conventions_know_is_called_as_they_call_it() -> None:
    assert set(OPERATIONS.values()) <= _values("GenAiOperationNameValues")
    assert set(PROVIDERS.values()) <= _values("GenAiProviderNameValues")


def _values(name: str) -> set[str]:
    """The well-known values of an attribute, by the package that the conventions are generated into."""
    return {each.value for each in getattr(names, name)}


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InvalidInput) as error:
        Telemetry("http://127.0.0.1:1", dict)
    assert error.value.hint == "install it: pip install 'offtake[opentelemetry]'"
