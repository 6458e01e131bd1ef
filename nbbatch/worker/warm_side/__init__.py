"""The process that forks kernels: it has imported what they need, and serves one worker.

This folder is copied and run by the kernel's own interpreter, which may have no nbbatch:
standard library and ipykernel only, syntax of Python 3.7. The process has one thread and
no ZMQ context, so that a fork of it is a whole process.
"""
