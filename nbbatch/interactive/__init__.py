"""The door for notebook cells and scripts: ``nbbatch.run`` and what it returns.

A sweep is started and steered in the user's kernel, but watched by a process of its own
(``watching``), so that the kernel is never held up.
"""

from __future__ import annotations
