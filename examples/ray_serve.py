#!/usr/bin/env python3
"""Poses behind Ray Serve, for clusters that run it already: people of different requests are lifted together.

    pip install "ray[serve]" poselift
    python examples/ray_serve.py --workers 4 --port 8000
    curl -d '{"size": [1920, 1080], "keypoints": [[[960.0, 200.0, 0.9], …]]}' 127.0.0.1:8000/

A request holds the key points [N, 17, 3] of one image, x and y in pixels, with a score; its answer the poses [N, 17, 3] in metres, and
sigma [N, 17]. A worker is a process with a lifter of its own, on one core.
"""

import argparse
import os

import numpy as np
import poselift
from ray import serve
from starlette.responses import JSONResponse

JOINTS = 17


@serve.deployment(ray_actor_options={"num_cpus": 1}, max_ongoing_requests=256)
class Poses:
    def __init__(self, model=None):
        self.lifter = poselift.Lifter(model, threads=1) if model else poselift.Lifter(threads=1)

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.002)
    async def lift(self, images):
        """The poses of each image; those of one size are lifted together."""
        answers = [None] * len(images)
        for size in {image["size"] for image in images}:
            own = [number for number, image in enumerate(images) if image["size"] == size]
            people = [images[number]["keypoints"] for number in own]
            poses = self.lifter.lift(np.concatenate(people), size=size)
            ends = np.cumsum([len(keypoints) for keypoints in people])[:-1]
            for number, joints, sigma in zip(own, np.split(poses.joints, ends), np.split(poses.sigma, ends)):
                answers[number] = {"joints": joints.tolist(), "sigma": sigma.tolist()}
        return answers

    async def __call__(self, request):
        try:
            image = read(await request.json())
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"expected size and keypoints [N, {JOINTS}, 3]: {error}"}, status_code=400)
        return JSONResponse(await self.lift(image))


def read(body):
    """An image's size and key points."""
    width, height = map(int, body["size"])
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise ValueError(f"an image of {width} x {height}")
    keypoints = np.array(body["keypoints"], np.float32)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (JOINTS, 3) or not np.isfinite(keypoints).all():
        raise ValueError(f"found {keypoints.shape}")
    return {"size": (width, height), "keypoints": keypoints}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", help="a model file, which all machines see, or the name of a built-in one [coco17]")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    if options.model and os.path.exists(options.model):
        options.model = os.path.abspath(options.model)
    serve.start(http_options={"host": options.host, "port": options.port})
    serve.run(Poses.options(num_replicas=options.workers).bind(options.model), blocking=True)


if __name__ == "__main__":
    main()
