"""The console script `poselift`: the same program as the binary."""

from __future__ import annotations

import signal
import sys

from . import _native, _runtime


def main() -> int:
    """Runs the command line; returns the exit code."""
    # Python would only note Ctrl-C, and go on when the program is done.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _runtime.tell_host()
    _runtime.load_cuda()
    return _native.run_program(["poselift", *sys.argv[1:]])
