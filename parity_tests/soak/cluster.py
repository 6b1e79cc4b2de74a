"""Where the shards of a soak are run: worker processes of this machine, or a Dask cluster that exists."""

import logging
import os
import signal
from contextlib import contextmanager

from parity_tests.soak import shards as parts

SECONDS = 5  # in which a scheduler must answer
# Before TensorFlow and NumPy are imported; each worker has a core to itself.
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@contextmanager
def connected(scheduler=None, workers=None):
    """Yield a client of a cluster.

    Parameters
    ----------
    scheduler
        The address of one that exists; by default, processes are started on this machine and ended afterwards.
    workers
        How many, by default as many as this machine has cores.

    Raises
    ------
    ValueError
        In one line, if no scheduler answers.
    """
    import dask
    from distributed import Client, LocalCluster

    quiet = {"logging.distributed": "critical", "distributed.nanny.pre-spawn-environ": ENVIRONMENT}
    with dask.config.set(quiet):
        if scheduler is not None:
            with _client_of(scheduler) as client:
                yield client
            return
        cluster = LocalCluster(
            n_workers=workers or os.cpu_count(),
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # a free port, as another soak may be running
            memory_limit=0,
            preload="parity_tests.soak.cluster",
            silence_logs=logging.CRITICAL,
        )
        with cluster, Client(cluster) as client:
            yield client


def _client_of(address):
    from distributed import Client

    try:
        return Client(address, timeout=SECONDS)
    except (OSError, ValueError) as error:
        raise ValueError(f"scheduler: expected one that answers, received {address!r}") from error


def dask_setup(worker):
    """Leave an interrupt of the terminal to the client, which ends the workers; Dask calls this in each of ours."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run(client, shards, of, database=None):
    """Run shards of a `shards.Soak`; yield what each found, whichever is done first.

    A shard whose worker dies runs again on another.

    Raises
    ------
    ValueError
        If a shard cannot be run, or all its workers died.
    """
    from distributed import KilledWorker, as_completed

    futures = client.map(parts.run, shards, soak=of, database=database, pure=False, batch_size=len(shards))
    try:
        for future in as_completed(futures):
            yield future.result()
            future.release()
    except KilledWorker as error:
        raise ValueError(f"worker: expected it to survive a shard, received {error}") from error
    finally:
        client.cancel(futures)
