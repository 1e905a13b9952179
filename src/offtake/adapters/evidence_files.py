"""The pack that a data-protection officer asks for, as JSON and as a page of text."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson

from offtake.domain.errors import StorageFailure
from offtake.router.evidence import Evidence, Processed

LEFT_OUT = (
    "Receipts hold no prompt, no answer and no personal data: a key's id, a class, counts, clauses and a route. "
    "What an upstream does with what it is sent is its contract's; here stands where it may process, as the estate "
    "states it."
)


def write_evidence(
    found: Evidence, folder: Path, fingerprint: str, batches: int, problems: tuple[str, ...]
) -> tuple[Path, ...]:
    """`evidence.json` and `evidence.md` in a folder. Raises StorageFailure if they cannot be written."""
    record = {
        **asdict(found),
        "days": sorted(found.days),
        "countries": list(found.countries),
        "signed_by": fingerprint,
        "batches_verified": batches,
        "problems": list(problems),
        "left_out": LEFT_OUT,
    }
    files = (folder / "evidence.json", folder / "evidence.md")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(
            files,
            (
                orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS),
                page(found, fingerprint, batches, problems).encode(),
            ),
            strict=True,
        ):
            beside = path.with_name(f"{path.name}.new")
            beside.write_bytes(text)
            beside.replace(path)
    except OSError as error:
        raise StorageFailure(f"the evidence was not written to `{folder}`: {error.strerror}") from None
    return files


def page(found: Evidence, fingerprint: str, batches: int, problems: tuple[str, ...]) -> str:
    """The page of text."""
    where = ", ".join(found.countries) or "nowhere"
    lines = [
        f"# Where data of the class `{found.data_class}` was processed in {found.month}",
        "",
        f"{found.requests:,} requests: {found.served:,} were processed, {found.refused:,} refused or failed.",
        f"They may have been processed in: **{where}**.",
        "",
        "| supply | provider | region | may process in | logs in | requests | tokens | estimated |",
        "|---|---|---|---|---|---:|---:|---:|",
    ]
    lines += [_row(each) for each in sorted(found.processed.values(), key=lambda p: -p.requests)]
    lines += ["", "## Clauses that kept supplies from these requests", ""]
    lines += ["| clause | document | section | times |", "|---|---|---|---:|"]
    for clause, times in sorted(found.barred.items()):
        document, section = found.clauses.get(clause, (None, None))
        lines.append(f"| {clause} | {document or ''} | {section or ''} | {times:,} |")
    state = (
        "every signature and the chain hold" if not problems else "**does not hold**: " + "; ".join(problems)
    )
    proof = f"{batches:,} signed batches of receipts: {state}. Key: `{fingerprint}`."
    lines += ["", "## Proof", "", proof, "", LEFT_OUT, ""]
    return "\n".join(lines)


def _row(each: Processed) -> str:
    return (
        f"| {each.supply} | {each.provider} | {each.region} | {_places(each.may_process_in)} "
        f"| {_places(each.logs_in)} | {each.requests:,} | {each.tokens:,} | {each.estimated:,} |"
    )


def _places(places: tuple[str, ...] | None) -> str:
    return "not stated" if places is None else "anywhere" if "*" in places else ", ".join(places)
