"""A plan does not know whether its traffic was stated in tokens or as use."""

from __future__ import annotations

from planned import planned

HEAD = """\
offtake: 1
for: lab
horizon: {from: 2026-01-01, until: 2027-01-01, periods: quarter}
hours: {day: {weight: 50 %, utc: 06-18}, night: {weight: 50 %, utc: 18-06}}
regions: {us: {jurisdiction: US}}
parties: {lab: {}, cloud: {}}
providers: {cloud: {}}
accelerators: {chip: {power: 2 kW}}
products:
  lease: {kind: accelerator-hours, provider: cloud, region: us, accelerator: chip, price: 2 USD/accelerator-hour}
models: {chat: {rates: {chip: {out: 1000 tokens/s}}}}
"""
STATED = """\
workloads:
  talk:
    {kind: inference, party: lab, models: [chat], worth: 90 USD/Mtoken,
     traffic: [{region: us, in: [300000 tokens/s from 2026-01-01, 600000 tokens/s from 2026-07-01],
       out: [100000 tokens/s from 2026-01-01, 200000 tokens/s from 2026-07-01], growth: 44 %,
       profile: {day: 1.8, night: 0.2}}]}
"""
USED = """\
profiles:
  days: {day: [0, 0, 0, 0, 0, 0, 5 %, 5 %, 5 %, 5 %, 5 %, 5 %, 10 %, 10 %, 10 %, 10 %, 10 %, 10 %, 0, 0, 0, 10 %, 0, 0]}
workloads:
  talk:
    kind: inference
    party: lab
    models: [chat]
    worth: 90 USD/Mtoken
    usage:
      users: [8.64 million users from 2026-01-01, 17.28 million users from 2026-07-01]
      requests: 10 requests/user-day
      tokens: {in: 300 tokens/request, out: 100 tokens/request}
      growth: {users: 20 %, tokens: 20 %}
      profile: days
      regions: [{region: us, share: 100 %, clock: UTC}]
"""


def test_plans_of_the_same_need_are_the_same() -> None:
    stated, used = planned(HEAD + STATED), planned(HEAD + USED)
    assert stated.cost_cents > 0
    assert used.model_dump(exclude={"estate_digest", "numbers"}) == stated.model_dump(
        exclude={"estate_digest", "numbers"}
    )
