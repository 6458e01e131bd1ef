"""Under CI a test that would be skipped fails, so that a missing piece cannot hide."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def skipping(tmp_path: Path) -> Path:
    """A folder with one test for each way to skip, and one that is expected to fail."""
    files = {
        "test_call.py": "import pytest\ndef test_a(): pytest.skip('no pool')\n",
        "test_mark.py": "import pytest\n@pytest.mark.skip('no browser')\ndef test_b(): pass\n",
        "test_file.py": "import pytest\npytest.skip('no R', allow_module_level=True)\n",
        "test_fail.py": "import pytest\n@pytest.mark.xfail\ndef test_c(): assert False\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_every_skip_fails_under_ci(skipping: Path) -> None:
    run = _pytest(skipping, CI="true")
    assert run.returncode == 1
    for reason in ("no pool", "no browser", "no R"):
        assert f"skipped, which CI does not allow: {skipping}" in run.stdout
        assert reason in run.stdout
    assert "1 failed, 1 xfailed, 2 errors" in run.stdout


def test_elsewhere_a_skip_is_a_skip(skipping: Path) -> None:
    run = _pytest(skipping, CI="")
    assert run.returncode == 0
    assert "3 skipped, 1 xfailed" in run.stdout


def _pytest(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with this project's conftest on a folder of its own."""
    options = ("-p", "tests.conftest", "-p", "no:cacheprovider", "--continue-on-collection-errors")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", os.devnull, "--rootdir", folder, folder],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
