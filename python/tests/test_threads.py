"""The GIL is released while poses are lifted, and threads share a lifter."""

import ctypes
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
from conftest import SIZE

import poselift


def turns_meanwhile(work):
    """Does the work on another thread; how often this thread ran meanwhile, once a millisecond at most."""
    begun, ended = threading.Event(), threading.Event()

    def do():
        begun.set()
        try:
            work()
        finally:
            ended.set()

    thread = threading.Thread(target=do)
    thread.start()
    begun.wait()
    turns = 0
    while not ended.is_set():
        time.sleep(0.001)
        turns += 1
    thread.join()
    return turns


def test_python_runs_while_poses_are_lifted(coco):
    lifter = poselift.Lifter(device="cpu", threads=1)
    many = numpy.tile(coco, (100, 1, 1))
    # A call of C that keeps the GIL, for comparison.
    assert turns_meanwhile(lambda: ctypes.PyDLL(None).usleep(300_000)) < 20
    assert turns_meanwhile(lambda: lifter.lift(many, size=SIZE)) > 20


def test_threads_share_a_lifter_and_get_their_own_poses(lifter, coco):
    expected = lifter.lift(coco, size=SIZE)

    def lift(turn):
        for number in range(turn, len(coco), 8):
            one = lifter.lift(coco[number], size=SIZE)
            numpy.testing.assert_allclose(one.joints, expected.joints[number], atol=1e-5)
        return lifter.lift(coco, size=SIZE)

    with ThreadPoolExecutor(8) as pool:
        for poses in pool.map(lift, range(8)):
            numpy.testing.assert_array_equal(poses.joints, expected.joints)
            numpy.testing.assert_array_equal(poses.sigma, expected.sigma)


def test_streams_on_threads_share_a_lifter(lifter, clip):
    def run(smooth):
        stream = poselift.Stream(lifter, smooth=smooth, size=SIZE, fps=30)
        return numpy.concatenate([stream.push(frame).joints for frame in clip.points[clip.present[:, 0]]])

    ways = ["live", None, "live:1", "live", None, "live:1"]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(run, ways))
    for way, joints in zip(ways, found):
        numpy.testing.assert_array_equal(joints, run(way))
