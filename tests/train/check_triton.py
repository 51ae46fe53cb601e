"""Reads a model repository as NVIDIA Triton does: each config.pbtxt by the protobuf message of tritonclient, beside its model.

Usage: check_triton.py REPOSITORY NAME…

Exit 0 if all is well, 1 if not, 77 if a package is missing.
"""

import os
import sys

try:
    import numpy as np
    import onnxruntime
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2
except ImportError as error:
    print(f"not checked: {error}", file=sys.stderr)
    sys.exit(77)


def check(folder, name):
    with open(os.path.join(folder, "config.pbtxt"), encoding="utf-8") as file:
        config = text_format.Parse(file.read(), model_config_pb2.ModelConfig())
    assert (config.name, config.backend) == (name, "onnxruntime"), config
    assert sorted(os.listdir(folder)) == ["1", "config.pbtxt"] and os.listdir(os.path.join(folder, "1")) == ["model.onnx"]
    assert config.HasField("dynamic_batching") and config.dynamic_batching.max_queue_delay_microseconds > 0
    assert [group.count for group in config.instance_group] == [1]

    session = onnxruntime.InferenceSession(os.path.join(folder, "1", "model.onnx"), providers=["CPUExecutionProvider"])
    for edge, tensors in ((session.get_inputs(), config.input), (session.get_outputs(), config.output)):
        # Triton puts the batch before the dimensions of the configuration.
        assert [(tensor.name, list(tensor.dims)) for tensor in tensors] == [(value.name, value.shape[1:]) for value in edge]
        assert all(tensor.data_type == model_config_pb2.TYPE_FP32 for tensor in tensors)
    assert {warm.batch_size for warm in config.model_warmup} == {1, config.max_batch_size}
    for warm in config.model_warmup:
        (tensor,) = config.input
        value = warm.inputs[tensor.name]
        assert (list(value.dims), value.data_type) == (list(tensor.dims), tensor.data_type), warm
        keypoints = np.random.rand(warm.batch_size, *value.dims).astype(np.float32)
        assert session.run(None, {tensor.name: keypoints})[0].shape[0] == warm.batch_size
    print(f"{folder}: batches of up to {config.max_batch_size}")


def main(repository, *names):
    assert sorted(os.listdir(repository)) == sorted(names), os.listdir(repository)
    for name in names:
        check(os.path.join(repository, name), name)
    return 0 if names else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
