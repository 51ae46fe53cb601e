"""Checks an exported lifter with nothing of ours: ONNX's own checker, and ONNX Runtime in Python.

Usage: check_onnx.py MODEL KEYPOINTS.npy POSES.npy [TOLERANCE]

POSES are what another program made of KEYPOINTS; rows of NaN (nothing was lifted) are skipped. Prints
one line of JSON with the largest difference; exit 0 if all is well, 1 if not, 77 if a package is missing.
"""

import json
import sys
from collections import Counter

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as error:
    print(f"not checked: {error}", file=sys.stderr)
    sys.exit(77)

ALLOWED = {
    "Add", "Cast", "Div", "Equal", "Flatten", "Gemm", "Less", "MatMul", "Max", "Mul", "Pow", "Relu", "Reshape",
    "Sqrt", "Sub", "Where",
}  # fmt: skip
# Only of lifters that say how sure they are.
ALLOWED_WITH_SIGMA = {"Exp", "Split"}
# Only of lifters whose hidden layers are in integers.
ALLOWED_IN_INT8 = {"Abs", "MatMulInteger", "QuantizeLinear", "ReduceMax"}

# Numbers, and integers that are a shape or lengths.
FLOAT, SHAPE = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
CONSTANTS = {
    "f32": {FLOAT, SHAPE},
    "f16": {FLOAT, SHAPE, onnx.TensorProto.FLOAT16},
    "int8": {FLOAT, SHAPE, onnx.TensorProto.INT8, onnx.TensorProto.UINT8},
}


def precision(card):
    return card["network"].get("precision", "f32")


def dims(value):
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def check_file(model):
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    assert model.ir_version == 8, model.ir_version
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)], model.opset_import


def check_operators(model, card):
    operators = Counter(node.op_type for node in model.graph.node)
    allowed = ALLOWED | (ALLOWED_WITH_SIGMA if card["output"]["sigma"] else set())
    allowed |= ALLOWED_IN_INT8 if precision(card) == "int8" else set()
    assert set(operators) <= allowed, f"operators {sorted(set(operators) - allowed)} are not expected"
    return operators


def check_card(model):
    card = json.loads({entry.key: entry.value for entry in model.metadata_props}["poselift.card"])
    (keypoints,), (pose, *others) = model.graph.input, model.graph.output
    expected = ["batch", len(card["input"]["joints"]), card["input"]["channels"]]
    assert (keypoints.name, dims(keypoints)) == ("keypoints", expected), (keypoints.name, dims(keypoints))
    expected = ["batch", len(card["output"]["joints"]), 3]
    assert (pose.name, dims(pose)) == ("pose", expected), (pose.name, dims(pose))
    found = [(other.name, dims(other)) for other in others]
    assert found == ([("sigma", expected[:2])] if card["output"]["sigma"] else []), found

    layers = [node for node in model.graph.node if len(node.input) > 1 and node.input[1].endswith(".weight")]
    names = {name for node in layers for name in (node.input[1], node.input[1].replace(".weight", ".bias"))}
    sizes = [int(np.prod(constant.dims)) for constant in model.graph.initializer if constant.name in names]
    assert sum(sizes) == card["network"]["parameters"], (sum(sizes), card["network"]["parameters"])

    types = {constant.data_type for constant in model.graph.initializer}
    assert types <= CONSTANTS[precision(card)], types

    import hashlib

    weights = b"".join(constant.raw_data for constant in model.graph.initializer)
    assert hashlib.sha256(weights).hexdigest() == card["weights_sha256"], "weights_sha256"
    return card


def worst_difference(path, keypoints, poses):
    """The largest joint distance, in root-mean-square sizes of the pose (at least a tenth of the median one)."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found, *others = session.run(None, {"keypoints": keypoints})
    assert found.shape == poses.shape, (found.shape, poses.shape)
    assert np.isfinite(found).all(), "a pose that is no number"
    for sigma in others:
        assert sigma.shape == poses.shape[:2] and (sigma >= 0).all(), "a sigma that is no distance"
    lifted = np.isfinite(poses).all((1, 2))
    assert lifted.any(), "no pose was lifted"
    found, poses = found[lifted].astype(np.float64), poses[lifted].astype(np.float64)
    size = np.sqrt(((poses - poses.mean(1, keepdims=True)) ** 2).sum(2).mean(1))
    distance = np.linalg.norm(found - poses, axis=2).max(1)
    return float((distance / np.maximum(size, 0.1 * np.median(size))).max())


def main(path, keypoints, poses, tolerance="1e-4"):
    model = onnx.load(path)
    check_file(model)
    card = check_card(model)
    operators = check_operators(model, card)
    worst = worst_difference(path, np.load(keypoints), np.load(poses))
    print(json.dumps({"name": card["name"], "operators": operators, "worst": worst}))
    return 0 if worst <= float(tolerance) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
