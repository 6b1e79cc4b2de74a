"""Where examples that once disagreed are kept, so that they are tried again: a folder, or a Redis server."""

import os

from parity_tests.options import check_folder

SECONDS = 5  # that a server has to answer


def opened(place):
    """Return Hypothesis's database at a place.

    Parameters
    ----------
    place
        A folder, which need not exist, or the address of a Redis server, ``redis://host:port/number``.

    Raises
    ------
    ValueError
        In one line, if the place cannot be used.
    """
    if place.startswith(("redis://", "rediss://", "unix://")):
        return _of_server(place)
    from hypothesis.database import DirectoryBasedExampleDatabase

    check_folder("database", place)
    os.makedirs(place, exist_ok=True)
    return DirectoryBasedExampleDatabase(place)


def _of_server(address):
    import redis  # here, as few need it
    from hypothesis.extra.redis import RedisExampleDatabase

    try:
        server = redis.Redis.from_url(address, socket_connect_timeout=SECONDS, socket_timeout=SECONDS)
        server.ping()
    except (redis.RedisError, ValueError) as error:
        raise ValueError(f"database: expected a Redis server that answers, received {address!r}: {error}") from error
    return RedisExampleDatabase(server)
