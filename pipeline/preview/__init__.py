"""Previews: one finished frame and an estimate before a job, clips of finished windows while it runs, web copies."""
