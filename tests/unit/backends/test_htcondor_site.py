"""A sweep's schedd is found from any machine of the pool, and stays the same one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nbbatch.backends.htcondor.site import SITE, Site
from nbbatch.errors import BackendError, BackendUnavailable, UsageError
from nbbatch.folder import SweepFolder
from nbbatch.model import Header, Launch


class CondorError(Exception):
    """What the bindings raise."""


class Collector:
    """A pool with the schedds ``ap1`` and ``ap2``; ``own`` is this machine's, if it has one."""

    own: str = ""

    def __init__(self, pool: str | None = None) -> None:
        self.pool = pool

    def locate(self, kind: str, name: str = "") -> dict[str, Any] | None:
        if name:
            return {"Name": name, "by": self.pool} if name in ("ap1", "ap2") else None
        if not self.own:
            raise CondorError("Unable to locate local daemon.")
        return {"Name": self.own, **{f"a{n}": n for n in range(100)}}

    def query(self, *_: Any) -> list[str]:
        return ["a node that sees our files"]


def site(root: Path, own: str, **options: str) -> Site:
    """As a new process on a machine with the schedd ``own`` sees the sweep."""
    if not (root / "sweep.json").exists():
        texts = dict.fromkeys(Header.__dataclass_fields__, "")
        known = {name: texts[name] for name in list(texts)[:12]}
        header = Header(**known, launch=Launch(options=options))  # type: ignore[arg-type]
        SweepFolder(root).write_specification(header, [], notebook=b"", grid="")
    made = Site(root)
    made.__dict__["condor"] = SimpleNamespace(
        Collector=type("Here", (Collector,), {"own": own}),
        DaemonType=SimpleNamespace(Schedd="schedd"),
        AdType=SimpleNamespace(Startd="startd"),
        HTCondorException=CondorError,
        param={"COLLECTOR_HOST": "cm"},
    )
    return made


def test_the_sweep_remembers_its_schedd(tmp_path: Path) -> None:
    assert site(tmp_path, "ap1").settle().value == "shared"
    noted = json.loads((tmp_path / SITE).read_text())
    assert noted == {"files": "shared", "schedd": "ap1", "pool": "cm"}

    assert len(site(tmp_path, "ap1").location) > 20  # its own
    for elsewhere in ("", "ap2"):
        assert site(tmp_path, elsewhere).location == {"Name": "ap1", "by": "cm"}


def test_a_schedd_that_was_asked_for_is_a_remote_one(tmp_path: Path) -> None:
    assert site(tmp_path, "ap1", schedd="ap2", pool="cm2").settle().value == "spool"
    assert site(tmp_path, "ap1").location == {"Name": "ap2", "by": "cm2"}


def test_no_schedd_and_an_unknown_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="Unable to locate local daemon"):
        site(tmp_path / "a", "").settle()
    with pytest.raises(BackendUnavailable, match="knows no schedd ap9"):
        site(tmp_path / "b", "ap1", schedd="ap9").settle()


def test_a_sweep_has_one_schedd(tmp_path: Path) -> None:
    made = site(tmp_path, "ap1", schedd="ap2")
    made.note(files="shared", schedd="ap1", pool="cm")
    with pytest.raises(UsageError, match="are with the schedd ap1, not ap2"):
        made.settle()
