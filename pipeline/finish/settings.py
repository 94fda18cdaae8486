"""The settings of the finish job: its plan, and how the film is encoded."""

from pipeline.settings import JobSettings
from pipeline.settings.groups import Encode, Trim


class FinishSettings(JobSettings):
    """The settings of the finish job."""

    trim: Trim = Trim()
    encode: Encode = Encode(crf=18, x264_preset="veryfast")
