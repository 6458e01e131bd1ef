"""What a sweep leaves behind: the results' files, the report, the summary notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .collect.stamps import Stamps, joint
from .folder import SweepFolder
from .model import Header, PointView

if TYPE_CHECKING:
    from .report import Report
    from .results.summary_notebook import SummaryNotebook, Told

PATIENCE = 24 * 3600.0
"""Seconds to wait for another process that runs the summary notebook."""


class SweepOutput:
    """Writes what can be known of a sweep now; what has not changed is not written again."""

    def __init__(self, folder: SweepFolder, header: Header) -> None:
        self.folder = folder
        self.header = header
        self._report: Report | None = None
        self._stamps = Stamps()

    def write(self, views: Sequence[PointView], *, every_format: bool = True) -> Path:
        """Write the results' files and the report; returns the report's ``index.html``.

        Without ``every_format`` only ``results.csv``, of the files: while points still run.
        """
        from .report import Report
        from .results.files import ResultFiles

        if self._report is None:
            self._report = Report(self.folder.root)
        stamps = self._stamps.of(views)
        ResultFiles(self.folder.root).write(views, joint(stamps), every=every_format)
        return self._report.write(self.header, views, stamps)

    def summarise(
        self, views: Sequence[PointView], *, again: bool = False, wait: float = PATIENCE
    ) -> None:
        """Run the summary notebook, if there is one, on the results that were just written.

        Only if they are new to it, or with ``again``. Where another process runs it, that one
        is waited for; raises SweepLocked after ``wait`` seconds.
        """
        if again or self.summary_due(views):
            self._summary().run(joint(self._stamps.of(views)), again=again, wait=wait)
            self.write(views)

    def summary_due(self, views: Sequence[PointView]) -> bool:
        """Whether there is a summary notebook to run: all have ended, the results are new."""
        return self._summary().due(views, joint(self._stamps.of(views)))

    def summary_told(self, views: Sequence[PointView]) -> Told | None:
        """How the summary notebook ended; None where there is none, or it never ran."""
        return self._summary().told(joint(self._stamps.of(views)))

    def _summary(self) -> SummaryNotebook:
        from .results.summary_notebook import SummaryNotebook

        return SummaryNotebook(self.folder, self.header)
