#!/usr/bin/env bash
# Opens Reshoot and keeps it open, on a pod or on a plain machine: bash runpod/start.sh
#
# The page is up in seconds; /healthz says that it is alive, /readyz what is still missing before a job would be done.
# An app that dies is started again. TERM ends everything within ten seconds, and no job is lost.
#
#   RESHOOT_HOME   what is kept; /workspace/reshoot where there is a volume, else ~/.reshoot
#   RESHOOT_HOST   0.0.0.0 on a pod, else 127.0.0.1         RESHOOT_PORT   7860
#   RESHOOT_AUTH   user:password; a pod without one makes its own and says it once
#   PYTHON         the Python to use, when it is not found by itself
set -uo pipefail
case "${RESHOOT_HOME:-/}" in
    /*) ;;
    *) RESHOOT_HOME=$PWD/$RESHOOT_HOME ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

CALM_S=60        # an app that lived so long died of something new
LONGEST_REST_S=30
HOPELESS_S=20    # one that never lived so long, and said why, is not tried again
PATIENCE_S=9     # of the ten that a pod gives

say() { printf '==> %s\n' "$*"; }

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# The first Python that has what the page needs. Looking for packages does not load them.
find_python() {
    local each
    for each in ${PYTHON:-.venv/bin/python python3 python python3.12 python3.11}; do
        if "$each" -c 'import sys; from importlib.util import find_spec as has
sys.exit(not all(map(has, ("gradio", "dbos", "typer", "av", "mediapipe"))))' 2>/dev/null; then
            command -v "$each"
            return
        fi
    done
}

find_home() {
    if [ -n "${RESHOOT_HOME:-}" ]; then
        echo "$RESHOOT_HOME"
    elif [ -d /workspace ] && [ -w /workspace ]; then
        echo /workspace/reshoot
    else
        echo "${HOME:-/root}/.reshoot"
    fi
}

address() {
    if [ -n "$pod" ]; then
        echo "https://$pod-$port.proxy.runpod.net"
    else
        echo "http://localhost:$port"
    fi
}

# What this machine was told, for its log: values only of names that are known to hold no secret.
show_environment() {
    local name
    compgen -e | grep -E '^(RESHOOT|RUNPOD|GRADIO|CUDA|NVIDIA|HF)_' | sort | while read -r name; do
        case "$name" in
            RESHOOT_HOME | RESHOOT_HOST | RESHOOT_PORT | RESHOOT_MODELS | GRADIO_SERVER_NAME | GRADIO_SERVER_PORT | HF_HOME | \
                RUNPOD_POD_ID | RUNPOD_DC_ID | RUNPOD_GPU_COUNT | RUNPOD_CPU_COUNT | RUNPOD_VOLUME_ID | \
                CUDA_VISIBLE_DEVICES | CUDA_VERSION | NVIDIA_VISIBLE_DEVICES)
                printf '    %-24s %s\n' "$name" "${!name}"
                ;;
            *) printf '    %-24s (set, not shown)\n' "$name" ;;
        esac
    done
}

stopping=''
app=''
rest=''
ours=()

# The app and the worker that it keeps, by their ids: whoever is asked to stop is seen to its end.
stop() {
    [ -n "$stopping" ] && return
    stopping=yes
    if [ -n "$app" ]; then
        mapfile -t ours < <(pgrep -P "$app" 2>/dev/null)
        ours+=("$app")
        kill -TERM "$app" 2>/dev/null
    fi
    [ -n "$rest" ] && kill "$rest" 2>/dev/null
    return 0
}

any_left() {
    local each
    for each in "${ours[@]}"; do
        kill -0 "$each" 2>/dev/null && return
    done
    return 1
}

# Wait, and then do not wait. The worker leads a group of its own.
see_it_end() {
    local begun=$SECONDS each
    while any_left && [ $((SECONDS - begun)) -lt "$PATIENCE_S" ]; do
        sleep 0.1 9>&-
    done
    if any_left; then
        for each in "${ours[@]}"; do
            kill -KILL -- "-$each" 2>/dev/null || kill -KILL "$each" 2>/dev/null
        done
    fi
    wait
    say "Stopped. Jobs go on at the next start."
    exit 0
}

pause_for() {
    sleep "$1" 9>&- &
    rest=$!
    wait "$rest"
    rest=''
}

keep_open() {
    local rest_s=1 begun lived code first=yes
    until [ -n "$stopping" ]; do
        begun=$SECONDS
        env -u RUNPOD_API_KEY "$python" app.py --host "$host" --port "$port" --home "$home" 9>&- &
        app=$!
        if [ -n "$stopping" ]; then # the signal came before the app had an id
            stopping=''
            stop
        fi
        wait "$app" 2>/dev/null
        code=$?
        [ -n "$stopping" ] && see_it_end
        app=''
        lived=$((SECONDS - begun))
        if [ -n "$first" ] && [ "$code" -eq 1 ] && [ "$lived" -lt "$HOPELESS_S" ]; then
            fail "Reshoot could not start; the lines above say why."
        fi
        first=''
        [ "$lived" -ge "$CALM_S" ] && rest_s=1
        say "The app ended (code $code) after $lived s; it starts again in $rest_s s."
        pause_for "$rest_s"
        rest_s=$((2 * rest_s < LONGEST_REST_S ? 2 * rest_s : LONGEST_REST_S))
    done
}

python=$(find_python)
[ -n "$python" ] || fail "No Python here has what Reshoot needs. On a plain machine run \`make run\`;" \
    "on a pod \`pip install -r requirements.txt\`; or name one: PYTHON=/path/to/python bash runpod/start.sh"
home=$(find_home)
port=${RESHOOT_PORT:-${GRADIO_SERVER_PORT:-7860}}
pod=${RUNPOD_POD_ID:-}
host=${RESHOOT_HOST:-${GRADIO_SERVER_NAME:-$([ -n "$pod" ] && echo 0.0.0.0 || echo 127.0.0.1)}}
export RESHOOT_HOME=$home

mkdir -p "$home" || fail "The home $home cannot be made. Name a folder that you may write to: RESHOOT_HOME=/path bash runpod/start.sh"
exec 9>"$home/start.lock" || fail "The home $home cannot be written. Name another: RESHOOT_HOME=/path bash runpod/start.sh"
if command -v flock >/dev/null; then
    flock -n 9 || fail "Reshoot is open for $home already. Use that one, stop it, or name another home with RESHOOT_HOME."
fi
trap stop TERM INT HUP

say "Reshoot, kept in $home, with $("$python" --version) at $python"
show_environment
say "The page will be at $(address)"
say "/healthz says whether it is alive, /readyz what is still missing."
keep_open
see_it_end
