"""An invoice beside a gateway's receipts, and what it corrects of their estimates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from offtake.bootstrap.estates import law_of
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from offtake.bootstrap.gateway import Place
    from offtake.domain.estate import Estate
    from offtake.domain.imports import AccountLine
    from offtake.router.correcting import Comparison, Correction, Way


class Reconciled(NamedTuple):
    """Lines compared, what is corrected, and the rows of the bill that could not be read or are not of tokens."""

    begins: date
    ends: date
    lines: tuple[Comparison, ...]
    corrections: tuple[Correction, ...]
    unread: tuple[AccountLine, ...]
    elsewhere: int


def reconcile_receipts(
    estate: Estate, place: Place, bill: Path, mapped: Mapping[str, str], *, write: bool
) -> Reconciled:
    """A bill of tokens beside the receipts of the months that it charges for; with `write` its corrections are kept.

    Raises InvalidInput if the bill cannot be read, or charges for no tokens of the estate's products.
    """
    from offtake.adapters.importers.focus import charges_in
    from offtake.adapters.importers.reading import Asked, Known
    from offtake.adapters.receipt_corrections import keep_corrections, used_in
    from offtake.domain.charges import match_product, measure_of
    from offtake.domain.imports import Tally
    from offtake.router.correcting import Line, compared, corrections_of

    if not place.receipts.exists():
        raise InvalidInput(f"there are no receipts in `{place.receipts}`")
    tally, billed, elsewhere = Tally(), dict[Line, Decimal](), 0
    days: list[date] = []
    for _, _, charge in charges_in(Asked(bill, Known({}), tally)):
        matched, counted = match_product(charge, estate, mapped), measure_of(charge.unit)
        usage = charge.category == "Usage" and charge.quantity is not None and not charge.correction
        if (
            not usage
            or counted is None
            or counted[0] != "tokens"
            or matched is None
            or matched.model is None
            or matched.tokens is None
        ):
            elsewhere += 1
            continue
        line = Line(matched.product, matched.model, matched.tokens, charge.day.replace(day=1))
        billed[line] = billed.get(line, Decimal(0)) + (charge.quantity or Decimal(0)) * counted[1]
        days += (charge.day, (charge.ends - timedelta(microseconds=1)).date())
    if not billed:
        raise InvalidInput(
            f"`{bill}` charges for no tokens of a product and model of the estate",
            hint="`--map NAME=PRODUCT/MODEL/in` says what a name of the bill means",
        )
    begins, ends = min(days), max(days) + timedelta(days=1)
    products = {line.product for line in billed}
    used = {
        line: each for line, each in used_in(place.receipts, begins, ends).items() if line.product in products
    }
    lines = compared(used, billed)
    digest = sha256(bill.read_bytes()).hexdigest()
    corrections = corrections_of(digest, lines, _prices(estate, begins))
    if write and corrections:
        keep_corrections(place.receipts, place.signing_key, corrections)
    return Reconciled(begins, ends, lines, corrections, tally.lines(), elsewhere)


def _prices(estate: Estate, day: date) -> dict[tuple[str, str, Way], int]:
    """A token's price by product, model and sort, in pico-units of the estate's currency."""
    from offtake.router.offers import offers_of

    found: dict[tuple[str, str, Way], int] = {}
    for offer in offers_of(estate, law_of(estate, None), day):
        if offer.price is not None and offer.supply.product is not None:
            where = offer.supply.product, offer.model
            found[*where, "in"] = offer.price.fresh
            found[*where, "cached"] = offer.price.cached
            found[*where, "out"] = offer.price.out
    return found
