"""Checks files with fixed scales: ONNX's checker, ONNX Runtime with and without its fusions, OpenVINO where it is installed.

Usage: check_qdq.py FLOAT.onnx KEYPOINTS.npy QDQ.onnx…

POSELIFT_OPENVINO names a folder of packages with `openvino`. Prints one line of JSON; exit 0 if all is well, 1 if not, 77 if a package is
missing.
"""

import json
import os
import sys

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as error:
    print(f"not checked: {error}", file=sys.stderr)
    sys.exit(77)


def runtime(path, fused=True):
    options = onnxruntime.SessionOptions()
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if fused else level.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda keypoints: session.run(["pose"], {"keypoints": keypoints})[0]


def openvino_runtime():
    """The module, or none with a line that says so."""
    folder = os.environ.get("POSELIFT_OPENVINO")
    if not folder:
        print("skipped: OpenVINO is not run: POSELIFT_OPENVINO names no folder of packages with it", file=sys.stderr)
        return None
    sys.path.append(folder)
    import openvino

    return openvino


def in_openvino(openvino, path):
    settings = {"INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY"}
    model = openvino.Core().compile_model(path, "CPU", settings)
    return lambda keypoints: model({"keypoints": keypoints})["pose"]


def difference(found, expected):
    """The mean distance of joints, in sizes of the pose."""
    size = np.sqrt(((expected - expected.mean(1, keepdims=True)) ** 2).sum(2).mean(1))
    return float((np.linalg.norm(found - expected, axis=2).mean(1) / size).mean())


def check_graph(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    makers = {name: node for node in model.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    card = json.loads({entry.key: entry.value for entry in model.metadata_props}["poselift.card"])
    full = card["network"]["quantisation"] == "qdq-full"
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            kind = onnx.TensorProto.UINT8 if full else onnx.TensorProto.INT8
            assert constants[node.input[2]].data_type == kind, node.name
            # TensorRT takes symmetric codes alone.
            assert full or constants[node.input[2]].raw_data == b"\0", node.name
    products = [node for node in model.graph.node if node.name.startswith("block") and node.op_type in ("Gemm", "MatMul")]
    assert products, "no hidden layer"
    for node in products:
        activation, weight = makers[node.input[0]], makers[node.input[1]]
        assert activation.op_type == weight.op_type == "DequantizeLinear", node.name
        assert constants[weight.input[0]].data_type == onnx.TensorProto.INT8, node.name
        outputs = constants[weight.input[0]].dims[1]
        assert list(constants[weight.input[1]].dims) == [outputs], "a scale for each output"
    return card["network"]["quantisation"], len(products)


def main(exact, keypoints, *files):
    keypoints = np.load(keypoints)
    expected = runtime(exact)(keypoints)
    openvino = openvino_runtime()
    failed = not files
    for path in files:
        quantisation, products = check_graph(path)
        plain = runtime(path, fused=False)(keypoints)
        found = {"against f32": difference(plain, expected), "fused": difference(runtime(path)(keypoints), plain)}
        limits = {"against f32": 0.1, "fused": 0.02, "OpenVINO": 0.02}
        if openvino:
            found["OpenVINO"] = difference(in_openvino(openvino, path)(keypoints), plain)
        failed |= any(not found[name] <= limits[name] for name in found) or found["against f32"] == 0
        print(json.dumps({"file": path, "quantisation": quantisation, "products": products, **found}))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
