"""Which country a cloud's region, or a place named after a state, lies in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Regions as AWS, Google Cloud, Azure and OCI publish them, by their beginning; the longest that fits holds.
_BEGINNINGS: Final[Mapping[str, str]] = {
    word: country
    for country, words in {
        "US": "us-east us-west us-central us-south us-north us-gov us-tx us-ga us-ca us-il us-ut us-az us-nc "
        "us-mo us-wa us-de us-ks us-md us-chicago us-phoenix us-ashburn us-sanjose us-midwest "
        "eastus westus centralus northcentralus southcentralus westcentralus usgov",
        "CA": "ca-central ca-west ca-montreal ca-toronto northamerica-northeast canada",
        "MX": "mx-central northamerica-south mexicocentral mx-queretaro mx-monterrey",
        "BR": "sa-east southamerica-east brazil sa-saopaulo sa-vinhedo",
        "CL": "southamerica-west sa-santiago chilecentral",
        "IE": "eu-west-1 northeurope eu-dublin",
        "GB": "eu-west-2 europe-west2 uksouth ukwest uk-london uk-cardiff",
        "FR": "eu-west-3 europe-west9 francecentral francesouth eu-paris eu-marseille",
        "DE": "eu-central-1 europe-west3 europe-west10 germany eu-frankfurt",
        "CH": "eu-central-2 europe-west6 switzerland eu-zurich",
        "SE": "eu-north-1 europe-north2 sweden eu-stockholm",
        "IT": "eu-south-1 europe-west8 europe-west12 italynorth eu-milan eu-turin",
        "ES": "eu-south-2 europe-southwest1 spaincentral eu-madrid",
        "FI": "europe-north1 finlandcentral",
        "BE": "europe-west1 belgiumcentral",
        "NL": "europe-west4 westeurope eu-amsterdam",
        "PL": "europe-central2 polandcentral",
        "NO": "norwayeast norwaywest",
        "AT": "austriaeast",
        "DK": "denmarkeast",
        "IL": "il-central me-west1 israelcentral il-jerusalem",
        "SA": "me-central2 me-jeddah me-riyadh saudiarabia",
        "QA": "me-central1 qatarcentral",
        "AE": "me-central-1 uaenorth uaecentral me-dubai me-abudhabi",
        "BH": "me-south-1",
        "ZA": "af-south-1 africa-south1 southafrica af-johannesburg",
        "IN": "ap-south-1 ap-south-2 asia-south1 asia-south2 centralindia southindia westindia jioindia "
        "ap-mumbai ap-hyderabad",
        "JP": "ap-northeast-1 ap-northeast-3 asia-northeast1 asia-northeast2 japan ap-tokyo ap-osaka",
        "KR": "ap-northeast-2 asia-northeast3 korea ap-seoul ap-chuncheon",
        "SG": "ap-southeast-1 asia-southeast1 southeastasia ap-singapore",
        "AU": "ap-southeast-2 ap-southeast-4 australia ap-sydney ap-melbourne",
        "ID": "ap-southeast-3 asia-southeast2 indonesiacentral",
        "MY": "ap-southeast-5 malaysiawest",
        "TH": "ap-southeast-7 asia-southeast3",
        "NZ": "ap-southeast-6 newzealandnorth",
        "TW": "ap-east-2 asia-east1 taiwannorth",
        "HK": "ap-east-1 asia-east2 eastasia",
    }.items()
    for word in words.split()
}

_STATES: Final = frozenset(
    "alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois "
    "indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri "
    "montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia washington "
    "wisconsin wyoming".split()
) | {
    "new hampshire",
    "new jersey",
    "new mexico",
    "new york",
    "north carolina",
    "north dakota",
    "rhode island",
    "south carolina",
    "south dakota",
    "west virginia",
}
_PLACES: Final[Mapping[str, str]] = {
    **dict.fromkeys(_STATES, "US"),
    "abu dhabi": "AE",
    "dubai": "AE",
    "hebei": "CN",
    "inner mongolia": "CN",
    "guizhou": "CN",
    "ningxia": "CN",
    "ontario": "CA",
    "quebec": "CA",
    "alberta": "CA",
    "johor": "MY",
}


def country_of(region: str) -> str | None:
    """The ISO code of the country that a cloud's region lies in, None if it is not known."""
    name = region.lower().replace(" ", "") if "-" not in region else region.lower()
    for end in range(len(name), 2, -1):
        found = _BEGINNINGS.get(name[:end])
        # `europe-west1` is Belgium and `europe-west12` Italy: a number counts whole.
        if found is not None and not (name[end - 1].isdigit() and name[end : end + 1].isdigit()):
            return found
    return None


def country_of_place(name: str) -> str | None:
    """The country of a place whose name ends in a state or province, such as `Abilene Texas`."""
    words = re.findall(r"[a-z]+", name.lower())
    for count in (2, 1):
        found = _PLACES.get(" ".join(words[-count:]))
        if found is not None:
            return found
    return None
