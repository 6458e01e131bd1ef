"""The results of a sweep as a pandas data frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..model import PointView
from ..results.table import FIXED, columns, rows, settled

if TYPE_CHECKING:
    import pandas

TIMES = ("started", "finished")
PATHS = ("notebook", "page", "log")


def frame(views: Sequence[PointView], root: Path) -> pandas.DataFrame:
    """One row a point, in the order of the grid; the index is the point's number.

    Columns: ``id``, parameters, metrics, ``state``, ``error``, ``seconds``, ``started`` and
    ``finished`` (UTC), ``host``, ``attempts``, and the absolute paths ``notebook``, ``page``,
    ``log``. Whole numbers and booleans keep their type where some are missing (pandas'
    ``Int64`` and ``boolean``). Raises UsageError without pandas.
    """
    try:
        import pandas
    except ImportError:
        raise UsageError(
            "A data frame needs pandas, which is not installed.",
            hint='Install it with: pip install "nbbatch[pandas]"; '
            "`points` has the results without it.",
        ) from None
    found = rows(views, root)
    index = pandas.Index([row["index"] for row in found], name="index", dtype="int64")
    series: dict[str, Any] = {}
    for column in columns(found):
        if column.name == "index":
            continue
        values = [column.of(row) for row in found]
        if column.name in PATHS and column.name in FIXED:
            values = [None if value is None else str(root / value) for value in values]
        # A parameter or metric that is called as one of the times, which only a frame has.
        prefix = f"{column.section.removesuffix('s')}." if column.name in TIMES else ""
        series[prefix + column.name] = _typed(values, index)
        if column.name == "seconds":
            series.update(_times(views, index))
    return pandas.DataFrame(series, index=index)


def _typed(values: list[Any], index: pandas.Index[int]) -> pandas.Series[Any]:
    """The values with the type that holds all of them and the holes between them."""
    import pandas

    kinds = {type(value) for value in values if value is not None}
    whole = None in values
    dtype: str | None = None
    if kinds == {bool}:
        dtype = "boolean" if whole else "bool"
    elif kinds == {int} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        dtype = "Int64" if whole else "int64"
    elif float in kinds and kinds <= {int, float}:  # else too large for any number but Python's
        dtype = "float64"
    elif kinds != {str}:
        dtype = "object"
    return pandas.Series(values, index=index, dtype=dtype)


def _times(views: Sequence[PointView], index: pandas.Index[int]) -> dict[str, pandas.Series[Any]]:
    import pandas

    records = [settled(view) for view in views]
    told = {
        "started": [r.started if r else v.started for v, r in zip(views, records, strict=True)],
        "finished": [record.finished if record else "" for record in records],
    }
    return {
        name: pandas.Series(
            pandas.to_datetime([text or "NaT" for text in texts], utc=True, format="ISO8601"),
            index=index,
        )
        for name, texts in told.items()
    }
