"""Checks folders for a model hub with the hub's own readers: huggingface_hub, safetensors, and onnx for the numbers.

Usage: check_hub.py FOLDER…

Exit 0 if all is well, 1 if not, 77 if a package is missing.
"""

import json
import os
import re
import sys

try:
    import numpy as np
    import onnx
    from huggingface_hub import ModelCard
    from safetensors import safe_open
except ImportError as error:
    print(f"not checked: {error}", file=sys.stderr)
    sys.exit(77)


def check_card(folder, card):
    found = ModelCard.load("README.md")
    data = found.data
    assert (data.library_name, data.pipeline_tag) == ("poselift", "keypoint-detection"), data
    assert data.license == "mit" and {"onnx", "poselift"} <= set(data.tags), data
    results = data.eval_results or []
    assert {result.metric_type: result.metric_value for result in results} == {
        name: metric["value"] for name, metric in card["metrics"].items()
    }, results
    assert sorted(data.metrics or []) == sorted(card["metrics"]), data.metrics
    assert all(result.dataset_name == card["metrics"][result.metric_type]["on"] for result in results)
    # What the card shows in Python runs as it stands.
    (code,) = re.findall(r"```python\n(.*?)```", found.text, re.DOTALL)
    names = {}
    exec(compile(code, f"{folder}/README.md", "exec"), names)
    assert names["pose"].shape == (1, len(card["output"]["joints"]), 3) and np.isfinite(names["pose"]).all()
    if "memory" in card:
        assert names["memory"].shape == (1, card["memory"]["units"]) and names["memory"].any(), names["memory"]


def check_tensors(model):
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    with safe_open("model.safetensors", "np") as file:
        metadata = file.metadata()
        names = set(file.keys())
        for name in names:
            found = file.get_tensor(name)
            assert found.dtype == constants[name].dtype and np.array_equal(found, constants[name]), name
    starts = ("input.", "block", "output.", "feature_mean", "memory.")
    # Lengths that a graph is cut into are whole numbers.
    layers = {name for name, found in constants.items() if name.startswith(starts) and found.dtype != np.int64}
    assert names == layers and names, names ^ layers
    return metadata


def main(folders):
    for folder in folders:
        os.chdir(folder)
        model = onnx.load("model.onnx")
        onnx.checker.check_model(model, full_check=True)
        text = {entry.key: entry.value for entry in model.metadata_props}["poselift.card"]
        card = json.loads(text)
        with open("config.json", encoding="utf-8") as file:
            configuration = json.load(file)
        assert configuration["card"] == card and configuration["model_type"] == "poselift", configuration
        assert json.loads(check_tensors(model)["poselift.card"]) == card
        check_card(folder, card)
        assert sorted(os.listdir(".")) == ["README.md", "config.json", "model.onnx", "model.safetensors"]
        print(f"{folder}: {card['name']}, {len(card['metrics'])} figures")
    return 0 if folders else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
