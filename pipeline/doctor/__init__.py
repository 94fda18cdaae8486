"""The doctor: what this machine is missing, in plain words, each with what to do about it."""

from pipeline.doctor.examination import CHECKS, Check, examine
from pipeline.doctor.finding import Finding, State
from pipeline.doctor.surroundings import Surroundings

__all__ = ["CHECKS", "Check", "Finding", "State", "Surroundings", "examine"]
