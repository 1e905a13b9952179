"""Plans that may be handed on: prices or parties taken out of a plan, its estate and what was computed beside it.

What is taken out here is in no output, for every output is written from these values alone. It fails closed: a word
that belongs to a party is replaced wherever it stands, in ids and in prose, and an amount of money in a text is left
out with all that reads like its continuation. What only hints at a party (the name of one of its products) is found by
nobody but the author: such words are given as `also`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal, TypeAlias, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel

from offtake.domain.estate import Estate, Party, Provider
from offtake.domain.futures.variables import Futures
from offtake.domain.handoffs import CapacityPlan, ReportExtras
from offtake.domain.quantities import KINDS, Figure, Series, Step

Profile: TypeAlias = Literal["prices", "parties", "both"]
Model = TypeVar("Model", bound=BaseModel)
Texts: TypeAlias = Callable[[str], str]
Figures: TypeAlias = Callable[[Figure], Figure]

WITHHELD: Final = "withheld"
# Words that names of parties are made of and that name nobody.
_COMMON: Final = frozenset(
    "a ag ai an and api bank capital cloud company compute corp corporation data digital efta energy eu eur europe "
    "european fund gmbh group holding holdings inc infrastructure international limited llc lp ltd market network of "
    "partners plc power server service services se systems technologies technology the trust uae uk union us usa usd "
    "utility venture ventures web".split()
)
_HEAD_ENDS: Final = re.compile(r",|;|\(| of | with | in | for | where ")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_SHORT: Final = 4  # A word of so few letters is taken out only where it stands by itself.
_SCALE: Final = r"(?:\s?(?:hundred|thousand|million|billion|trillion|bn|mn|tn|[kKmMbB])\b)?"
_NUMBER: Final = rf"[-−]?\d[\d.,_]*{_SCALE}"
_AND_MORE: Final = rf"(?:\s?(?:to|and|or|–|-|/|,|;)\s?{_NUMBER})*"
_CURRENCIES: Final = (
    *(
        "AED",
        "AUD",
        "BRL",
        "CAD",
        "CHF",
        "CNY",
        "DKK",
        "EUR",
        "GBP",
        "INR",
        "JPY",
        "KRW",
        "NOK",
        "PLN",
        "SAR",
    ),
    *("SEK", "SGD", "USD", "dollars", "dollar", "euros", "euro"),
)


def redacted(
    plan: CapacityPlan,
    estate: Estate,
    extras: ReportExtras,
    profile: Profile,
    also: Iterable[str] = (),
) -> tuple[CapacityPlan, Estate, ReportExtras]:
    """The plan, its estate and its extras without prices, without parties, or without both, and marked as such.

    Where prices are out, every amount of money is 0 or its row is gone. `also` are further words to take out with the
    parties.
    """
    taken: list[Literal["prices", "parties"]] = []
    # Distributions and what came of them name whatever varies, and by how much.
    extras, estate = (
        extras.model_copy(update={"outlook": None}),
        estate.model_copy(update={"futures": Futures()}),
    )
    if profile in ("prices", "both"):
        taken.append("prices")
        out = AmountsOut.of(estate)
        plan, extras = _without_prices(plan), _unpriced(extras)
        # Rates and fees are the price of money, though they are shares.
        estate = _mapped(estate.model_copy(update={"finance": {}}), out.text, _priceless)
        plan, extras = _mapped(plan, out.text), _mapped(extras, out.text)
    if profile in ("parties", "both"):
        taken.append("parties")
        names = NamesOut.of(estate, also)
        plan, extras = _mapped(plan, names.text), _mapped(extras, names.text)
        estate = _mapped(estate, names.text)
    return plan.model_copy(update={"redacted": tuple(taken)}), estate, extras


# Prices -----------------------------------------------------------------------------------------------------


def _without_prices(plan: CapacityPlan) -> CapacityPlan:
    money = {row.meter for row in plan.meters if row.measure == "money"}
    return plan.model_copy(
        update={
            "cost_cents": 0,
            "unmet_worth_cents": 0,
            "discount_per_year": 0.0,
            "spend": (),
            "unmet": tuple(row.model_copy(update={"worth_cents": 0}) for row in plan.unmet),
            "limits": tuple(
                row.model_copy(update={"worth_cents_per_unit": 0.0})
                for row in plan.limits
                if row.unit != "money"
            ),
            "meters": tuple(
                row.model_copy(update={"owed_cents": 0}) for row in plan.meters if row.meter not in money
            ),
            "meter_use": tuple(row for row in plan.meter_use if row.measure != "money"),
            "finance": (),
        }
    )


def _unpriced(extras: ReportExtras) -> ReportExtras:
    return extras.model_copy(update={"clause_prices": (), "clauses_not_priced": (), "sensitivities": ()})


def _priceless(figure: Figure) -> Figure:
    """A figure of money as nothing but its kind."""
    if not KINDS[figure.kind].money:
        return figure
    return replace(figure, amount=Decimal(0), text=WITHHELD)


@dataclass(frozen=True, slots=True)
class AmountsOut:
    """Takes amounts of money out of texts."""

    pattern: re.Pattern[str]

    @staticmethod
    def of(estate: Estate) -> AmountsOut:
        """For the currencies of an estate, and those that are often written."""
        codes = sorted(
            {*_CURRENCIES, *estate.currencies, estate.currency}, key=lambda code: (-len(code), code)
        )
        currency = rf"(?:\b(?:{'|'.join(codes)})\b|[$€£¥])"
        before = rf"{currency}\s?{_NUMBER}{_AND_MORE}"
        after = rf"{_NUMBER}(?:\s?(?:to|–|-)\s?{_NUMBER})?\s?{currency}"
        return AmountsOut(re.compile(f"{before}|{after}", re.IGNORECASE))

    def text(self, text: str) -> str:
        """The text with `withheld` in the place of each amount."""
        return self.pattern.sub(WITHHELD, text)


# Parties ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NamesOut:
    """Takes names out of texts: every word that belongs to a party or a provider has one word in its place."""

    pattern: re.Pattern[str]
    names: Mapping[str, str]

    @staticmethod
    def of(estate: Estate, also: Iterable[str] = ()) -> NamesOut:
        """For the parties and providers of an estate, and for further words."""
        names: dict[str, str] = {}
        families: tuple[tuple[str, Mapping[str, Party | Provider]], ...] = (
            ("party", estate.parties),
            ("provider", estate.providers),
        )
        for family, entries in families:
            for n, (id, entry) in enumerate(entries.items(), start=1):
                new = [word for word in words_of(id, entry.name) if word not in names]
                for m, word in enumerate(new):
                    names[word] = f"{family}-{n}" if m == 0 else f"{family}-{n}{'abcdefgh'[m % 8]}"
        for n, word in enumerate(also, start=1):
            names.setdefault(word.lower(), f"name-{n}")
        return NamesOut(_any_of(names), names)

    def text(self, text: str) -> str:
        """The text with other words in the place of the names."""
        return self.pattern.sub(lambda found: self.names[found.group().lower()], text)


def words_of(id: str, name: str | None) -> tuple[str, ...]:
    """The words that give a party away, in small letters: those with a capital at the head of its name, those with
    several capitals anywhere in it, and its id. A name that only describes (`The company`) gives nothing away."""
    if name is None:
        return (id.lower(),)
    head = _HEAD_ENDS.split(name, maxsplit=1)[0]
    proper = [word for word in _WORD.findall(head) if word[0].isupper()]
    proper += [word for word in _WORD.findall(name) if sum(letter.isupper() for letter in word) > 1]
    found = dict.fromkeys(word.lower() for word in proper if word.lower() not in _COMMON)
    if not found:
        return ()
    return tuple(dict.fromkeys((id.lower(), *found)))


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    parts = [
        rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])" if len(word) <= _SHORT else re.escape(word)
        for word in sorted(words, key=lambda word: (-len(word), word))
    ]
    return re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


# Everywhere -------------------------------------------------------------------------------------------------


def _mapped(model: Model, text: Texts, figure: Figures | None = None) -> Model:
    """The model with every text changed, keys included, and every figure; words that only the format knows stay."""
    update = {
        name: _changed(getattr(model, name), text, figure)
        for name, field in type(model).model_fields.items()
        if not _closed(field.annotation)
    }
    return model.model_copy(update=update)


def _changed(value: object, text: Texts, figure: Figures | None) -> object:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Figure):
        return _figure(value, text, figure)
    if isinstance(value, Series):
        return Series(tuple(Step(step.begins, _figure(step.figure, text, figure)) for step in value))
    if isinstance(value, BaseModel):
        return _mapped(value, text, figure)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        return {text(key): _changed(one, text, figure) for key, one in entries.items()}
    if isinstance(value, tuple):
        return tuple(_changed(one, text, figure) for one in cast("tuple[object, ...]", value))
    return value


def _figure(value: Figure, text: Texts, figure: Figures | None) -> Figure:
    after = value if figure is None else figure(value)
    source = None if after.source is None else text(after.source)
    return replace(after, text=text(after.text), source=source)


def _closed(annotation: object) -> bool:
    """Whether a field can hold words of the format alone."""
    return get_origin(annotation) is Literal or any(
        get_origin(one) is Literal for one in get_args(annotation)
    )
