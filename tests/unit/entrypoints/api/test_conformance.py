"""The API keeps what its OpenAPI document says, whatever Schemathesis throws at it."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from served import Served

OPERATIONS = (
    "POST /v1/commands",
    "GET /v1/health",
    "GET /v1/standing",
    "GET /v1/needs",
    "GET /v1/needs/{id}",
    "GET /v1/leases",
    "GET /v1/leases/{id}",
    "GET /v1/supplies",
    "GET /v1/entries",
    "GET /v1/balances",
    "GET /v1/events",
)
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder: Path = tmp_path_factory.mktemp("served")
    served = Served(folder)
    served.to_market()
    return served


@pytest.fixture(scope="module")
def schema(served: Served) -> BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", served.app)


def test_every_operation_is_tried(schema: BaseSchema) -> None:
    assert {one.ok().label for one in schema.get_all_operations() if isinstance(one, Ok)} == set(OPERATIONS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["meant", "wrong"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_an_operation_keeps_its_document(
    served: Served, schema: BaseSchema, label: str, mode: GenerationMode
) -> None:
    if label == "GET /v1/health" and mode is GenerationMode.NEGATIVE:
        assert (
            served.client.get("/v1/health?verbose=1").status_code == 422
        )  # It has nothing that could be wrong.
        return
    method, path = label.split(" ")
    # What a command may name is said by the estate and the ledger, which no document of the API knows.
    # Nor can what is wrong with a query be told once it is on the wire without it, as an empty list is; that wrong
    # parameters are refused is tested beside this.
    excluded = [positive_data_acceptance] if label == "POST /v1/commands" else [negative_data_rejection]
    operation = schema[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=SLOW,
        database=None,
    )
    def holds(case: schemathesis.Case) -> None:
        if case.path == "/v1/events":
            case.query = {
                **(case.query or {}),
                "follow": "false",
            }  # A stream that goes on has no end to wait for.
        case.call_and_validate(headers=served.headers("operator"), excluded_checks=excluded)

    holds()
