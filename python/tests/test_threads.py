"""The GIL is released while poses are lifted, and threads share a lifter."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
from conftest import SIZE

import poselift


def longest_pause(work):
    """Does the work on another thread; the longest time that this thread did not run meanwhile, and how long the work took, seconds."""
    took = []

    def timed():
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)

    thread = threading.Thread(target=timed)
    longest, last = 0.0, time.perf_counter()
    thread.start()
    while thread.is_alive():
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return max(longest, time.perf_counter() - last), took[0]


def test_python_runs_while_poses_are_lifted(coco):
    lifter = poselift.Lifter(device="cpu", threads=1)

    def lift_once():
        start = time.perf_counter()
        lifter.lift(coco, size=SIZE)
        return time.perf_counter() - start

    # As many as take two seconds or more: no machine is so busy that a thread waits for half as long.
    quickest = min(lift_once() for _ in range(10))
    many = numpy.tile(coco, (int(2.5 / quickest) + 1, 1, 1))
    pause, took = longest_pause(lambda: lifter.lift(many, size=SIZE))
    assert took > 1, f"too short to tell: {took} s"
    assert pause < took / 2


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
