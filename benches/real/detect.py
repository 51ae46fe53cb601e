"""MediaPipe Pose on videos: its 2D landmarks and its own 3D ones, frame by frame.

Landmarks are `[T, 33, 3]`: x, y in pixels of the whole image and visibility; world landmarks `[T, 33, 3]` in metres
from the middle of the hips, x right, y down, z forward. Frames without a person are NaN.
"""

import os
from typing import NamedTuple

import numpy as np

os.environ.setdefault("GLOG_minloglevel", "2")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2  # noqa: E402  (what mediapipe says while it starts is decided above)
from mediapipe.python.solutions.pose import Pose  # noqa: E402

from complaint import Complaint  # noqa: E402
from landmark_models import COMPLEXITY, install  # noqa: E402


class Detections(NamedTuple):
    """What MediaPipe sees of one person in a clip."""

    landmarks: np.ndarray
    world: np.ndarray
    fps: float
    size: tuple

    @property
    def seen(self):
        """`[T]` whether there is a person in a frame."""
        return np.isfinite(self.landmarks[:, 0, 0])


class Window(NamedTuple):
    """The square of an image that a person stays in, and their height there, in pixels."""

    middle: tuple
    side: int
    height: int

    def cut(self, image):
        """The square's pixels, black beyond the image, and where its corner lies in the image."""
        left, top = (int(at - self.side / 2) for at in self.middle)
        height, width = image.shape[:2]
        inside = image[max(top, 0) : top + self.side, max(left, 0) : left + self.side]
        before = (max(-top, 0), max(-left, 0))
        after = (max(top + self.side - height, 0), max(left + self.side - width, 0))
        edges = (before[0], after[0], before[1], after[1])
        return np.ascontiguousarray(cv2.copyMakeBorder(inside, *edges, cv2.BORDER_CONSTANT)), (left, top)

    def holds(self, landmarks):
        """Whether the landmarks are of a person as large as expected and about where they are expected."""
        low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
        away = np.abs((low + high) / 2 - self.middle).max()
        return away < 0.3 * self.side and 0.5 < (high - low).max() / self.height < 1.35


def images(video):
    """The frames of a video in RGB, the frames a second and the size of the image."""
    capture = cv2.VideoCapture(str(video))
    if not capture.isOpened():
        raise Complaint(f"{video}: cannot be read as a video")
    fps = capture.get(cv2.CAP_PROP_FPS)
    size = tuple(int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))

    def frames():
        while (read := capture.read())[0]:
            yield cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)

    return frames(), fps, size


def follow(video, detector):
    """The only person of a clip, as MediaPipe follows and smooths them from frame to frame."""
    install(detector)
    with Pose(static_image_mode=False, model_complexity=COMPLEXITY[detector]) as pose:
        frames, fps, size = images(video)
        found = [landmarks_of(pose.process(image), size, (0, 0)) for image in frames]
    return gathered(video, found, fps, size)


def look_into(video, window, detector):
    """The person who stays in a window, each frame by itself; another person found there counts as none."""
    install(detector)
    complexity = COMPLEXITY[detector]
    with Pose(static_image_mode=True, model_complexity=complexity, min_detection_confidence=0.3) as pose:
        frames, fps, size = images(video)
        found = []
        for image in frames:
            square, corner = window.cut(image)
            landmarks, world = landmarks_of(pose.process(square), (window.side, window.side), corner)
            found.append((landmarks, world) if window.holds(landmarks) else no_person())
    return gathered(video, found, fps, size)


def landmarks_of(result, size, corner):
    """Landmarks and world landmarks out of MediaPipe's result on an image of `size` that begins at `corner`."""
    if result.pose_landmarks is None:
        return no_person()
    landmarks = np.array([(p.x, p.y, p.visibility) for p in result.pose_landmarks.landmark])
    landmarks[:, :2] = landmarks[:, :2] * size + corner
    return landmarks, np.array([(p.x, p.y, p.z) for p in result.pose_world_landmarks.landmark])


def no_person():
    return np.full((33, 3), np.nan), np.full((33, 3), np.nan)


def gathered(video, found, fps, size):
    detections = Detections(*(np.array(part) for part in zip(*found)), fps, size) if found else None
    if detections is None or not detections.seen.any():
        raise Complaint(f"{video}: MediaPipe finds no person")
    return detections
