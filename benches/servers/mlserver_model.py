"""A model behind MLServer and onnxruntime, which speaks the same protocol as `poselift serve`; benches/serve.py writes its settings."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Poses(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.settings.parameters.uri, options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        keypoints = NumpyCodec.decode_input(payload.inputs[0])
        pose, sigma = self.session.run(["pose", "sigma"], {"keypoints": keypoints})
        outputs = [NumpyCodec.encode_output("pose", pose), NumpyCodec.encode_output("sigma", sigma)]
        return InferenceResponse(model_name=self.name, outputs=outputs)
