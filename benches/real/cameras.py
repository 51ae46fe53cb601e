"""Calibrated cameras: points to pixels and back, and joints in space out of several views.

Shapes: C cameras, T frames, J joints, N points. Lenses are OpenCV's model with five coefficients. World axes are the
calibration's, metres; camera axes x right, y down, z forward.
"""

import itertools
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import numpy as np

from complaint import Complaint


class Camera(NamedTuple):
    """A camera: `focal` and `centre` in pixels, `lens` k1, k2, p1, p2, k3, and where it stands."""

    focal: np.ndarray
    centre: np.ndarray
    lens: np.ndarray
    camera_from_world: np.ndarray
    position: np.ndarray

    def into_camera(self, points):
        """World points `[..., 3]` in camera axes, metres."""
        return (points - self.position) @ self.camera_from_world.T

    def project(self, points):
        """World points `[..., 3]` to pixels `[..., 2]`."""
        inside = self.into_camera(points)
        return self.bend(inside[..., :2] / inside[..., 2:]) * self.focal + self.centre

    def rays(self, pixels):
        """Pixels `[..., 2]` to x / z and y / z in camera axes, the lens undone."""
        bent = (pixels - self.centre) / self.focal
        straight = bent
        for _ in range(20):
            straight = straight + bent - self.bend(straight)
        return straight

    def bend(self, rays):
        """What the lens makes of straight rays."""
        k1, k2, p1, p2, k3 = self.lens
        x, y = rays[..., 0], rays[..., 1]
        square = x * x + y * y
        radial = 1 + square * (k1 + square * (k2 + square * k3))
        across = 2 * p1 * x * y + p2 * (square + 2 * x * x)
        down = p1 * (square + 2 * y * y) + 2 * p2 * x * y
        return np.stack([x * radial + across, y * radial + down], axis=-1)


# A Qualisys file's names (and spelling) of OpenCV's coefficients, in OpenCV's order.
LENS = [
    f"{kind}Distortion{n}"
    for kind, n in (("radial", 1), ("radial", 2), ("tangental", 1), ("tangental", 2), ("radial", 3))
]


def read_qualisys(path):
    """The cameras of a Qualisys calibration. Pixels are in 64ths there, positions in mm, y up and z backward."""
    cameras = []
    for element in ElementTree.parse(path).getroot().iter("camera"):
        place = {name: float(value) for name, value in element.find("transform").attrib.items()}
        inner = {name: float(value) for name, value in element.find("intrinsic").attrib.items()}
        rotation = np.array([[place[f"r{row}{column}"] for column in (1, 2, 3)] for row in (1, 2, 3)])
        cameras.append(
            Camera(
                focal=np.array([inner["focalLengthU"], inner["focalLengthV"]]) / 64,
                centre=np.array([inner["centerPointU"], inner["centerPointV"]]) / 64,
                lens=np.array([inner[name] for name in LENS]),
                camera_from_world=np.diag([1.0, -1.0, -1.0]) @ rotation,
                position=np.array([place[axis] for axis in "xyz"]) / 1000,
            )
        )
    if not cameras:
        raise Complaint(f"{path}: no cameras in it, expected a Qualisys calibration")
    return cameras


def intersect(cameras, rays):
    """Where rays `[C, N, 2]` of all cameras meet best: world points `[N, 3]`; NaN where a ray is."""
    depths = np.ones(rays.shape[:2])
    points = np.full((rays.shape[1], 3), np.nan)
    whole = np.isfinite(rays).all((0, 2))
    for _ in range(3):  # divided by the depth, the error is one in the image
        rows = []
        for camera, ray, depth in zip(cameras, rays, depths):
            turn, weight = camera.camera_from_world, camera.focal.mean() / depth[whole, None]
            rows += [weight * (ray[whole, axis, None] * turn[2] - turn[axis]) for axis in (0, 1)]
        matrix = np.stack(rows, axis=1)  # [N, 2 C, 3]
        right = np.einsum("nri,ri->nr", matrix, np.repeat([camera.position for camera in cameras], 2, axis=0))
        points[whole] = np.einsum("nij,nj->ni", np.linalg.pinv(matrix), right)
        depths = np.stack([camera.into_camera(points)[:, 2] for camera in cameras]).clip(0.3)
    return points


def triangulate(cameras, pixels, tolerance, least=3):
    """Joints `[T, J, 3]` in the world out of views `[C, T, J, 2]`, by the largest set of cameras that agrees.

    Agreeing is an error of no more than `tolerance` pixels in each of them; NaN where not even `least` cameras agree.
    """
    flat = pixels.reshape(len(cameras), -1, 2)
    rays = np.stack([camera.rays(points) for camera, points in zip(cameras, flat)])
    joints = np.full((flat.shape[1], 3), np.nan)
    for count in range(len(cameras), least - 1, -1):
        open_yet, worst = np.isnan(joints[:, 0]), np.full(len(joints), tolerance)
        for chosen in itertools.combinations(range(len(cameras)), count):
            few = [cameras[index] for index in chosen]
            points = intersect(few, rays[list(chosen)])
            errors = [
                np.linalg.norm(camera.project(points) - flat[index], axis=1) for index, camera in zip(chosen, few)
            ]
            better = open_yet & (np.max(errors, axis=0) < worst)  # never where it is NaN
            joints[better], worst[better] = points[better], np.max(errors, axis=0)[better]
    return joints.reshape(*pixels.shape[1:3], 3)


def settle(cameras, pixels, rounds=30, scale=8.0):
    """The cameras turned by small angles so that views `[C, T, J, 2]` agree better, and those angles in degrees.

    A figure that was rendered into a video with slightly wrong cameras is shifted in all of its joints alike; turning
    the cameras undoes that. Errors beyond `scale` pixels count less. Some turns of all cameras together hardly change
    how well they agree, so `rounds` is small: it keeps them near where they were.
    """
    flat = pixels.reshape(len(cameras), -1, 2)
    rays = np.stack([camera.rays(points) for camera, points in zip(cameras, flat)])
    settled = list(cameras)
    for _ in range(rounds):
        points = intersect(settled, rays)
        settled = [turned(camera, points, ray, scale) for camera, ray in zip(settled, rays)]
    cosines = [
        np.trace(new.camera_from_world @ old.camera_from_world.T) / 2 - 0.5 for new, old in zip(settled, cameras)
    ]
    return settled, np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def turned(camera, points, rays, scale):
    """The camera after one weighted Gauss-Newton step of its rotation towards seeing `points` along `rays`."""
    whole = np.isfinite(points).all(1)
    x, y, z = camera.into_camera(points[whole]).T
    left = np.stack([x / z, y / z], axis=-1) - rays[whole]
    # How x / z and y / z change with a small turn around each axis.
    slopes = (
        np.stack([np.stack([-x * y, z * z + x * x, -y * z], -1), np.stack([-z * z - y * y, x * y, x * z], -1)], axis=1)
        / (z * z)[:, None, None]
    )
    pixels = np.linalg.norm(left, axis=1) * camera.focal.mean()
    weights = 1 / np.sqrt(1 + (pixels / scale) ** 2)
    matrix = np.einsum("n,nai,naj->ij", weights, slopes, slopes)
    step = np.linalg.solve(matrix, -np.einsum("n,nai,na->i", weights, slopes, left))
    return camera._replace(camera_from_world=rotation(step) @ camera.camera_from_world)


def rotation(vector):
    """The rotation around `vector` by its length, radians."""
    angle = np.linalg.norm(vector)
    x, y, z = vector / angle if angle > 0 else vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def towards(directions):
    """The rotations `[T, 3, 3]` that take the optical axis to `directions` `[T, 3]` the shortest way."""
    turns = []
    for direction in directions:
        x, y, z = direction / np.linalg.norm(direction)
        axis = np.array([-y, x, 0.0])
        length = np.linalg.norm(axis)
        turns.append(rotation(axis / length * np.arctan2(length, z)) if length > 0 else np.eye(3))
    return np.array(turns)


def smooth(joints, fps, cutoff=6.0):
    """Joints `[T, J, 3]` without what is faster than `cutoff` Hz, which a Gaussian halves; NaN stays NaN."""
    seen = np.isfinite(joints[..., :1])
    deviation = fps * np.sqrt(np.log(2) / 2) / (np.pi * cutoff)
    frames = np.arange(len(joints))
    kernel = np.exp(-0.5 * ((frames[:, None] - frames) / deviation) ** 2)
    total = np.einsum("ts,sja->tja", kernel, np.where(seen, joints, 0.0))
    weight = np.einsum("ts,sja->tja", kernel, seen.astype(float))
    return np.where(seen, total / np.maximum(weight, 1e-9), np.nan)
