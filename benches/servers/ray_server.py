"""A model behind Ray Serve and onnxruntime.

    python ray_server.py MODEL.onnx PORT

Bodies as in fastapi_server.py: orjson and raw float32, no pydantic.
"""

import sys

import numpy as np
import onnxruntime
import orjson
import ray
from ray import serve
from starlette.responses import Response


@serve.deployment(ray_actor_options={"num_cpus": 1}, max_ongoing_requests=64)
class Poses:
    def __init__(self, model):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    async def __call__(self, request):
        body = await request.body()
        if request.url.path == "/json":
            pose, sigma = self.lift(np.array(orjson.loads(body)["keypoints"], np.float32))
            answer = orjson.dumps({"pose": pose, "sigma": sigma}, option=orjson.OPT_SERIALIZE_NUMPY)
            return Response(answer, media_type="application/json")
        pose, sigma = self.lift(np.frombuffer(body, np.float32).reshape(-1, 17, 3))
        return Response(pose.tobytes() + sigma.tobytes(), media_type="application/octet-stream")

    def lift(self, keypoints):
        return self.session.run(["pose", "sigma"], {"keypoints": keypoints})


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[2]), "access_log": False})
    serve.run(Poses.bind(sys.argv[1]), blocking=True)
