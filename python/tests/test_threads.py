"""Python's lock is let go of while poses are lifted, and threads share a lifter."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy
from conftest import SIZE

import poselift


def test_python_runs_while_poses_are_lifted(coco):
    lifter = poselift.Lifter(device="cpu", threads=1)
    many = numpy.tile(coco, (40_000 // len(coco), 1, 1))
    started, done = threading.Event(), threading.Event()

    def lift():
        started.set()
        lifter.lift(many, size=SIZE)
        done.set()

    thread = threading.Thread(target=lift)
    thread.start()
    started.wait()
    steps = 0
    while not done.is_set():
        steps += 1
    thread.join()
    # With the lock held this thread would get a turn before and after, a few thousand steps at most.
    assert steps > 20_000


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
