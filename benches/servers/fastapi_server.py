"""A model behind FastAPI, onnxruntime and uvicorn, in the ways in which one writes that.

    python fastapi_server.py MODEL.onnx PORT WORKERS

`/typed` is the way of FastAPI's own documentation: pydantic checks what comes and writes what goes. `/json` passes both by: orjson reads
the body and writes NumPy's arrays. `/binary` is raw float32. A product has one thread, since workers and client share the cores.
"""

import os
import sys

import numpy as np
import onnxruntime
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

MODEL = "BENCH_MODEL"


class People(BaseModel):
    keypoints: list[list[tuple[float, float, float]]]


class Poses(BaseModel):
    pose: list[list[tuple[float, float, float]]]
    sigma: list[list[float]]


def application():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.environ[MODEL], options, providers=["CPUExecutionProvider"])
    app = FastAPI()

    def lift(keypoints):
        return session.run(["pose", "sigma"], {"keypoints": keypoints})

    @app.post("/typed")
    def infer_typed(people: People) -> Poses:
        pose, sigma = lift(np.array(people.keypoints, np.float32))
        return Poses(pose=pose.tolist(), sigma=sigma.tolist())

    @app.post("/json")
    async def infer_json(request: Request):
        keypoints = np.array(orjson.loads(await request.body())["keypoints"], np.float32)
        pose, sigma = lift(keypoints)
        answer = orjson.dumps({"pose": pose, "sigma": sigma}, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(answer, media_type="application/json")

    @app.post("/binary")
    async def infer_binary(request: Request):
        pose, sigma = lift(np.frombuffer(await request.body(), np.float32).reshape(-1, 17, 3))
        return Response(pose.tobytes() + sigma.tobytes(), media_type="application/octet-stream")

    return app


if __name__ == "__main__":
    os.environ[MODEL] = sys.argv[1]
    port, workers = map(int, sys.argv[2:])
    quiet = {"log_level": "error", "access_log": False}
    uvicorn.run("fastapi_server:application", factory=True, host="127.0.0.1", port=port, workers=workers, **quiet)
