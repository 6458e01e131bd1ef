"""The commit that a sweep writes down."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from nbbatch.provenance import git_state


def test_a_changed_file_whose_name_is_not_unicode(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.quotepath=false"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    file = tmp_path / os.fsdecode(b"caf\xe9.txt")
    file.write_text("one")
    git("init")
    git("config", "core.quotepath", "false")
    git("add", "-A")
    git("commit", "-m", "first")
    assert git_state(tmp_path)[1] is False
    file.write_text("other")
    commit, modified = git_state(tmp_path)
    assert len(commit) == 40
    assert modified
