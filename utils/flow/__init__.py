"""Optical flow: its type, the search for it, and its compact form."""

from utils.flow.field import Flags, Flow, Vectors, fetched, scaled, warped
from utils.flow.quantised import packed, unpacked
from utils.flow.search import LEAST_PX, Grey, Search, agreeing, flow_checked, flow_one_way, flow_pair

__all__ = [
    "LEAST_PX",
    "Flags",
    "Flow",
    "Grey",
    "Search",
    "Vectors",
    "agreeing",
    "fetched",
    "flow_checked",
    "flow_one_way",
    "flow_pair",
    "packed",
    "scaled",
    "unpacked",
    "warped",
]
