"""Durable jobs: what a person asked for is never lost, and goes on after whatever stops it.

The ledger (ledger.py) is the truth: one row a job, in the same database as the durable queue. A ticket (tickets.py) is
a promise of DBOS that a worker will look for the next job. A worker (worker.py) takes jobs one at a time and does them
(work.py); a keeper (keeper.py) starts it, starts it again when it dies, and ends it when it does not listen.
"""
