"""Runs silently in a Python kernel before the first cell; ``SCRATCH`` is set by the worker.

Executed in a namespace of its own, so the notebook's is untouched. Each step may fail
(kernels differ); none may break the kernel. Syntax of Python 3.7.
"""

import os
import sys

SCRATCH = globals().get("SCRATCH", "")


def keep_all_messages():
    # ipykernel's publisher drops messages above a mark of 1,000 unless told to wait. A
    # ZMQ socket belongs to one thread: the option is set in the publisher's.
    import zmq
    from IPython import get_ipython

    thread = get_ipython().kernel.iopub_socket.io_thread
    thread.schedule(lambda: thread.socket.setsockopt(zmq.XPUB_NODROP, 1))


class Recorder:
    """Writes what is printed to the worker at once, so that a killed kernel loses none.

    A kernel publishes its text up to 0.2 s later, from a thread. The worker uses this
    copy for the text that the kernel printed and could not publish any more.
    """

    def __init__(self, path):
        self.handle = os.open(path, os.O_WRONLY)

    def read(self):
        return ""

    def write(self, text):
        if self.handle is None:
            return
        rest = text.encode("utf-8", "replace")
        try:
            while rest:
                rest = rest[os.write(self.handle, rest) :]
        except OSError:  # the worker is gone
            self.handle = None

    def flush(self):
        pass


def record_streams():
    for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
        path = os.path.join(SCRATCH, name)
        if hasattr(stream, "pub_thread") and getattr(stream, "echo", "") is None:
            if os.path.exists(path):
                stream.flush()
                stream.echo = Recorder(path)


def offer_module():
    # At the end: an installed nbbatch comes first.
    sys.path.append(os.path.join(SCRATCH, "importable"))


for step in (keep_all_messages, record_streams, offer_module):
    try:
        step()
    except Exception as error:
        sys.__stderr__.write("nbbatch: %s: %r\n" % (step.__name__, error))
