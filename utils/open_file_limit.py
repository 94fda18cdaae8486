"""How many files this process may hold open at once."""

import resource

MOST = 65_536


def allow_many_files() -> None:
    """As many as the system lets everybody have who asks.

    Every window of a run is held in the cache by an open file until the run is over. Shells usually start with 1,024:
    that is half an hour of film.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(MOST, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
