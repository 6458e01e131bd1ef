"""Makes sweep folders for the worker's tests; see ``sweeps``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.worker.sweeps import Sweep, make_sweep, processes_of


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    """``make_sweep`` in a fresh folder; processes that a test leaves behind are ended."""
    made: list[Sweep] = []

    def make(*cells: Any, **options: Any) -> Sweep:
        made.append(make_sweep(tmp_path, *cells, **options))
        return made[-1]

    yield make
    for one in made:
        for process in processes_of(one):
            with suppress(psutil.Error):
                process.kill()
