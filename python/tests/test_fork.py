"""Processes that are forked while other threads lift."""

import subprocess
import sys

import pytest
from conftest import CLIP

SCRIPT = """
import os, sys, threading
import numpy, numpy.testing, poselift

model, how, path = sys.argv[1:]
clip = poselift.read(path)
lifter = poselift.Lifter(model, device="cpu", threads=2)
stream = poselift.Stream(lifter)
# Python's own locks of modules that are imported at the first call are no matter of this test.
expected = lifter.lift(clip).joints
stream.push(clip.points[60])
over = threading.Event()


def work():
    while not over.is_set():
        lifter.lift(clip)


def push():
    while not over.is_set():
        stream.push(clip.points[60])


def child():
    for _ in range(2):
        numpy.testing.assert_array_equal(lifter.lift(clip).joints, expected)
    assert len(poselift.Stream(lifter).push(clip.points[60]).joints) == 1
    try:
        stream.push(clip.points[60])
    except poselift.DeviceError as error:
        assert "in use when this process was forked" in str(error), error


threads = [threading.Thread(target=target) for target in (work, work, push)]
for thread in threads:
    thread.start()
failed = 0
for _ in range(8):
    process = os.fork()
    if process == 0:
        if how == "exit":
            child()
            sys.exit(0)
        status = 1
        try:
            child()
            status = 0
        finally:
            os._exit(status)
    failed += os.waitpid(process, 0)[1] != 0
over.set()
for thread in threads:
    thread.join()
numpy.testing.assert_array_equal(lifter.lift(clip).joints, expected)
sys.exit(failed > 0)
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
@pytest.mark.parametrize("model", ["coco17-int8", "coco17-memory"])
@pytest.mark.parametrize("how", ["_exit", "exit"])
def test_a_forked_process_lifts_whatever_other_threads_did(model, how):
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, model, how, str(CLIP)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
