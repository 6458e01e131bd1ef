"""``--metrics-file``: a sweep's figures for Prometheus' node_exporter (its textfile collector).

The text exposition format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from ..history import History, Run
from ..model import PointState
from ..worker.files import write_atomic


def write_metrics(target: Path, history: History) -> Path:
    """Write the figures of the last run that ended; a folder gets ``nbbatch_<name>.prom``."""
    file = target / f"nbbatch_{history.name}.prom" if target.is_dir() else target
    write_atomic(file, metrics_text(history), durable=False)
    return file


def metrics_text(history: History) -> str:
    """The file's text. Times are seconds since 1970, durations seconds."""
    label = f'sweep="{_escaped(history.name)}"'
    ended = history.ended()
    last = ended[-1] if ended else None
    good = [run for run in ended if run.ok]
    lines: list[str] = []

    def metric(name: str, kind: str, help_text: str, values: Iterable[tuple[str, float]]) -> None:
        shown = [f"nbbatch_sweep_{name}{{{labels}}} {value:.15g}" for labels, value in values]
        if shown:
            lines.append(f"# HELP nbbatch_sweep_{name} {help_text}")
            lines.append(f"# TYPE nbbatch_sweep_{name} {kind}")
            lines.extend(shown)

    counts = last.counts if last else {}
    metric(
        "points",
        "gauge",
        "Points of the last run by state.",
        [(f'{label},state="{s.value}"', counts.get(s.value, 0)) for s in PointState if last],
    )
    metric("ok", "gauge", "1 if the last run is all ok.", [(label, last.ok)] if last else [])
    metric("runs_total", "counter", "Runs that ended.", [(label, len(ended))])
    metric("runs_ok_total", "counter", "Runs that are all ok.", [(label, len(good))])
    metric("running", "gauge", "Runs that go on.", [(label, len(history.runs) - len(ended))])
    metric(
        "duration_seconds",
        "gauge",
        "Time from the first start to the last end of the last run.",
        [(label, last.wall)] if last and last.wall is not None else [],
    )
    metric(
        "reused_points",
        "gauge",
        "Points of the last run whose results were taken from an earlier one.",
        [(label, last.reused)] if last else [],
    )
    metric(
        "last_end_timestamp_seconds",
        "gauge",
        "When the last run ended.",
        [(label, _seconds(last))] if last else [],
    )
    metric(
        "last_success_timestamp_seconds",
        "gauge",
        "When the last run that is all ok ended.",
        [(label, _seconds(good[-1]))] if good else [],
    )
    return "\n".join(lines) + "\n"


def _seconds(run: Run) -> float:
    return datetime.fromisoformat((run.ended or run.created).replace("Z", "+00:00")).timestamp()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
