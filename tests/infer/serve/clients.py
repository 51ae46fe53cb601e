"""Other people's clients of `poselift serve`, which check what they are answered.

    clients.py NAME HOST:PORT REFERENCE.json       NAME is a function below

REFERENCE.json holds `keypoints` [N, 17, 3], `pose` [N, 17, 3] and `sigma` [N, 17] of the same model, lifted by the library for
an image of `size` and a lens of `focal` pixels.
"""

import asyncio
import json
import queue
import sys
import time

import numpy as np
import tritonclient.grpc as tgrpc
import tritonclient.grpc.aio as tgrpc_aio
import tritonclient.http as thttp
import tritonclient.http.aio as thttp_aio
from tritonclient.utils import InferenceServerException

MODEL = "coco17"


class Reference:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        self.keypoints = np.array(content["keypoints"], np.float32)
        self.pose = np.array(content["pose"], np.float32)
        self.sigma = np.array(content["sigma"], np.float32)
        self.camera = {"width": content["size"][0], "height": content["size"][1], "focal": content["focal"]}

    def check(self, result, rows=slice(None)):
        """Both outputs are those of the library, to the last bit: none is a matter of the batch that it was in."""
        np.testing.assert_array_equal(result.as_numpy("pose"), self.pose[rows])
        np.testing.assert_array_equal(result.as_numpy("sigma"), self.sigma[rows])


def inputs(client, keypoints, **options):
    tensor = client.InferInput("keypoints", keypoints.shape, "FP32")
    tensor.set_data_from_numpy(keypoints, **options)
    return [tensor]


def refused(call, *words):
    """What `call` is refused with, which must hold all of `words`."""
    try:
        call()
    except InferenceServerException as error:
        text = f"{error.status()} {error.message()}"
        assert all(word in text for word in words), text
        return text
    raise AssertionError(f"not refused: {words}")


def check_metadata(metadata):
    assert metadata["name"] == MODEL and list(metadata["versions"]) == ["1"], metadata
    shapes = {tensor["name"]: [int(size) for size in tensor["shape"]] for tensor in metadata["inputs"] + metadata["outputs"]}
    assert shapes == {"keypoints": [-1, 17, 3], "pose": [-1, 17, 3], "sigma": [-1, 17]}, shapes
    assert all(tensor["datatype"] == "FP32" for tensor in metadata["inputs"] + metadata["outputs"])
    return metadata["properties"]["sha256"]


def http(address, reference):
    client = thttp.InferenceServerClient(address, concurrency=8)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL, "1")
    assert client.get_server_metadata()["name"] == "poselift"
    print(check_metadata(client.get_model_metadata(MODEL)))
    assert client.get_model_repository_index()[0]["name"] == MODEL
    wanted = [thttp.InferRequestedOutput("sigma", binary_data=False), thttp.InferRequestedOutput("pose", binary_data=True)]
    for binary in (True, False):
        for outputs in (None, wanted):
            for packed in (None, "gzip", "deflate"):
                result = client.infer(
                    MODEL,
                    inputs(thttp, reference.keypoints, binary_data=binary),
                    outputs=outputs,
                    request_id="seven",
                    parameters=reference.camera,
                    request_compression_algorithm=packed,
                    response_compression_algorithm=packed and "gzip",
                )
                reference.check(result)
                assert result.get_response()["id"] == "seven"
    only = client.infer(MODEL, inputs(thttp, reference.keypoints), outputs=[thttp.InferRequestedOutput("pose")])
    assert [output["name"] for output in only.get_response()["outputs"]] == ["pose"]
    # Many at the same time, each its own rows.
    asked = [
        client.async_infer(MODEL, inputs(thttp, reference.keypoints[row : row + 1]), parameters=reference.camera)
        for row in range(len(reference.keypoints))
    ]
    for row, answer in enumerate(asked):
        reference.check(answer.get_result(), slice(row, row + 1))
    empty = client.infer(MODEL, inputs(thttp, np.zeros((0, 17, 3), np.float32)))
    assert empty.as_numpy("pose").shape == (0, 17, 3)
    # No person can be lifted from three points: NaN, which JSON has as null.
    few = reference.keypoints[:1].copy()
    few[0, 3:, 2] = 0
    outputs = [thttp.InferRequestedOutput("pose", binary_data=False)]
    assert np.isnan(client.infer(MODEL, inputs(thttp, few), outputs=outputs).as_numpy("pose")).all()
    good = inputs(thttp, reference.keypoints)
    refused(lambda: client.infer("other", good), "404", "no model 'other', there are coco17 version 1")
    refused(lambda: client.infer(MODEL, good, model_version="2"), "404", "version 2")
    refused(lambda: client.infer(MODEL, inputs(thttp, reference.keypoints[:, :16])), "400", "expected [-1, 17, 3]")
    refused(lambda: client.infer(MODEL, good, outputs=[thttp.InferRequestedOutput("x")]), "400", "no output 'x'")
    refused(lambda: client.infer(MODEL, good, parameters={"width": 5}), "400", "width and height")
    double = thttp.InferInput("keypoints", [1, 17, 3], "FP64")
    double.set_data_from_numpy(np.ones((1, 17, 3)))
    refused(lambda: client.infer(MODEL, [double]), "400", "FP64, expected FP32")
    check_statistics(lambda **of: client.get_inference_statistics(**of)["model_stats"])
    refused(lambda: client.get_inference_statistics("other"), "404", "no model 'other'")
    asyncio.run(http_async(address, reference))


def check_statistics(ask):
    """What `ask` gives of the model, by its name and by all."""
    (own,) = ask(model_name=MODEL, model_version="1")
    for other in (ask(model_name=MODEL), ask()):
        assert [one["name"] for one in other] == [MODEL], other
    # gRPC's JSON has large numbers as texts.
    stats = {name: (int(spent.get("count", 0)), int(spent.get("ns", 0))) for name, spent in own["inference_stats"].items()}
    requests, whole = stats["success"]
    assert requests > 30 and stats["queue"][0] == stats["compute_infer"][0] == requests, own
    assert whole >= stats["queue"][1] + stats["compute_infer"][1] > 0, own
    failures, spent = stats["fail"]
    assert failures >= 4 and 0 < spent < whole, own
    rows, batches = int(own["inference_count"]), int(own["execution_count"])
    assert rows > requests >= batches > 0, own
    assert abs(int(own["last_inference"]) / 1000 - time.time()) < 60, own


async def http_async(address, reference):
    async with thttp_aio.InferenceServerClient(address) as client:
        calls = [client.infer(MODEL, inputs(thttp, reference.keypoints), parameters=reference.camera) for _ in range(20)]
        for result in await asyncio.gather(*calls):
            reference.check(result)


def grpc(address, reference):
    client = tgrpc.InferenceServerClient(address)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL)
    assert not client.is_model_ready("other")
    assert client.get_server_metadata().name == "poselift"
    metadata = client.get_model_metadata(MODEL, as_json=True)
    # tritonclient's own messages do not have the properties.
    assert [tensor["name"] for tensor in metadata["outputs"]] == ["pose", "sigma"], metadata
    assert client.get_model_repository_index().models[0].state == "READY"
    good = inputs(tgrpc, reference.keypoints)
    # Triton's client has no floating parameters: whole pixels.
    camera = {name: int(value) for name, value in reference.camera.items()}
    for packed in (None, "gzip"):
        result = client.infer(MODEL, good, request_id="seven", parameters=camera, compression_algorithm=packed)
        reference.check(result)
        assert result.get_response().id == "seven"
    only = client.infer(MODEL, good, outputs=[tgrpc.InferRequestedOutput("pose")], parameters=camera)
    assert only.as_numpy("sigma") is None
    answers = queue.Queue()
    for _ in range(50):
        client.async_infer(MODEL, good, lambda result, error: answers.put((result, error)), parameters=camera)
    for _ in range(50):
        result, error = answers.get(timeout=60)
        assert error is None, error
        reference.check(result)
    # One call, many requests, answers in their order; a bad one spoils no other.
    client.start_stream(lambda result, error: answers.put((result, error)))
    for row in range(len(reference.keypoints)):
        one = inputs(tgrpc, reference.keypoints[row : row + 1])
        client.async_stream_infer(MODEL, one, request_id=str(row), parameters=camera)
    client.async_stream_infer("other", good)
    for row in range(len(reference.keypoints)):
        result, error = answers.get(timeout=60)
        assert error is None and result.get_response().id == str(row), error
        reference.check(result, slice(row, row + 1))
    result, error = answers.get(timeout=60)
    assert "no model 'other'" in str(error), error
    client.stop_stream()
    refused(lambda: client.infer("other", good), "NOT_FOUND", "no model 'other'")
    refused(lambda: client.infer(MODEL, inputs(tgrpc, reference.keypoints[:, :16])), "INVALID_ARGUMENT", "expected [-1, 17, 3]")
    check_statistics(lambda **of: client.get_inference_statistics(**of, as_json=True)["model_stats"])
    refused(lambda: client.get_inference_statistics("other"), "NOT_FOUND", "no model 'other'")
    asyncio.run(grpc_async(address, reference, camera))
    health_and_reflection(address)
    numbers(address)


async def grpc_async(address, reference, camera):
    async with tgrpc_aio.InferenceServerClient(address) as client:
        calls = [client.infer(MODEL, inputs(tgrpc, reference.keypoints), parameters=camera) for _ in range(20)]
        for result in await asyncio.gather(*calls):
            reference.check(result)


def descriptors(address):
    """The protocols that the server tells of itself."""
    import grpc as rpc
    from google.protobuf.descriptor_pool import DescriptorPool
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    channel = rpc.insecure_channel(address)
    database = ProtoReflectionDescriptorDatabase(channel)
    return channel, database, DescriptorPool(database)


def health_and_reflection(address):
    import grpc as rpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    channel, database, _ = descriptors(address)
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", "inference.GRPCInferenceService", "poselift.Streams"):
        status = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status
        assert status == health_pb2.HealthCheckResponse.SERVING, service
    names = set(database.get_services())
    assert {"inference.GRPCInferenceService", "poselift.Streams", "grpc.health.v1.Health"} <= names, names
    try:
        channel.unary_unary("/inference.GRPCInferenceService/NoSuchCall")(b"", timeout=10)
    except rpc.RpcError as error:
        assert error.code() == rpc.StatusCode.UNIMPLEMENTED, error
    else:
        raise AssertionError("a call that is none was answered")


def numbers(address):
    """Names, numbers and types of all messages are those of Triton's own clients."""
    from tritonclient.grpc import service_pb2

    _, _, pool = descriptors(address)
    compared = 0

    def compare(ours, theirs):
        nonlocal compared
        known = {field.name: field for field in theirs.fields}
        for field in ours.fields:
            if (ours.full_name, field.name) == ("inference.ModelMetadataResponse", "properties"):
                continue  # The protocol's, which Triton lacks.
            other = known.pop(field.name)
            assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated), field.full_name
            compared += 1
            if field.message_type is not None:
                compare(field.message_type, other.message_type)
        assert not known, (ours.full_name, known)

    service = pool.FindServiceByName("inference.GRPCInferenceService")
    theirs = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    for method in service.methods:
        other = theirs.methods_by_name[method.name]
        compare(method.input_type, other.input_type)
        compare(method.output_type, other.output_type)
    assert compared > 90, compared


def overload(address, reference):
    """The queue holds 8 poses, and a batch waits a minute for more: what comes then is refused, and what waits is late."""
    client = thttp.InferenceServerClient(address, concurrency=4, network_timeout=30)
    eight = inputs(thttp, reference.keypoints[:8])
    # Whose time is over, and whose place in the queue it keeps until a batch is run.
    refused(lambda: client.infer(MODEL, eight, timeout=300_000), "504", "not answered within 300 ms")
    refused(lambda: client.infer(MODEL, eight), "429", "try again later")
    rpc = tgrpc.InferenceServerClient(address)
    eight = inputs(tgrpc, reference.keypoints[:8])
    refused(lambda: rpc.infer(MODEL, eight), "RESOURCE_EXHAUSTED", "try again later")


def tls(address, reference, certificate, token):
    """Encrypted, with a token."""
    import ssl

    import grpc as rpc

    def context():
        return ssl.create_default_context(cafile=certificate)

    client = thttp.InferenceServerClient(address, ssl=True, ssl_context_factory=context)
    assert client.is_server_live(), "health needs no token"
    refused(lambda: client.get_model_metadata(MODEL), "401", "no known bearer token")
    refused(lambda: client.get_model_metadata(MODEL, headers={"Authorization": "Bearer wrong"}), "401")
    headers = {"Authorization": f"Bearer {token}"}
    result = client.infer(MODEL, inputs(thttp, reference.keypoints), headers=headers, parameters=reference.camera)
    reference.check(result)
    with open(certificate, "rb") as file:
        credentials = rpc.ssl_channel_credentials(file.read())
    client = tgrpc.InferenceServerClient(address, ssl=True, creds=credentials)
    refused(lambda: client.get_model_metadata(MODEL), "UNAUTHENTICATED")
    client.get_model_metadata(MODEL, headers={"authorization": f"Bearer {token}"})


def stream(address, kind, options, path):
    """The answers to the lines of the file at `path` on stdout, one at a time: each must come before the next line is sent."""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    if kind == "websocket":
        from websockets.sync.client import connect

        with connect(f"ws://{address}/v2/models/{MODEL}/stream?{options}", open_timeout=30) as socket:
            socket.send(lines[0])
            print(socket.recv(timeout=30))
            for line in lines[1:]:
                print(socket.recv(timeout=30))
                socket.send(line)
            print(socket.recv(timeout=30))
        return
    from google.protobuf.message_factory import GetMessageClass

    channel, _, pool = descriptors(address)
    Line = GetMessageClass(pool.FindMessageTypeByName("poselift.Line"))
    lift = channel.stream_stream("/poselift.Streams/Lift", Line.SerializeToString, Line.FromString)
    turns = queue.Queue()
    turns.put(None)

    def requests():
        for line in lines:
            turns.get(timeout=30)
            yield Line(json=line.encode())

    metadata = [("model", MODEL), *(tuple(option.split("=")) for option in options.split("&") if option)]
    for number, answer in enumerate(lift(requests(), metadata=metadata, timeout=60)):
        print(answer.json.decode())
        if number > 0:
            turns.put(None)


class Collector:
    """A collector of traces that keeps the spans that it is sent."""

    def __init__(self):
        import grpc as rpc
        from concurrent.futures import ThreadPoolExecutor
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

        class Service(trace_service_pb2_grpc.TraceServiceServicer):
            def Export(_, request, context):  # noqa: N802, N805  (the name that gRPC asks for)
                for resource in request.resource_spans:
                    about = {one.key: one.value.string_value for one in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        for span in scope.spans:
                            self.spans.put((about, span))
                return trace_service_pb2.ExportTraceServiceResponse()

        self.spans = queue.Queue()
        self.server = rpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def next(self):
        """The next span, its attributes and what is said of its service."""
        about, span = self.spans.get(timeout=30)
        values = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
        return span, values, about


def traces(_, reference):
    """Prints where it takes traces, and reads the address of a server that sends them there."""
    collector = Collector()
    print(f"http://127.0.0.1:{collector.port}", flush=True)
    address = input()
    web, rpc = thttp.InferenceServerClient(address), tgrpc.InferenceServerClient(address)
    rows = len(reference.keypoints)

    def ask(client, module, flags):
        headers = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-{flags}"}
        return client.infer(MODEL, inputs(module, reference.keypoints), headers=headers)

    for client, module in ((web, thttp), (rpc, tgrpc)):
        # A client that does not want its trace kept comes first: its span would be, too.
        ask(client, module, "00")
        before = time.time_ns()
        ask(client, module, "01")
        after = time.time_ns()
        span, values, about = collector.next()
        assert (span.trace_id, span.parent_span_id) == (b"\xab" * 16, b"\xcd" * 8), span
        assert span.name == "infer" and span.kind == span.SPAN_KIND_SERVER and span.status.code == span.status.STATUS_CODE_OK, span
        assert before <= span.start_time_unix_nano < span.end_time_unix_nano <= after, span
        assert values.keys() == {"model.name", "model.version", "rows", "batch.rows", "queue.ms", "compute.ms"}, values
        assert (values["model.name"], values["model.version"], values["rows"], values["batch.rows"]) == (MODEL, "1", rows, rows), values
        lasted = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
        assert 0 <= values["queue.ms"] and 0 < values["compute.ms"] and values["queue.ms"] + values["compute.ms"] < lasted, values
        assert about["service.name"] == "poselift" and about["service.version"], about
    web.infer(MODEL, inputs(thttp, reference.keypoints))
    span, _, _ = collector.next()
    assert span.trace_id != b"\xab" * 16 and span.parent_span_id == b"", span
    refused(lambda: web.infer(MODEL, inputs(thttp, reference.keypoints[:, :16])), "400")
    span, values, _ = collector.next()
    assert span.status.code == span.status.STATUS_CODE_ERROR and "expected [-1, 17, 3]" in span.status.message, span
    assert values["error.type"] == "BadRequest", values
    assert collector.spans.empty()


def main():
    name, address, *rest = sys.argv[1:]
    if name == "stream":
        stream(address, *rest)
    else:
        globals()[name](address, Reference(rest[0]), *rest[1:])


if __name__ == "__main__":
    main()
