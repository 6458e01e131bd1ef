"""The notebooks that are measured: what people run, from nothing to twenty megabytes of text."""

from __future__ import annotations

from pathlib import Path

from tests.notebooks import write_notebook

PARAMETERS = "x = 1"

TINY = ['print(f"x = {x}")']

SCIENCE = [
    """\
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import optimize, stats""",
    """\
rng = np.random.default_rng(x)
time = np.linspace(0, 10, 2_000)
signal = 3 * np.exp(-time / 2.5) + rng.normal(0, 0.1, time.size)
table = pd.DataFrame({"time": time, "signal": signal, "bin": (time * 2).astype(int)})
table.describe()""",
    """\
def decay(t, height, lifetime):
    return height * np.exp(-t / lifetime)

best, covariance = optimize.curve_fit(decay, time, signal, p0=(1, 1))
print(f"height {best[0]:.4f}, lifetime {best[1]:.4f} +- {covariance[1, 1] ** 0.5:.4f}")""",
    """\
fig, ax = plt.subplots()
ax.plot(time, signal, ".", ms=2)
ax.plot(time, decay(time, *best))
ax.set(xlabel="time", ylabel="signal")
plt.show()""",
    """\
residuals = signal - decay(time, *best)
print(stats.kstest(residuals / residuals.std(), "norm"))
fig, ax = plt.subplots()
ax.hist(residuals, bins=30)
ax.set(xlabel="residual", ylabel="number")
plt.show()
table.groupby("bin").signal.agg(["mean", "std"]).head()""",
]

CELLS = [f"y = x + {number}\nprint(y)\ny ** 2" for number in range(100)]

# 20 MB: 50 cells of 4,000 lines of 100 characters.
TEXT = [
    f"""\
for line in range(4_000):
    print(f"{{x:8d}} {part:4d} {{line:8d}} " + "abcdefghijklm" * 5 + "nopqrstuvwxyz")"""
    for part in range(50)
]

SOURCES = {"tiny": TINY, "science": SCIENCE, "cells": CELLS, "text": TEXT}
TITLES = {
    "tiny": "one print",
    "science": "numpy, pandas, scipy, two figures",
    "cells": "100 small cells",
    "text": "20 MB of text",
}


def write(name: str, folder: Path) -> Path:
    """Write the notebook ``name`` into ``folder``; its one parameter is ``x``."""
    return write_notebook(folder / f"{name}.ipynb", *SOURCES[name], parameters=PARAMETERS)
