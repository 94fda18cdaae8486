#!/usr/bin/env bash
# Makes .venv ready for REQUIREMENTS (a file). Quick when nothing changed. Names what the system lacks, and
# installs it where this user may.
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=${1:-requirements-core.txt}

say() { printf '==> %s\n' "$*"; }

fail() {
    printf '\n%s\n' "$1" >&2
    exit 1
}

# The first Python that is 3.11 or 3.12; PYTHON=... chooses another.
find_python() {
    local each
    for each in ${PYTHON:-python3.11 python3.12 python3 python}; do
        if "$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
            echo "$each"
            return
        fi
    done
}

# Debian packages, by whoever may install them.
install_packages() {
    local as=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            fail "This machine lacks: $*. Ask for them with: sudo apt-get install -y $*"
        fi
        as=(sudo -n)
    fi
    command -v apt-get >/dev/null || fail "This machine lacks: $*. Install them with its package manager."
    say "Installing system packages: $*"
    "${as[@]}" apt-get update -q >/dev/null
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

# The virtual environment; Debian keeps what makes one in a package of its own.
make_environment() {
    local python=$1
    [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip' 2>/dev/null && return
    rm -rf .venv
    say "Making a virtual environment in .venv with $("$python" --version)"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        install_packages "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    "$python" -m venv .venv
}

# A stamp of everything that decides what is installed.
stamp_of() { cat requirements*.txt constraints*.txt | sha256sum | cut -c1-16; }

# The file that pins torch: the one that is there stays, where there is none the tested one comes.
torch_constraints() {
    local kept=.venv/.kept-torch.txt
    .venv/bin/python scripts/kept_torch.py >"$kept"
    if [ -s "$kept" ]; then echo "$kept"; else echo constraints-torch.txt; fi
}

# By uv, which takes a third of pip's time; by pip where uv cannot be had, or not from the mirror that only pip knows.
# The cache lies beside the packages, so that they are linked and not copied, and goes afterwards. Bytecode is compiled as
# pip does it: many containers let Python keep none, and then every start would compile all that it imports.
install_packages_of_python() {
    local pip=(.venv/bin/python -m pip install --disable-pip-version-check -q --progress-bar off)
    if "${pip[@]}" uv && UV_CACHE_DIR=.venv/.uv-cache .venv/bin/python -m uv pip install -q --compile-bytecode --python .venv "$@"; then
        rm -rf .venv/.uv-cache
        return
    fi
    rm -rf .venv/.uv-cache
    say "uv could not install it; pip does, which takes longer"
    "${pip[@]}" "$@"
}

# What the look picture needs is pinned by hashes, which pip asks of everything in one command; so it has its own.
install_hashed() {
    [ "$requirements" = requirements-dev.txt ] || return 0
    install_packages_of_python --no-deps -r requirements-style.txt
}

install_requirements() {
    local stamp size="1.6 GB, a minute or two"
    stamp=".venv/.$requirements.$(stamp_of)"
    [ -e "$stamp" ] && return
    [ "$requirements" = requirements-core.txt ] || size="8 GB, some minutes"
    if [ -d .venv/lib/python3*/site-packages/numpy ]; then
        say "Installing what $requirements lists and is not there yet"
    else
        say "Installing what $requirements lists (about $size)"
    fi
    { install_packages_of_python -r "$requirements" -c constraints.txt -c "$(torch_constraints)" && install_hashed; } &
    local pid=$! waited=0
    while kill -0 "$pid" 2>/dev/null; do
        sleep 1
        waited=$((waited + 1))
        [ $((waited % 20)) -eq 0 ] && say "still installing, $waited s, $(du -sm .venv | cut -f1) MB so far"
    done
    wait "$pid" || fail "Installing failed; the lines above say why. Run the same command again once that is mended."
    touch "$stamp"
}

# OpenCV's wheel needs two libraries of the system that small servers leave out.
check_libraries() {
    local error
    error=$(.venv/bin/python -c 'import cv2' 2>&1) && return
    case "$error" in
        *libGL* | *libgthread* | *libglib*) install_packages libgl1 libglib2.0-0 ;;
        *) fail "OpenCV does not load: $error" ;;
    esac
    .venv/bin/python -c 'import cv2' || fail "OpenCV still does not load; \`python -m pipeline doctor\` says more."
}

# The tests of the app drive the system's browser, which costs half without its windows; who cannot install one skips them,
# except where everything must run.
check_browser() {
    local each
    for each in chromium-headless-shell chromium chromium-browser google-chrome chrome; do
        command -v "$each" >/dev/null && return
    done
    if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
        install_packages chromium-headless-shell || install_packages chromium # which some systems have alone
    elif [ -n "${CI:-}" ]; then
        fail "The tests need Chromium: sudo apt-get install -y chromium-headless-shell"
    else
        say "No Chromium here: the tests in a browser will be skipped (sudo apt-get install -y chromium-headless-shell brings it)"
    fi
}

# What single tests want besides: a font with coloured emoji for subtitles, libfaketime for a machine whose clock is wrong,
# `ip` for workers in networks of their own, PgBouncer for a database behind a pooler. Who cannot install it skips these tests.
check_wishes() {
    local known
    known=$(fc-list : family 2>/dev/null || true)
    case "$known" in *[Ee]moji*) ;; *) wish "font with emoji" fontconfig fonts-noto-color-emoji ;; esac
    compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || wish "libfaketime" faketime
    command -v ip >/dev/null || [ -x /usr/sbin/ip ] || wish "ip" iproute2
    [ "$(id -u)" -ne 0 ] || [ -x /usr/sbin/pgbouncer ] || wish "PgBouncer" pgbouncer # which begins to run where it can
}

wish() {
    local name=$1
    shift
    if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
        install_packages "$@" || say "No $name could be installed; a test is skipped"
    else
        say "No $name here: a test will be skipped (sudo apt-get install -y $* brings it)"
    fi
}

# The example of the page and its loop before and after, so that a new home has them at once.
make_showcase() {
    [ -e .showcase/before-after.mp4 ] && return
    say "Making the example of the page (a minute, once)"
    .venv/bin/python -m pipeline.library.showcase .showcase ||
        say "The example could not be made now; the app makes it at its first start"
}

python=$(find_python)
if [ -z "$python" ]; then
    command -v apt-get >/dev/null && apt-cache show python3.11 >/dev/null 2>&1 && install_packages python3.11 python3.11-venv
    python=$(find_python)
    [ -n "$python" ] || fail "Reshoot needs Python 3.11 or 3.12. Install one, or name it: make run PYTHON=/path/to/python3.11"
fi
make_environment "$python"
install_requirements
check_libraries
if [ "$requirements" = requirements-dev.txt ]; then
    check_browser
    check_wishes
fi
make_showcase
