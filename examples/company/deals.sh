#!/usr/bin/env bash
# The company's year with its cloud: throughput reserved, what is beyond it, and the true-up at the end.
# Usage: deals.sh FOLDER, where the ledger is written.
set -euo pipefail
here=$(dirname "$0")
export OFFTAKE_LEDGER=${1:?"name a folder"}/deals.db
rm -f "$OFFTAKE_LEDGER" "$OFFTAKE_LEDGER"-wal "$OFFTAKE_LEDGER"-shm
say() {
    printf '\n$ offtake'
    for word in "$@"; do case $word in *' '*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac; done
    printf '\n'
    offtake "$@"
}

say broker open "$here/estate.yaml" --rehearsal --at 2025-12-20T09:00
# Reserve: 250 units for October 2027. Alpha sells 200 at most, so 50 stay at the market.
say broker file-need october '250 units' --for company --from 2027-10-01 --until 2027-11-01
say broker bid october alpha-reserved '250 units' '240 EUR/unit-month'
say broker award october
# Overflow: what Alpha's tokens by use cost in 2026 beside the reservation that is held.
say broker read-meter alpha-cloud.spend 240_000 --from 2026-01-01 --until 2027-01-01 --id by-use-2026 --at 2026-12-31T18:00
# True-up: the year's windows end; what is short of the 440,000 is billed.
say broker sweep --at 2027-01-02T09:00
say broker status
say ledger balance company
say ledger verify
