"""Importers on real files, and what each does with the particulars of its kind."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate
from offtake.adapters.importers.countries import country_of, country_of_place
from offtake.adapters.starters import starter
from offtake.adapters.tabular.cells import CellProblem, Dates, number, text
from offtake.bootstrap.importing import Imported, ImportRequest, run_import
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import AcceleratorHours, Estate

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    path = tmp_path / "estate" / "estate.yaml"
    path.parent.mkdir()
    path.write_text(starter("company", "Acme"), encoding="utf-8")
    return path


def bring(kind: str, file: Path, estate: Path, **more: object) -> Imported:
    return run_import(ImportRequest(kind, file, estate, **more))  # pyright: ignore[reportArgumentType]


def read(path: Path) -> Estate:
    loaded = load_estate(path)
    assert isinstance(loaded, Loaded), loaded.problems
    return loaded.estate


def rows_of(path: Path) -> int:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def test_epochs_folder_becomes_sites_and_accelerators(estate: Path) -> None:
    done = bring("epoch", DATA / "epoch", estate)
    assert done.account.rows == sum(rows_of(file) for file in (DATA / "epoch").glob("*.csv"))
    found = read(estate)
    abilene = found.sites["openai-oracle-stargate-abilene-texas"]
    assert [(str(step.value), step.status) for step in abilene.power][:2] == [
        ("147 MW from 2025-06-28", "energised"),
        ("295 MW from 2025-09-26", "energised"),
    ]
    assert {step.status for step in abilene.power[2:]} == {"announced"}
    assert abilene.owner == "oracle"
    assert abilene.power_is == "facility"
    assert abilene.pue is not None
    assert abilene.pue.assumed
    assert found.regions[abilene.region].jurisdiction == "US"
    assert found.regions[abilene.region].at == pytest.approx((32.4997, -99.7839), abs=1e-4)
    h100 = found.accelerators["nvidia-h100-sxm5-80gb"]
    assert h100.memory is not None
    assert h100.memory.amount == 80
    assert h100.tdp is not None
    assert h100.tdp.amount * 1_000_000 == 700
    assert "CC BY 4.0" in (estate.parent / "imported" / "epoch.yaml").read_text(encoding="utf-8")


def test_a_timeline_alone_says_nothing_of_what_stands(estate: Path) -> None:
    bring("epoch", DATA / "epoch" / "data_center_timelines.csv", estate)
    assert {site.status for site in read(estate).sites.values()} == {"announced"}


def test_azures_matrix_is_taken_where_the_estate_has_regions(estate: Path) -> None:
    mapped = {"Sweden Central": "eu-north", "France Central": "eu-west", "East US": "us-east"}
    done = bring("latency", DATA / "latency" / "azure_region_rtt_p50_ms.csv", estate, mapped=mapped)
    assert (done.account.changed, done.account.left_out) == (3, 47)
    pairs = read(estate).latency.pairs
    assert pairs["eu-west"]["eu-north"].amount == 40
    assert pairs["eu-north"]["eu-west"].amount == 41


def test_the_estates_own_round_trips_stand(estate: Path) -> None:
    estate.write_text(estate.read_text() + "latency: {pairs: {eu-west: {eu-north: 7 ms}}}\n")
    mapped = {"Sweden Central": "eu-north", "France Central": "eu-west", "East US": "us-east"}
    bring("latency", DATA / "latency" / "azure_region_rtt_p50_ms.csv", estate, mapped=mapped)
    pairs = read(estate).latency.pairs
    assert pairs["eu-west"]["eu-north"].amount == 7
    assert pairs["eu-west"]["us-east"].amount == 88


CATALOG = """InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice
p5.48xlarge,H100,8,192,2048,98.32,us-east-1,"{'Gpus': [{'MemoryInfo': {'SizeInMiB': 81920}}]}",30.1
p5.48xlarge,H100,8,192,2048,98.32,us-east-1,,30.1
p5.48xlarge,H100,8,192,2048,99.00,us-east-1,,30.1
m5.large,,,2,8,0.096,us-east-1,,0.03
g5.xlarge,A10G,1,4,16,,eu-central-1,,0.4
g5.xlarge,A10G,1,4,16,1.006,moon-base-1,,
trap,H100,1,4,16,1.0,eu-central-1,"__import__('os').system('true')",
"""


def test_a_catalogs_instances_become_products_by_the_accelerator_hour(estate: Path, tmp_path: Path) -> None:
    (tmp_path / "aws").mkdir()
    file = tmp_path / "aws" / "vms.csv"
    file.write_text(CATALOG)
    done = bring("skypilot-catalog", file, estate)
    assert {line.reason for line in done.account.lines if line.outcome == "left out"} == {
        "an earlier row states the same for this instance and region",
        "an earlier row states another price for this instance and region",
        "the instance has no accelerator",
        "no price on demand",
        "the country of the region is not known; add the region to the estate, or map it to one",
    }
    found = read(estate)
    product = found.products["aws-p5.48xlarge-us-east-1"]
    assert isinstance(product, AcceleratorHours)
    assert product.provider == "aws"
    assert next(iter(product.price)).figure.amount == Decimal("12.29")
    memory = found.accelerators["h100"].memory
    assert memory is not None
    assert memory.amount == Decimal("85.9")


def test_a_region_is_mapped_to_one_of_the_estate(estate: Path, tmp_path: Path) -> None:
    file = tmp_path / "aws.csv"
    file.write_text(CATALOG)
    done = bring("skypilot-catalog", file, estate, mapped={"moon-base-1": "eu-west"}, provider="west")
    assert "products.west-g5.xlarge-moon-base-1" in done.account.added
    product = read(estate).products["west-g5.xlarge-moon-base-1"]
    assert isinstance(product, AcceleratorHours)
    assert (product.region, product.provider) == ("eu-west", "west")


CONFIG = """
model_list:
  - model_name: gpt
    litellm_params:
      model: azure/gpt-eu
      api_base: https://user:hunter1@host
      api_key: os.environ/AZURE_API_KEY
      input_cost_per_token: 2.5e-06
      output_cost_per_token: 0.00001
      tpm: 600000
    model_info: {region: westeurope}
  - model_name: gpt
    litellm_params: {model: openai/gpt, api_key: sk-hunter2, input_cost_per_token: 0.0000025,
      output_cost_per_token: 0.00001, region_name: eastus}
  - model_name: claude
    litellm_params: {model: bedrock/claude, aws_secret_access_key: hunter3, aws_region_name: eu-central-1}
  - model_name: large
    litellm_params: {model: east/large, api_key: os.environ/EAST_KEY, region: eu-west}
  - {model_name: hunter4}
general_settings: {master_key: sk-hunter5}
"""


def test_no_value_of_a_key_leaves_a_litellm_config(estate: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    account = tmp_path / "account.csv"
    done = bring("litellm", file, estate, account=account)
    assert (done.account.used, done.account.changed, done.account.left_out) == (2, 1, 2)
    told = done.account.model_dump_json() + account.read_text()
    written = "".join(path.read_text() for path in estate.parent.rglob("*.yaml"))
    for secret in ("hunter1", "hunter2", "hunter3", "hunter5", "sk-", "user:"):
        assert secret not in told + written
    assert "AZURE_API_KEY" in written
    assert "EAST_KEY" in written
    assert "os.environ" not in written
    found = read(estate)
    assert found.deployments["gpt-azure-westeurope"].region == "westeurope"
    assert found.deployments["large-east-eu-west"].products == ("metered-east",)


def test_broken_yaml_around_a_key_does_not_show_it(estate: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    for broken in ("model_list: [{api_key: sk-hunter: x}]", "api_key: *sk-hunter", 'api_key: "sk-hunter'):
        file.write_text(broken)
        with pytest.raises(InvalidInput, match=r"config\.yaml") as refused:
            bring("litellm", file, estate)
        assert "hunter" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("kind", ["xlsx", "focus", "skypilot-catalog", "latency", "litellm"])
def test_what_is_no_file_or_empty_is_said_to_be_so(kind: str, estate: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name, words in ((".", "is not a file"), ("missing", "there is no file"), ("empty", "is empty")):
        with pytest.raises(InvalidInput, match=words):
            bring(kind, tmp_path / name, estate)


def test_every_row_is_told_in_the_account_file(estate: Path, tmp_path: Path) -> None:
    file = tmp_path / "aws.csv"
    file.write_text(CATALOG + "=1+1,H100,1,,,1.0,us-east-1,,\n")
    account = tmp_path / "account.csv"
    bring("skypilot-catalog", file, estate, account=account, dry_run=True)
    with account.open(newline="") as stream:
        told = list(csv.DictReader(stream))
    assert [int(row["row"]) for row in told] == list(range(2, 10))
    assert told[-1]["example"] == "'=1+1"


def test_how_many_rows_are_read_is_told_now_and_then(estate: Path, tmp_path: Path) -> None:
    file = tmp_path / "aws.csv"
    head, first, *_ = CATALOG.splitlines(keepends=True)
    file.write_text(head + first * 25_000)
    told: list[str] = []
    run_import(
        ImportRequest("skypilot-catalog", file, estate, dry_run=True), lambda what, _, __: told.append(what)
    )
    assert told == ["reading rows: 10,000", "reading rows: 20,000"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1,234,567.5", "1234567.5"),
        ("1e3", "1000"),
        ("-0.5", "-0.5"),
        (" 7 ", "7"),
        ("NULL", None),
        ("", None),
    ],
)
def test_numbers(cell: str, value: str | None) -> None:
    assert number(cell, "x") == (None if value is None else Decimal(value))


@pytest.mark.parametrize("cell", ["1,5", "1.2.3", "0x10", "1_000", "NaN1", "∞", "1e999", "--1", "1+1", "=1"])
def test_no_numbers(cell: str) -> None:
    with pytest.raises(CellProblem):
        number(cell, "x")


def test_signed_texts_that_are_no_formulas_are_read() -> None:
    assert text("-5 to -3 °C", "x") == "-5 to -3 °C"
    assert text("- dash", "x") == "- dash"


@pytest.mark.parametrize("cell", ["2025-13-01", "31.02.2025", "yesterday", "2025", "1/2/3/4", "32-Foo-2025"])
def test_no_days(cell: str) -> None:
    with pytest.raises(CellProblem):
        Dates().day(cell, "x")


def test_places() -> None:
    assert country_of("europe-west12") == "IT"
    assert country_of("europe-west1") == "BE"
    assert country_of("West Europe") == "NL"
    assert country_of("me-central1") == "QA"
    assert country_of("me-central-1") == "AE"
    assert country_of("nowhere-1") is None
    assert country_of_place("xAI Colossus 1 Memphis Tennessee") == "US"
    assert country_of_place("OpenAI-Oracle Stargate Abu Dhabi") == "AE"
    assert country_of_place("Mars") is None
