"""KServe's SDK and `poselift serve`: its clients, and the example of an InferenceService.

    kserve_clients.py NAME HOST:PORT REFERENCE.json [EXAMPLE.yaml]       as clients.py
"""

import asyncio
import json
import re
import sys

import kserve.models
import kubernetes.client.models
import numpy as np
import yaml
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "coco17"


def clients(address, content):
    """REST, in JSON and with binary tensors, and gRPC: each gives what the library gives, to the last bit."""
    arrays = {name: np.array(content[name], np.float32) for name in ("keypoints", "pose", "sigma")}
    # The SDK has no floating parameters over gRPC: whole pixels.
    camera = {"width": content["size"][0], "height": content["size"][1], "focal": int(content["focal"])}

    def request(binary):
        keypoints = InferInput("keypoints", list(arrays["keypoints"].shape), "FP32")
        keypoints.set_data_from_numpy(arrays["keypoints"], binary_data=binary)
        parameters = {"binary_data_output": True} if binary else {}
        return InferRequest(MODEL, [keypoints], parameters={**parameters, **camera})

    def check(response):
        found = {output.name: output.as_numpy() for output in response.outputs}
        for name in ("pose", "sigma"):
            np.testing.assert_array_equal(found[name].reshape(arrays[name].shape), arrays[name])

    async def ask():
        web, url = InferenceRESTClient(RESTConfig(protocol="v2")), f"http://{address}"
        assert await web.is_server_live(url) and await web.is_server_ready(url) and await web.is_model_ready(url, MODEL)
        for binary in (False, True):
            check(await web.infer(url, request(binary), model_name=MODEL))
        await web.close()
        rpc = InferenceGRPCClient(address)
        assert await rpc.is_server_live() and await rpc.is_server_ready() and await rpc.is_model_ready(MODEL)
        check(await rpc.infer(request(True)))
        await rpc.close()

    asyncio.run(ask())


def inference_service(_, __, path):
    """The example is an InferenceService: each field of it is one that the SDK's models, or Kubernetes' own, know."""
    with open(path, encoding="utf-8") as file:
        example = yaml.safe_load(file)
    fields = check(example, "V1beta1InferenceService", "")
    assert example["kind"] == "InferenceService" and fields > 15, fields
    predictor = example["spec"]["predictor"]
    assert predictor["containers"][0]["args"][0] == "serve" and predictor["terminationGracePeriodSeconds"] > 30


def check(value, kind, place):
    """Checks that `value` may stand where the models say `kind`; gives the number of its fields."""
    if element := re.fullmatch(r"[lL]ist\[(.*)\]", kind):
        return sum(check(one, element[1], place) for one in value)
    if kind.lower().startswith("dict") or kind == "object":
        assert isinstance(value, dict | str | int), place
        return 1
    if kind in ("str", "int", "bool"):
        assert type(value).__name__ == kind, (place, value, kind)
        return 1
    model = getattr(kserve.models, kind, None) or getattr(kubernetes.client.models, kind)
    names = {name: attribute for attribute, name in model.attribute_map.items()}
    fields = 0
    for name, inner in value.items():
        assert name in names, f"{place}: {kind} has no field {name}"
        fields += check(inner, model.openapi_types[names[name]], f"{place}.{name}")
    return fields


def main():
    name, address, reference, *rest = sys.argv[1:]
    with open(reference, encoding="utf-8") as file:
        globals()[name](address, json.load(file), *rest)


if __name__ == "__main__":
    main()
