"""Durable jobs: a job that was accepted is never lost, and resumes after crashes, restarts and outages.

The ledger (ledger.py) holds one row per job, in the same database as the durable queue. A wakeup (wakeups.py) is an
entry of DBOS's queue that makes some worker claim the next job. A worker (worker.py) claims jobs one at a time and runs
them (job_runner.py). A supervisor (supervisor.py) starts the worker, restarts it when it dies, and kills it when it
hangs.
"""
