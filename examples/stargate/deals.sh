#!/usr/bin/env bash
# From the plan to a deal: OpenAI's need of summer 2026, rehearsed in February 2025, while Microsoft's first refusal stands.
# Usage: deals.sh FOLDER, the folder of `offtake plan examples/stargate/estate.yaml --out FOLDER`.
set -euo pipefail
here=$(dirname "$0")
plan=${1:?"name the folder of the plan"}/plan.json
export OFFTAKE_LEDGER=$1/deals.db
rm -f "$OFFTAKE_LEDGER" "$OFFTAKE_LEDGER"-wal "$OFFTAKE_LEDGER"-shm
say() {
    printf '\n$ offtake'
    for word in "$@"; do case $word in *' '*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac; done
    printf '\n'
    offtake "$@"
}

# The ledger is a rehearsal, so that commands may state their time.
say broker open "$here/estate.yaml" --rehearsal --at 2025-02-03T09:00
# The plan's capacity that enters service in summer 2026 is filed as needs; Azure is asked first. Filed once is enough.
say broker import "$plan" --from 2026-07-01 --until 2026-10-01
say broker import "$plan" --from 2026-07-01 --until 2026-10-01
say broker status
# The largest of them, and the part of it that Microsoft takes here: 30 %, 140 MW at most.
read -r need part < <(offtake broker status --json | python -c '
import json, sys
needs = json.load(sys.stdin)["needs"]
largest = max(needs, key=lambda one: float(one["quantity"]))
print(largest["id"], min(int(float(largest["quantity"]) * 0.3), 140))')
# Microsoft takes what it offers; the rest overflows to the market.
say broker answer "$need" --by microsoft --take azure-georgia="$part MW" --at 2025-02-20T15:00
say broker bid "$need" coreweave-us '100 MW' '2.70 USD/accelerator-hour' --at 2025-02-24T09:00
say broker bid "$need" abilene/gb200 '600 MW' '2.03 USD/accelerator-hour' --at 2025-02-24T10:00
say broker award "$need" --at 2025-03-03T09:00
say broker status "$need"
say ledger balance openai
say ledger verify
