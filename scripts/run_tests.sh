#!/usr/bin/env bash
# Runs the tests on three processes, on two cores too: much of their time is waiting, for workers and for pages. What is
# given goes to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

# Jobs and caches wait for the disk at each step that must last. Where memory has room for what all tests write, which is
# some 3 GB, and lets what lies there be run, it lies there and goes with the run.
needed_mb=8000
room_mb=$(df -Pm /dev/shm 2>/dev/null | awk 'NR == 2 {print $4}' || true)
free_mb=$(awk '$1 == "MemAvailable:" {print int($2 / 1024)}' /proc/meminfo 2>/dev/null || true)
runs=$(awk '$2 == "/dev/shm" && $4 !~ /noexec/' /proc/mounts 2>/dev/null || true)
if [ -z "${TMPDIR:-}" ] && [ -n "$runs" ] && [ "${room_mb:-0}" -ge $needed_mb ] && [ "${free_mb:-0}" -ge $((needed_mb + 4000)) ]; then
    TMPDIR=$(mktemp -d /dev/shm/reshoot-tests-XXXXXX)
    chmod 755 "$TMPDIR" # some tests work as another user
    export TMPDIR
    trap 'rm -rf "$TMPDIR"' EXIT
fi

# Several threads of one sum wait for each other where several processes share the cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -q "$@"
