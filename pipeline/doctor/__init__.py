"""The doctor: checks of this machine, each with a finding in plain words and a remedy."""

from pipeline.doctor.examination import CHECKS, Check, examine
from pipeline.doctor.finding import Finding, State
from pipeline.doctor.surroundings import Surroundings

__all__ = ["CHECKS", "Check", "Finding", "State", "Surroundings", "examine"]
