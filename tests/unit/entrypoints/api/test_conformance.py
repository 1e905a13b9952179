"""The API keeps what its OpenAPI document says, whatever Schemathesis throws at it."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import BaseSchema

from served import Served

OPERATIONS = (
    "POST /v1/commands",
    "POST /v1/quotes",
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
# Every check is on. Whether a command that is well formed can be meant is said by the estate and the ledger, which no
# document of the API knows: a name that neither has is answered with 422, and a version that something does not have
# with 412; neither is a rejection of its form.
CHECKS = {
    "operations": [
        {
            "include-name": name,
            "checks": {
                "positive_data_acceptance": {
                    "expected-statuses": ["2xx", "403", "404", "409", "412", "422"],
                },
            },
        }
        for name in ("POST /v1/commands", "POST /v1/quotes")
    ]
}
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder: Path = tmp_path_factory.mktemp("served")
    served = Served(folder)
    served.to_market()
    return served


@pytest.fixture(scope="module")
def schema(served: Served) -> BaseSchema:
    config = schemathesis.Config.from_dict(CHECKS)
    return schemathesis.openapi.from_asgi("/openapi.json", served.app, config=config)


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
    operation = schema[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=20,
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
        # Where the token is what is wrong with a request, it is not put right.
        wrong_token = case.meta is not None and "Authorization" in repr(case.meta.phase.data)
        case.call_and_validate(headers={} if wrong_token else served.headers("operator"))

    holds()
