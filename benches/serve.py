#!/usr/bin/env python3
"""`poselift serve` beside Python's onnxruntime behind FastAPI and uvicorn: the same client, the same key points, in turns.

    benches/serve.py target/release/poselift models/coco17-int8.onnx [--seconds 5] [--rounds 3] [--json FILE]
    benches/serve.py target/release/poselift models/coco17-int8.onnx --overload 600

Needs fastapi, uvicorn[standard], onnxruntime and numpy. Client and servers share the machine's cores, as on one machine they do.
The client sends requests that were made before and reads answers without looking into them, so that it takes little of the
time; each server's first answer is compared with the other's.

Throughput: four connections, each asks again when it was answered, 64 poses a request. Latency: 500 requests of one pose a
second at fixed times over 32 connections; each counts from the time at which it was due, so that a server that falls behind is
not asked more gently.

Overload: 64 connections ask for 16 poses each, again as soon as they are answered or refused, of a server whose queue holds 256. Each
answer is compared, each refusal must be one, and the server's memory is looked at.
"""

import argparse
import asyncio
import json
import math
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

BATCH = 64
RATE = 500
CLOSED, OPEN = 4, 32

# What one writes who puts a model behind FastAPI: JSON by orjson, raw bytes beside, one thread a product as is best where client
# and server share two cores.
RIVAL = '''
import sys, numpy as np, onnxruntime, orjson, uvicorn
from fastapi import FastAPI, Request, Response

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
app = FastAPI()

@app.post("/json")
async def infer_json(request: Request):
    keypoints = np.array(orjson.loads(await request.body())["keypoints"], np.float32).reshape(-1, 17, 3)
    pose, sigma = session.run(["pose", "sigma"], {"keypoints": keypoints})
    answer = orjson.dumps({"pose": pose, "sigma": sigma}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(answer, media_type="application/json")

@app.post("/binary")
async def infer_binary(request: Request):
    keypoints = np.frombuffer(await request.body(), np.float32).reshape(-1, 17, 3)
    pose, sigma = session.run(["pose", "sigma"], {"keypoints": keypoints})
    return Response(pose.tobytes() + sigma.tobytes(), media_type="application/octet-stream")

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
'''


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("poselift")
    parser.add_argument("model")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--overload", type=float, metavar="SECONDS")
    options = parser.parse_args()
    if options.overload:
        return overload(options)
    with tempfile.TemporaryDirectory() as folder:
        servers = [ours(options, folder), rival(options, folder)]
        try:
            results = measure(servers, options)
        finally:
            for server in servers:
                server.process.terminate()
                server.process.wait()
    print(table(results))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


class Server:
    """A server that runs, and how it is asked."""

    def __init__(self, name, process, port, request):
        self.name, self.process, self.port, self.request = name, process, port, request
        self.wait()

    def wait(self):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} has ended")
            try:
                return asyncio.run(ask_once(self.port, self.request(keypoints(1), "json")))
            # It does not listen yet, or has not loaded its model.
            except (OSError, Refused):
                time.sleep(0.1)
        self.process.terminate()
        raise SystemExit(f"{self.name} does not answer")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ours(options, folder, *more):
    models = os.path.join(folder, "models")
    os.mkdir(models)
    os.symlink(os.path.abspath(options.model), os.path.join(models, "model.onnx"))
    port = free_port()
    command = [options.poselift, "serve", "--quiet", "--device", "cpu", "--models", models, "--listen", f"127.0.0.1:{port}", *more]

    def request(points, form):
        tensor = {"name": "keypoints", "shape": list(points.shape), "datatype": "FP32"}
        if form == "json":
            tensor["data"] = points.round(2).astype(float).round(2).ravel().tolist()
            return post("/v2/models/model/infer", json.dumps({"inputs": [tensor]}).encode())
        tensor["parameters"] = {"binary_data_size": points.nbytes}
        head = json.dumps({"parameters": {"binary_data_output": True}, "inputs": [tensor]}).encode()
        length = f"Inference-Header-Content-Length: {len(head)}\r\n"
        return post("/v2/models/model/infer", head + points.tobytes(), length)

    return Server("poselift serve", subprocess.Popen(command), port, request)


def rival(options, folder):
    script = os.path.join(folder, "rival.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(RIVAL)
    port = free_port()

    def request(points, form):
        if form == "json":
            data = points.round(2).astype(float).round(2).tolist()
            return post("/json", json.dumps({"keypoints": data}).encode())
        return post("/binary", points.tobytes())

    command = [sys.executable, script, options.model, str(port)]
    return Server("onnxruntime, FastAPI", subprocess.Popen(command), port, request)


def post(path, body, header=""):
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n{header}\r\n"
    return head.encode() + body


def keypoints(poses):
    """Key points of people who stand, in pixels."""
    random = np.random.default_rng(7)
    return (random.random((poses, 17, 3)) * [400, 800, 0.5] + [600, 100, 0.5]).astype(np.float32)


class Refused(Exception):
    """An answer that is none."""


class Connection:
    """HTTP/1.1 without looking into anything but the length."""

    LENGTH = re.compile(rb"\ncontent-length: (\d+)", re.IGNORECASE)

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        return self

    async def ask(self, request, refusals=False):
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(self.LENGTH.search(head).group(1))
        body = await self.reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200") and not (refusals and head.startswith(b"HTTP/1.1 429")):
            raise Refused(f"{head} {body[:200]}")
        return head + body

    def close(self):
        self.writer.close()


async def ask_once(port, request):
    connection = await Connection().open(port)
    answer = await connection.ask(request)
    connection.close()
    return answer


async def throughput(server, form, seconds):
    """Poses a second of connections that ask again as soon as they were answered."""
    request = server.request(keypoints(BATCH), form)
    count = 0
    until = time.perf_counter() + seconds

    async def ask_on():
        nonlocal count
        connection = await Connection().open(server.port)
        while time.perf_counter() < until:
            await connection.ask(request)
            count += BATCH
        connection.close()

    start = time.perf_counter()
    await asyncio.gather(*[ask_on() for _ in range(CLOSED)])
    return count / (time.perf_counter() - start)


async def latencies(server, form, seconds):
    """Milliseconds from the time at which each request was due to its answer."""
    request = server.request(keypoints(1), form)
    free = asyncio.Queue()
    for _ in range(OPEN):
        free.put_nowait(await Connection().open(server.port))
    took = []

    async def ask_at(due):
        connection = await free.get()
        await connection.ask(request)
        took.append((time.perf_counter() - due) * 1000)
        free.put_nowait(connection)

    start = time.perf_counter() + 0.05
    asked = []
    for number in range(int(RATE * seconds)):
        due = start + number / RATE
        pause = due - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        asked.append(asyncio.create_task(ask_at(due)))
    await asyncio.gather(*asked)
    while not free.empty():
        free.get_nowait().close()
    return sorted(took)


def measure(servers, options):
    compare(servers)
    found = {server.name: {form: {"poses": [], "p50": [], "p99": []} for form in ("json", "binary")} for server in servers}
    for _ in range(options.rounds):
        for form in ("json", "binary"):
            for server in servers:
                own = found[server.name][form]
                own["poses"].append(asyncio.run(throughput(server, form, options.seconds)))
                took = asyncio.run(latencies(server, form, options.seconds))
                own["p50"].append(took[len(took) // 2])
                own["p99"].append(took[math.ceil(len(took) * 0.99) - 1])
    for forms in found.values():
        for form in forms.values():
            form.update({name: statistics.median(values) for name, values in list(form.items())})
    return found


def overload(options):
    """Asks for more than the server can do."""
    with tempfile.TemporaryDirectory() as folder:
        server = ours(options, folder, "--queue", "256")
        try:
            asyncio.run(flood(server, options.overload))
        finally:
            server.process.terminate()
            server.process.wait()


async def flood(server, seconds):
    people = keypoints(64)
    requests = [server.request(people[row : row + 16], "binary") for row in range(0, 48)]
    expected = [body_of(await ask_once(server.port, request)) for request in requests]
    counts = {b"200": 0, b"429": 0}
    until = time.perf_counter() + seconds
    memory = []

    async def ask_on(number):
        connection = await Connection().open(server.port)
        while time.perf_counter() < until:
            number = (number + 1) % len(requests)
            answer = await connection.ask(requests[number], refusals=True)
            status = answer[9:12]
            counts[status] += 1
            if status == b"200" and body_of(answer) != expected[number]:
                raise SystemExit("a wrong answer")
        connection.close()

    async def watch():
        while time.perf_counter() < until:
            memory.append(resident(server.process.pid))
            await asyncio.sleep(1)

    await asyncio.gather(watch(), *[ask_on(number) for number in range(64)])
    answered, refused = counts.values()
    print(f"{seconds:.0f} s: {answered:,} answered, all of them right, {refused:,} refused with 429, none without a status")
    quarter = max(1, len(memory) // 4)
    print(f"resident memory: {max(memory[:quarter]):.0f} MB at most in the first quarter, {max(memory[-quarter:]):.0f} MB in the last")


def body_of(answer):
    return answer.split(b"\r\n\r\n", 1)[1]


def resident(process):
    """MB."""
    with open(f"/proc/{process}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def compare(servers):
    """Both give the same poses."""
    answers = []
    for server in servers:
        answer = asyncio.run(ask_once(server.port, server.request(keypoints(BATCH), "json")))
        content = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        pose = content["outputs"][0]["data"] if "outputs" in content else content["pose"]
        answers.append(np.array(pose, np.float32).reshape(BATCH, 17, 3))
    difference = np.abs(answers[0] - answers[1]).max()
    if not difference < 5e-3:
        raise SystemExit(f"the servers' poses differ by {difference} m")


def table(found):
    lines = ["| server | tensors | poses/s, 64 a request | p50, 500 requests/s | p99 |", "|---|---|---|---|---|"]
    for name, forms in found.items():
        for form, own in forms.items():
            lines.append(f"| {name} | {form} | {own['poses']:,.0f} | {own['p50']:.2f} ms | {own['p99']:.2f} ms |")
    ours, rival = found.values()
    for form in ours:
        poses, p99 = ours[form]["poses"] / rival[form]["poses"], ours[form]["p99"] / rival[form]["p99"]
        lines.append(f"| ratio | {form} | {poses:.1f} | | {p99:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
