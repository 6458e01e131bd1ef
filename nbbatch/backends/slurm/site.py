"""What a site allows, asked of its Slurm once in a process."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping
from functools import cached_property

from ...errors import BackendError
from .. import command
from .accounting import ASSOC_FORMAT, QOS_FORMAT, USER_FORMAT, Asked, parse_allowance
from .limits import Allowance, Cluster, Partition, parse_config, parse_partitions
from .queue import array_env


def read_cluster() -> Cluster:
    """The site's sizes; Slurm's defaults where it does not tell."""
    try:
        return parse_config(_run("scontrol", "show", "config"))
    except BackendError:
        return Cluster()


class Site:
    """The partitions of a cluster and the allowance for jobs with these options of sbatch."""

    def __init__(self, options: Mapping[str, str], cluster: Cluster) -> None:
        self.options = options
        self.cluster = cluster

    @cached_property
    def partitions(self) -> list[Partition]:
        """The partitions that jobs are sent to: those asked for, or the default one."""
        try:
            text = _run("scontrol", "-o", "show", "partition")
        except BackendError:
            return []
        return parse_partitions(text, self.asked("partition", "p"))

    @cached_property
    def allowance(self) -> Allowance:
        """What accounting lets this user submit; nothing is known without accounting."""
        cluster = self.cluster
        if not (cluster.accounting and cluster.enforced) or shutil.which("sacctmgr") is None:
            return Allowance()
        show = ("sacctmgr", "-n", "-P", "show")
        here = ("where", f"cluster={cluster.name}") if cluster.name else ()
        partitions = tuple(self.partitions)
        account, qos = self.asked("account", "A"), self.asked("qos", "q")
        asked = Asked(user_name(), account, qos, partitions)
        try:
            return parse_allowance(
                _run(*show, "assoc", *here, f"format={ASSOC_FORMAT}"),
                _run(*show, "qos", f"format={QOS_FORMAT}"),
                _run(*show, "user", asked.user, f"format={USER_FORMAT}"),
                asked,
            )
        except BackendError:
            return Allowance()

    def asked(self, name: str, short: str) -> str:
        """The value of an option of sbatch: as the user gave it, or has in the environment."""
        given = self.options.get(name) or self.options.get(short)
        return given or command.scrubbed(os.environ).get(f"SBATCH_{name.upper()}", "")

    def longest(self) -> int | None:
        """Seconds that a job may last here at the most; None: no limit is known."""
        times = [partition.max_time for partition in self.partitions]
        limits = [time for time in times if time is not None]
        # Of several partitions Slurm takes the one that has room: the most patient counts.
        found = [max(limits)] if limits and len(limits) == len(times) else []
        if self.allowance.max_time is not None:
            found.append(self.allowance.max_time)
        return min(found, default=None)


def user_name() -> str:
    """Who runs this process."""
    return pwd.getpwuid(os.getuid()).pw_name  # not $USER, which says what it likes under sudo


def _run(*words: str) -> str:
    return command.run(words, env=array_env(os.environ))
