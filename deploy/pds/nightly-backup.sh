#!/bin/sh
# Makes a backup named by the time, checks it, and then removes the oldest: nightly-backup.sh FOLDER [HOW MANY TO KEEP]
# AVOCET_COMMAND is how the PDS is run, if not from /opt/avocet-pds.
set -eu
folder=$1
keep=${2:-14}
command=${AVOCET_COMMAND:-/usr/bin/node /opt/avocet-pds/dist/main.js}
target=$folder/$(date -u +%Y-%m-%dT%H-%M-%SZ)

# Several words: the program and what it runs.
# shellcheck disable=SC2086
$command backup "$target"
# shellcheck disable=SC2086
$command backup --verify "$target"

# Only whole backups count, and only those are removed: one cut short has no manifest.
find "$folder" -mindepth 2 -maxdepth 2 -name manifest.json | sort -r | tail -n +"$((keep + 1))" |
  while read -r manifest; do
    rm -rf -- "$(dirname -- "$manifest")"
  done
