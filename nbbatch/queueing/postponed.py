"""Points that were asked for and are not sent yet: how many go into a job is not known.

``--points-per-job auto`` sends a first wave, and the rest when that has shown how long a point
takes. The journal's event ``postponed`` names the batch whose file has their ids (``later``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def postponed(
    events: Iterable[Mapping[str, Any]], batch: Callable[[int], Mapping[str, Any]]
) -> tuple[str, ...]:
    """Ids of points that wait to be sent, in their order, as the journal tells.

    ``batch`` reads the file of a batch. They are sent with the next submission that has
    them, or taken back when they are cancelled.
    """
    left: dict[str, None] = {}
    for event in events:
        kind = event["event"]
        if kind == "postponed":
            left.update(dict.fromkeys(batch(event["batch"])["later"]))
        elif not left:
            continue
        elif kind == "submitting":
            for names in batch(event["batch"])["bundles"]:
                for name in names:
                    left.pop(name, None)
        elif kind == "cancelled":
            for name in list(left) if event["points"] is None else event["points"]:
                left.pop(name, None)
    return tuple(left)


def on_hold(events: Iterable[Mapping[str, Any]]) -> bool:
    """Whether all that is queued was held, and not released since."""
    held = False
    for event in events:
        if event["event"] in ("held", "released") and event["points"] is None:
            held = event["event"] == "held"
    return held
