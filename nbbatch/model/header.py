"""What a sweep is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .work import FORMAT, Launch, Resources, Settings, Summary


@dataclass(frozen=True)
class Header:
    """``sweep.json``: what a sweep is. ``created`` is ISO 8601 UTC.

    ``revision`` counts the changes of notebook, grid or options since ``created``; what
    an earlier revision was is kept in ``revisions/``. ``points_per_job`` is 0 where the first
    points that are sent have to show it.
    """

    id: str
    name: str
    created: str
    user: str
    host: str
    notebook: str
    notebook_sha256: str
    kernel: str
    language: str
    backend: str
    nbbatch: str
    python: str
    resources: Resources = field(default_factory=Resources)
    settings: Settings = field(default_factory=Settings)
    launch: Launch = field(default_factory=Launch)
    max_running: int | None = None
    points_per_job: int = 1
    git_commit: str = ""
    git_dirty: bool = False
    revision: int = 1
    summary: Summary | None = None
    format: int = FORMAT

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Header:
        fields = dict(data)
        fields["resources"] = Resources(**fields["resources"])
        fields["settings"] = Settings.from_json(fields["settings"])
        launch = dict(fields["launch"])
        for name in ("inputs", "outputs"):
            launch[name] = tuple(launch.get(name, ()))
        fields["launch"] = Launch(**launch)
        if fields.get("summary") is not None:
            summary = dict(fields["summary"])
            fields["summary"] = Summary(**{**summary, "parameters": tuple(summary["parameters"])})
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
