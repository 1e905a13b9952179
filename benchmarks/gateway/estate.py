"""What is asked, what is answered, and the estate that the gateway serves while it is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

PATH: Final = "/v1/chat/completions"
MODEL: Final = "m"


def compact(value: object) -> str:
    """JSON as the SDKs write it."""
    return json.dumps(value, separators=(",", ":"))


ANSWER: Final = compact(
    {
        "id": "c-1", "object": "chat.completion", "created": 0, "model": MODEL,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 150}}],
        "usage": {"prompt_tokens": 250, "completion_tokens": 150, "total_tokens": 400},
    }
)  # fmt: skip


def body(size: int = 950) -> str:
    """A chat request with a message of so many characters: of 1 KB with 950."""
    return compact({"model": MODEL, "messages": [{"role": "user", "content": "x" * size}], "max_tokens": 200})


# Bodies of many lengths, so that nothing is measured that holds for one length alone.
BODIES: Final = tuple(body(886 + 2 * n) for n in range(64))


def streamed(chunks: int) -> str:
    """A request of 1 KB for a stream of so many chunks."""
    messages = [{"role": "user", "content": "x" * 920}]
    return compact({"model": MODEL, "stream": True, "max_tokens": chunks, "messages": messages})


_ESTATE: Final = """
offtake: 1
currency: EUR
horizon: {from: 2024-01-01, until: 2080-01-01}
parties: {lab: {}, z: {}}
providers: {z: {party: z}, y: {}}
regions: {here: {jurisdiction: DE}, there: {jurisdiction: US}}
models: {m: {}}
products:
  reserved: {kind: provisioned, provider: z, price: 1 EUR/unit-hour,
             throughput: {m: {in: 1000 tokens/s, out: 100 tokens/s}},
             held: [{quantity: RESERVED, status: contracted}]}
  use: {kind: tokens, provider: z, prices: {m: {in: 2 EUR/Mtoken, out: 8 EUR/Mtoken}}}
deployments:
DEPLOYMENTS
workloads:
  chat: {kind: inference, party: lab, data_class: eu, models: [m], worth: 20 EUR/Mtoken,
         traffic: [{region: here, in: 100 tokens/s, out: 10 tokens/s}]}
agreements:
  policy:
    between: [lab]
    signed: 2024-01-01
    clauses:
      eu: {kind: residency, data_classes: [eu], boundary: [EU]}
      purse: {kind: budget, payer: lab, amount: 50 billion EUR, window: year}
      most: {kind: ceiling, measure: tokens, upper: 900 trillion tokens, window: month}
      spend: {kind: commitment, payer: lab, payee: z, measure: money, amount: 1 million EUR, window: year,
              covers: {providers: [z]}}
"""


def write_estate(path: Path, port: int, *, reserved: bool = True) -> Path:
    """Twenty deployments at one port, of which ten are lawful; without `reserved` all of it is bought by use."""
    rows: list[str] = []
    for n in range(20):
        place = "[EU]" if n % 2 == 0 else "[US]"
        products = "[reserved, use]" if n == 0 else "[use]"
        rows.append(
            f"  d{n}: {{provider: z, region: here, model: m, products: {products}, may_process_in: {place}, "
            f"endpoint: {{url: 'http://127.0.0.1:{port}/v1', concurrency: 100000}}}}"
        )
    text = _ESTATE.replace("DEPLOYMENTS", "\n".join(rows)).replace(
        "RESERVED", "40 million" if reserved else "1"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
