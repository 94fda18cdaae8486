"""What the tests of the cache run in processes of their own, to be watched, killed and starved: `start(verb, ...)`."""

import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from utils.errors import StoreFull
from utils.key import Key
from utils.project import PROJECT_ROOT
from utils.store import Entry, Store

TRACED = ("utils/store/", "utils/digest.py", "tests/store_child.py")
PARTS = 3


def key(number: int) -> Key:
    """The key of the numbered entry that all processes agree on."""
    return Key("counted", 1, {"number": number})


def blob(number: int, part: int, size: int = 2000) -> bytes:
    """What a part of the numbered entry must hold."""
    return random.Random(f"{number} {part}").randbytes(size)


def write(folder: Path, number: int, size: int = 2000) -> None:
    """Make the numbered entry in small steps, so that there are many moments to be killed in."""
    for part in range(PARTS):
        with (folder / f"part {part}").open("wb") as file:
            data = blob(number, part, size)
            file.write(data[: size // 2])
            file.flush()
            file.write(data[size // 2 :])


def is_right(entry: Entry, number: int, size: int = 2000) -> bool:
    """Whether an entry holds exactly what it must."""
    return all(entry.read_bytes(f"part {part}") == blob(number, part, size) for part in range(PARTS))


def start(*arguments: object, under: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """Run a verb of this file in a process of its own; talk to it by lines."""
    command = [*under, sys.executable, "-m", "tests.store_child", *map(str, arguments)]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def hear(child: "subprocess.Popen[str]") -> str:
    """The next line a child says."""
    assert child.stdout
    return child.stdout.readline().strip()


def tell(child: "subprocess.Popen[str]", line: str = "go") -> None:
    """Let a child that waits go on."""
    assert child.stdin
    child.stdin.write(line + "\n")
    child.stdin.flush()


def finish(child: "subprocess.Popen[str]") -> str:
    """Wait for a child that must end well; what it still said."""
    assert child.stdin and child.stdout
    child.stdin.close()
    said = child.stdout.read()
    child.stdout.close()
    assert child.wait(timeout=60) == 0, said
    return said.strip()


def kill(child: "subprocess.Popen[str]") -> None:
    """Kill -9, and wait until it is dead."""
    child.kill()
    child.communicate()


def say(line: str) -> None:
    """Tell the test."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def ask(folder: str, number: str, log: str) -> None:
    """Ask for an entry; when it falls to us to make it, log that, say so, and wait to be let go on."""

    def make(into: Path) -> None:
        with Path(log).open("a") as file:
            file.write("made\n")
        say("making")
        sys.stdin.readline()
        write(into, int(number))

    store = Store(Path(folder))
    say("asking")
    with store.get_or_make(key(int(number)), make) as entry:
        say(f"{'hit' if entry.hit else 'made'} {'right' if is_right(entry, int(number)) else 'wrong'}")


def ask_with_workers(folder: str, number: str) -> None:
    """Make an entry with a forked worker, which lives until nobody talks to it any more."""

    def make(into: Path) -> None:
        if os.fork() == 0:
            sys.stdin.read()
            os._exit(0)
        say("making")
        signal.pause()

    Store(Path(folder)).get_or_make(key(int(number)), make)


def hold(folder: str, number: str) -> None:
    """Hold an entry until told, then read it by the path that was given before."""
    with Store(Path(folder)).get_or_make(key(int(number)), lambda into: write(into, int(number))) as entry:
        path = entry.path("part 1")
        say("holding")
        sys.stdin.readline()
        say("right" if path.read_bytes() == blob(int(number), 1) and is_right(entry, int(number)) else "wrong")


def endless(folder: str, first: str) -> None:
    """Write large entries until killed."""
    store, number = Store(Path(folder)), int(first)
    while True:
        say(str(number))
        current = number
        store.get_or_make(key(current), lambda into: write(into, current, 400_000)).close()  # noqa: B023
        number += 1


def die(folder: str, step: str) -> None:
    """Fork writers that kill themselves, each some lines later than the one before, until one lives to the end."""
    number, end = 0, ""
    while end != "lived":
        end = _forked(lambda: _write_dying(Path(folder) / str(number), number, number * int(step)))  # noqa: B023
        say(end)
        sys.stdin.readline()
        number += 1


def _write_dying(folder: Path, number: int, line: int) -> None:
    left = line

    def counted() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    _traced(counted, lambda: Store(folder).get_or_make(key(number), lambda into: write(into, number)).close())


def _traced(counted: Callable[[], None], work: Callable[[], None]) -> None:
    """Call `counted` before each line of the cache's own code that `work` runs."""

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not any(part in frame.f_code.co_filename for part in TRACED):
            return None
        if event == "line":
            counted()
        return trace

    sys.settrace(trace)
    work()
    sys.settrace(None)


def _forked(work: Callable[[], None]) -> str:
    """How a forked process that does `work` ended."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "lived"


def churn(folder: str, seed: str, rounds: str) -> None:
    """Ask for few keys in a cache too small for them, and look at every byte of every answer."""
    store, chance = Store(Path(folder), limit_bytes=60_000, spare_bytes=0), random.Random(seed)
    wrong = 0
    for _ in range(int(rounds)):
        number = chance.randrange(12)
        with store.get_or_make(key(number), lambda into: write(into, number)) as entry:  # noqa: B023
            wrong += not is_right(entry, number)
    say(f"{wrong} wrong")


def tidy(folder: str, rounds: str) -> None:
    """Verify, prune, clear and sweep without pause."""
    problems = 0
    for _ in range(int(rounds)):
        store = Store(Path(folder), limit_bytes=60_000, spare_bytes=0)
        problems += sum(bool(verdict.problem) for verdict in store.verify())
        store.prune(30_000)
        store.clear()
        store.stats()
    say(f"{problems} problems")


def fill_disk(folder: str, size: str) -> None:
    """On a disk of `size` bytes: meet the end of it, lose nothing, go on when there is room."""
    Path(folder).mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    ballast = Path(folder) / "ballast"
    ballast.write_bytes(bytes(int(size) // 2))
    _meet_the_end(Path(folder), int(size) // 4, ballast.unlink)
    with ballast.open("wb", buffering=0) as file:  # not a byte is left: what is there still answers
        try:
            while file.write(bytes(4096)):
                continue
        except OSError:
            say(f"{Store(Path(folder) / 'cache').stats().free_bytes} free")
    _still_right(Store(Path(folder) / "cache", spare_bytes=0), 1, 2000)


def fill_limit(folder: str, size: str) -> None:
    """With files limited to `size` bytes: meet the end, lose nothing, go on when the limit is gone."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), hard))
    _meet_the_end(Path(folder), int(size) * 2, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard)))


def _meet_the_end(folder: Path, large: int, make_room: Callable[[], None]) -> None:
    store = Store(folder / "cache", spare_bytes=0)
    store.get_or_make(key(1), lambda into: write(into, 1)).close()
    try:
        store.get_or_make(key(2), lambda into: write(into, 2, large))
    except StoreFull as error:
        say(str(error))
    say(f"{len([*store.folder.glob('work/*'), *store.folder.glob('locks/*')])} left behind")
    _still_right(store, 1, 2000)
    make_room()
    with store.get_or_make(key(2), lambda into: write(into, 2, large)) as entry:
        say(f"then {'made right' if is_right(entry, 2, large) else 'wrong'}")
    _still_right(store, 1, 2000)


def _still_right(store: Store, number: int, size: int) -> None:
    entry = store.get(key(number))
    say("still right" if entry and is_right(entry, number, size) else "lost")


def look(folder: str) -> None:
    """As nobody in particular: read what is there from a cache that may not be written, and ask for what is not."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    store = Store(Path(folder))
    _still_right(store, 1, 2000)
    try:
        store.get_or_make(key(2), lambda into: write(into, 2))
    except Exception as error:  # noqa: BLE001 - the test asks which
        say(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    verbs: dict[str, Callable[..., None]] = {
        verb.__name__: verb
        for verb in (ask, ask_with_workers, hold, endless, die, churn, tidy, fill_disk, fill_limit, look)
    }
    verbs[sys.argv[1]](*sys.argv[2:])
