"""Durable jobs: a job that was accepted is never lost, and resumes after crashes, restarts and outages.

The ledger (ledger.py) holds one row per job: what people see of it and change. The first job in line stands in the same
database as a workflow of DBOS (line.py), which gives it to one worker and, when that dies, to the next. A worker
(worker.py) runs one job at a time (job_runner.py). A supervisor (supervisor.py) starts the worker, restarts it when it
dies, and kills it when it hangs.
"""
