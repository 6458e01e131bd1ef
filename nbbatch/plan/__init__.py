"""A request, checked against the notebook before anything is written or run."""

from .make import Plan, choose_point, make_plan, merge_points
from .request import Request

__all__ = ["Plan", "Request", "choose_point", "make_plan", "merge_points"]
