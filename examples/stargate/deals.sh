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
# Everybody answers by rule: Microsoft takes a part, the rest overflows to the market, the bids come in, and OpenAI awards.
say broker respond "$here/responders.yaml" --at 2025-03-14T09:00
say broker status
say ledger balance openai
say ledger verify
