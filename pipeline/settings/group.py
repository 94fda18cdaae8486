"""The base of all groups of settings."""

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """Base class of a group of settings; values are not coerced, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
