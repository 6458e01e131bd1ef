"""A pool of the user's own, on this machine: for who has HTCondor's programs and no pool.

``htcondor2.personal`` writes its configuration. Its daemons are started here, as daemons, so
that they outlive this process and its terminal; they listen on the loopback interface only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from ...errors import BackendError, BackendUnavailable

PLACE = Path(".condor") / "nbbatch-personal"
"""In the user's home: the pool's configuration, queue and token. None of it in a sweep."""

START_SECONDS = 90.0


def start() -> Path:
    """Start the user's pool, if it is not up; return its configuration file when it answers."""
    if shutil.which("condor_master") is None:
        raise BackendUnavailable(
            "--personal: HTCondor's programs are not installed (there is no condor_master).",
            hint="Install the package `minicondor` or `condor`, or use --backend local.",
        )
    from htcondor2.personal import PersonalPool

    user = os.environ.get("USER") or Path.home().name
    pool = PersonalPool(
        local_dir=Path.home() / PLACE,
        detach=True,
        use_config=False,
        config={
            "NETWORK_INTERFACE": "127.0.0.1",
            "ENABLE_IPV6": "False",
            "UID_DOMAIN": "localhost",
            "TRUST_DOMAIN": "nbbatch-personal",
            # The wheel's FS authentication fails on some machines; a token does not.
            "SEC_CLIENT_AUTHENTICATION_METHODS": "FS, IDTOKENS",
            "self": f"condor@password {user}@localhost {user}@$(FULL_HOSTNAME)",
            "MOUNT_UNDER_SCRATCH": "",
        },
    )
    pool.initialize()
    config = Path(pool.config_file)
    use(config)
    subprocess.run(["condor_master"], check=True, stdin=subprocess.DEVNULL)
    token = pool.tokens_dir / "self"
    deadline = time.monotonic() + START_SECONDS
    while not (_has_token(token, user) and _answers()):
        if time.monotonic() > deadline:
            raise BackendError(
                f"The personal pool in {pool.local_dir} does not answer after {START_SECONDS:g} s.",
                hint=f"Its daemons' words are in {pool.log_dir}.",
            )
        time.sleep(0.5)
    return config


def use(config: Path) -> Any:
    """Let this process talk to the pool of that configuration; returns the bindings."""
    changed = os.environ.get("CONDOR_CONFIG") != str(config)
    os.environ["CONDOR_CONFIG"] = str(config)
    import htcondor2

    if changed:
        htcondor2.reload_config()
    return htcondor2


def stop() -> None:
    """Stop the pool that this process talks to."""
    subprocess.run(["condor_off", "-fast", "-master"], check=False, capture_output=True)


def _has_token(file: Path, user: str) -> bool:
    """Make the user's token as soon as the pool has made its signing key."""
    if file.exists():
        return True
    command = ["condor_token_create", "-identity", f"{user}@localhost"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode or not made.stdout.strip():
        return False
    file.touch(0o600)
    file.write_text(made.stdout)
    return True


def _answers() -> bool:
    import htcondor2

    htcondor2.reload_config()
    try:
        htcondor2.Schedd().query("false", ["ClusterId"])
        return bool(htcondor2.Collector().query(htcondor2.AdType.Startd, "true", ["Name"]))
    except htcondor2.HTCondorException:
        return False
