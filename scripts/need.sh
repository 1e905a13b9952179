#!/usr/bin/env bash
# need.sh chromium|libreoffice|poppler: prints where a tool of the tests is; installs it from Debian if it is absent.
set -euo pipefail

case "${1:-}" in
  chromium) command=chromium packages="chromium fonts-dejavu-core" ;;
  libreoffice) command=soffice packages="libreoffice-calc" ;;
  poppler) command=pdftotext packages="poppler-utils" ;;
  *) echo "usage: need.sh chromium|libreoffice|poppler" >&2; exit 2 ;;
esac

if ! command -v "$command" >/dev/null; then
  [ "$(id -u)" = 0 ] || { echo "$command is missing: as root, apt-get install $packages" >&2; exit 1; }
  exec 9>/tmp/offtake-need.lock
  flock 9
  if ! command -v "$command" >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update >&2
    # Word by word: it is a list of packages.
    # shellcheck disable=SC2086
    apt-get install --yes --no-install-recommends $packages >&2
  fi
fi
command -v "$command"
