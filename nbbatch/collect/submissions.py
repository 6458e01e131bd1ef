"""What the journal says was submitted: job arrays, each point's bundle, what was taken back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..folder import SweepFolder
from ..model import Job, JobArray, Point, Transfer


@dataclass(frozen=True)
class Submissions:
    """The submissions of a sweep, as its journal tells them.

    ``bundle_of`` maps a point's id to the bundle of its last submission; ``open_batches``
    are those whose process died before it noted their end.
    """

    arrays: tuple[JobArray, ...]
    bundle_of: dict[str, int]
    batch_of: dict[int, int]
    cancelled: frozenset[str]
    open_batches: tuple[int, ...]

    @property
    def next_batch(self) -> int:
        return max(self.batch_of.values(), default=0) + 1

    @property
    def next_bundle(self) -> int:
        return max(self.batch_of, default=0) + 1

    def job_of(self, point: Point) -> Job | None:
        """The job that has the point; None if it was not submitted, or not accepted yet."""
        bundle = self.bundle_of.get(point.id)
        array = None if bundle is None else self._array_of(bundle)
        return None if array is None or bundle is None else array.job_of(bundle)

    def refused(self) -> dict[int, list[str]]:
        """Bundles for which the scheduler had no room, with the ids of their points."""
        left: dict[int, list[str]] = {}
        for name, bundle in self.bundle_of.items():
            if name not in self.cancelled and not self._accepted(bundle):
                left.setdefault(bundle, []).append(name)
        return dict(sorted(left.items()))

    def transfer_of(self, point: Point, job: Transfer) -> Transfer | None:
        """What of a job's transfers is next to this point: before its first, after its last."""
        first, last = self._ends[self.bundle_of[point.id]]
        before = job.inputs if point.id == first else 0.0
        after = job.outputs if point.id == last else 0.0
        return Transfer(before, after) if before or after else None

    @cached_property
    def _ends(self) -> dict[int, tuple[str, str]]:
        """The first and the last point of each bundle."""
        ends: dict[int, tuple[str, str]] = {}
        for name, bundle in self.bundle_of.items():
            ends[bundle] = ends.get(bundle, (name, name))[0], name
        return ends

    def _accepted(self, bundle: int) -> bool:
        return self._array_of(bundle) is not None

    def _array_of(self, bundle: int) -> JobArray | None:
        """The array that has a bundle; the last one that was noted, if there are several."""
        starts, arrays = self._by_bundle
        place = bisect_right(starts, bundle) - 1
        return arrays[place] if place >= 0 else None

    @cached_property
    def _by_bundle(self) -> tuple[list[int], list[JobArray | None]]:
        """Where the numbers of bundles go from one array, or none, to the next.

        A site with small arrays has hundreds of them for 100,000 points.
        """
        edges = sorted({edge for a in self.arrays for edge in (a.first, a.first + a.size)})
        spans: dict[int, JobArray | None] = dict.fromkeys(edges)
        for array in self.arrays:
            for edge in edges[bisect_left(edges, array.first) :]:
                if edge >= array.first + array.size:
                    break
                spans[edge] = array
        return edges, list(spans.values())

    def with_arrays(self, found: Sequence[JobArray]) -> Submissions:
        return replace(self, arrays=(*self.arrays, *found))


def read_submissions(folder: SweepFolder, batches: dict[int, list[list[str]]]) -> Submissions:
    """Read the journal. ``batches`` is a cache of what ``submit/`` says, filled as needed."""
    arrays: list[JobArray] = []
    bundle_of: dict[str, int] = {}
    batch_of: dict[int, int] = {}
    cancelled: set[str] = set()
    noted: dict[int, bool] = {}
    for event in folder.events():
        kind = event["event"]
        if kind == "submitting":
            number = event["batch"]
            noted[number] = False
            if number not in batches:
                batches[number] = folder.batch(number)["bundles"]
            for bundle, names in enumerate(batches[number], event["first"]):
                batch_of[bundle] = number
                bundle_of.update(dict.fromkeys(names, bundle))
                cancelled.difference_update(names)
        elif kind == "submitting the rest":
            noted[event["batch"]] = False
        elif kind == "accepted":
            arrays.append(JobArray(event["array"], event["first"], event["size"]))
        elif kind == "submitted":
            noted[event["batch"]] = True
        elif kind == "cancelled":
            taken = event["points"]
            cancelled.update(bundle_of if taken is None else taken)
    return Submissions(
        arrays=tuple(arrays),
        bundle_of=bundle_of,
        batch_of=batch_of,
        cancelled=frozenset(cancelled),
        open_batches=tuple(number for number, done in noted.items() if not done),
    )


def runs(numbers: Sequence[int]) -> Iterator[range]:
    """Sorted numbers as ranges of consecutive ones."""
    start = 0
    for position in range(1, len(numbers) + 1):
        if position == len(numbers) or numbers[position] != numbers[position - 1] + 1:
            yield range(numbers[start], numbers[position - 1] + 1)
            start = position
