"""Signals are heard while the package works: Ctrl-C ends a long call, and all can be used afterwards."""

import os
import signal
import threading
from contextlib import contextmanager

import numpy
import pytest
from conftest import SIZE

import poselift


class Stopped(Exception):
    """What a handler raises, as that of Ctrl-C does."""


@contextmanager
def signals(handler):
    """Sends this process a signal every few milliseconds, and handles it."""
    over = threading.Event()

    def send():
        while not over.wait(0.01):
            os.kill(os.getpid(), signal.SIGUSR1)

    thread = threading.Thread(target=send)
    before = signal.signal(signal.SIGUSR1, handler)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGUSR1, before)


def heard_within(work):
    """How often a signal is handled before `work()` is over; signals that wait for its end are handled once."""
    count = 0

    def handler(*_):
        nonlocal count
        count += 1

    with signals(handler):
        work()
    return count


@pytest.fixture(scope="module")
def works(lifter, clip, coco, tmp_path_factory):
    """What prepares calls that take the longer the larger a number is."""
    folder = tmp_path_factory.mktemp("long")
    remembers = poselift.Lifter("coco17-memory", device="cpu")

    def many(repeats):
        return numpy.tile(coco, (repeats, 1, 1))

    def poses(repeats):
        return lifter.lift(many(repeats), size=SIZE)

    def written(repeats):
        poselift.write(poses(repeats), folder / "poses.jsonl", fps=30)
        return folder / "poses.jsonl"

    def prepared(prepare, call):
        def prepare_call(repeats):
            given = prepare(repeats)
            return lambda: call(given)

        return prepare_call

    return {
        "lift": prepared(many, lambda points: lifter.lift(points, size=SIZE)),
        "lift a clip": prepared(many, lambda points: remembers.lift(points, size=SIZE, fps=30)),
        "look ahead": prepared(many, lambda points: remembers.lift(points, size=SIZE, fps=30, look_ahead=1)),
        "write": prepared(poses, lambda given: poselift.write(given, folder / "poses.csv", fps=30, height=1.7)),
        "read": prepared(written, poselift.read_poses),
        "convert": prepared(written, lambda path: poselift.convert(path, folder / "converted.jsonl")),
    }


@pytest.mark.parametrize("name", ["lift", "lift a clip", "look ahead", "write", "read", "convert"])
def test_signals_are_handled_while_the_package_works(works, name):
    repeats = 64
    while heard_within(works[name](repeats)) < 4:
        repeats *= 2
        assert repeats <= 4096, f"{name}: no signal is handled before its end"


def test_ctrl_c_ends_a_long_call_and_leaves_the_lifter_usable(coco):
    for model in ("coco17-int8", "coco17-memory"):
        lifter = poselift.Lifter(model, device="cpu")
        before = lifter.lift(coco, size=SIZE, fps=30).joints

        def stop(*_):
            raise Stopped

        with pytest.raises(Stopped), signals(stop):
            lifter.lift(numpy.tile(coco, (2048, 1, 1)), size=SIZE, fps=30)
        numpy.testing.assert_array_equal(lifter.lift(coco, size=SIZE, fps=30).joints, before)
