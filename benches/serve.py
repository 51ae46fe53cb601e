#!/usr/bin/env python3
"""`poselift serve` beside what people put models behind: the same file, the same client, the same key points, in turns.

    benches/serve.py target/release/poselift models/coco17-int8.onnx [--seconds 3] [--rounds 3] [--json FILE]
    benches/serve.py target/release/poselift models/coco17-int8.onnx --ray PYTHON --mlserver PYTHON
    benches/serve.py target/release/poselift models/coco17-int8.onnx --overload 600

This Python needs fastapi, uvicorn[standard], onnxruntime, orjson and numpy; that of --ray has ray[serve], onnxruntime and orjson, that of
--mlserver mlserver and onnxruntime. The servers' own code is in benches/servers.

Client and server share the machine's cores, as on one machine they do. The client is benches/load.rs, compiled here by rustc: it sends
requests that were made before and reads answers without looking into them, so that it takes little of the time. Each server's poses are
compared with those of the first. A server runs only while it is measured.

Throughput: four connections, each asks again when it was answered, 64 poses a request. Latency: 500 requests of one pose a second at fixed
times over 32 connections; each counts from the time at which it was due. CPU time is that of all the server's processes in the
throughput run, by requests: a machine that does other things too has less influence on it.

Overload: requests of 16 poses, first as many as are answered, then twice as many a second, of a server whose queue holds 256. Each answer is
compared with the first one to its request, each refusal must be one, and the server's memory is looked at.
"""

import argparse
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import processes

HERE = Path(__file__).resolve().parent
BATCH = 64
RATE = 500
CLOSED, OPEN = 4, 32
WARM_UP = 1


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        if options.overload:
            return overload(bench)
        results = bench.measure()
    print(table(results))
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1), encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("poselift", type=os.path.abspath)
    parser.add_argument("model", type=os.path.abspath)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ray", metavar="PYTHON", type=os.path.abspath)
    parser.add_argument("--mlserver", metavar="PYTHON", type=os.path.abspath)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--overload", type=float, metavar="SECONDS")
    return parser.parse_args()


class Bench:
    """The servers, and the client that asks them."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.client = folder / "load"
        subprocess.run(["rustc", "--edition", "2024", "-O", HERE / "load.rs", "-o", self.client], check=True)
        models = folder / "models"
        models.mkdir()
        (models / "model.onnx").symlink_to(options.model)

    def ours(self, *more):
        command = [self.options.poselift, "serve", "--models", self.folder / "models", "--quiet", "--device", "cpu", *more]
        forms = {"JSON": protocol_json, "binary": protocol_binary}
        return Server("`poselift serve`", lambda port: [*command, "--listen", f"127.0.0.1:{port}"], forms)

    def servers(self):
        model = self.options.model
        yield self.ours()
        for workers in (1, 2):
            script = HERE / "servers/fastapi_server.py"
            forms = {"pydantic": typed, "JSON": plain_json, "binary": plain_binary}
            name = "FastAPI" if workers == 1 else f"FastAPI, {workers} workers"
            yield Server(name, lambda port, workers=workers: [sys.executable, script, model, port, workers], forms)
        if self.options.ray:
            script = HERE / "servers/ray_server.py"
            forms = {"JSON": plain_json, "binary": plain_binary}
            yield Server("Ray Serve", lambda port: [self.options.ray, script, model, port], forms)
        if self.options.mlserver:
            yield Server("MLServer", self.mlserver, {"JSON": protocol_json})

    def mlserver(self, port):
        folder = self.folder / "mlserver"
        folder.mkdir(exist_ok=True)
        settings = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "debug": False, "host": "127.0.0.1", "parallel_workers": 0}
        model = {"name": "model", "implementation": "mlserver_model.Poses", "parameters": {"uri": self.options.model}}
        for name, content in (("settings", settings), ("model-settings", model)):
            (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        return [Path(self.options.mlserver).with_name("mlserver"), "start", folder]

    def measure(self):
        """By server and form, the medians of the rounds."""
        rounds, expected = {}, None
        for _ in range(self.options.rounds):
            for server in self.servers():
                with server:
                    for form in server.forms:
                        expected = server.check(form, expected)
                        found = self.measure_one(server, form)
                        told = ", ".join(f"{key} {value:.2f}" for key, value in found.items())
                        print(f"{server.name}, {form}: {told}", file=sys.stderr)
                        rounds.setdefault(server.name, {}).setdefault(form, []).append(found)
        return {
            name: {form: {key: statistics.median(one[key] for one in found) for key in found[0]} for form, found in forms.items()}
            for name, forms in rounds.items()
        }

    def measure_one(self, server, form):
        request = server.forms[form]
        self.load(server, [request(keypoints(BATCH))], CLOSED, WARM_UP)
        before = server.cpu_seconds()
        closed = self.load(server, [request(keypoints(BATCH))], CLOSED, self.options.seconds)
        cpu = server.cpu_seconds() - before
        due = self.load(server, [request(keypoints(1))], OPEN, self.options.seconds, RATE)
        requests = closed["statuses"]["200"]
        if set(closed["statuses"]) | set(due["statuses"]) != {"200"}:
            raise SystemExit(f"{server.name}: {closed['statuses']}, {due['statuses']}")
        poses = requests * BATCH / closed["seconds"]
        return {"poses": poses, "cpu_ms": 1000 * cpu / requests, "p50": due["p50"], "p99": due["p99"]}

    def load(self, server, requests, connections, seconds, rate=None):
        with tempfile.TemporaryDirectory() as folder:
            for number, request in enumerate(requests):
                Path(folder, f"{number:04}").write_bytes(request.to_bytes())
            rate = [] if rate is None else [rate]
            words = map(str, [self.client, f"127.0.0.1:{server.port}", folder, connections, seconds, *rate])
            return json.loads(subprocess.run(list(words), check=True, stdout=subprocess.PIPE).stdout)


class Request:
    """A request of HTTP, before it is sent."""

    def __init__(self, path, body, **headers):
        self.path, self.body, self.headers = path, body, headers

    def to_bytes(self):
        headers = {"Host": "127.0.0.1", "Content-Length": len(self.body), **self.headers}
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + self.body

    def ask(self, port):
        headers = {name.replace("_", "-"): str(value) for name, value in self.headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{self.path}", self.body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()


def numbers(points):
    """As a detector's JSON has them."""
    return points.astype(float).round(2).tolist()


def protocol_json(points):
    tensor = {"name": "keypoints", "shape": points.shape, "datatype": "FP32", "data": numbers(points.ravel())}
    return Request("/v2/models/model/infer", json.dumps({"inputs": [tensor]}).encode(), Content_Type="application/json")


def protocol_binary(points):
    tensor = {"name": "keypoints", "shape": points.shape, "datatype": "FP32", "parameters": {"binary_data_size": points.nbytes}}
    head = json.dumps({"parameters": {"binary_data_output": True}, "inputs": [tensor]}).encode()
    return Request("/v2/models/model/infer", head + points.tobytes(), Inference_Header_Content_Length=len(head))


def typed(points):
    return Request("/typed", json.dumps({"keypoints": numbers(points)}).encode(), Content_Type="application/json")


def plain_json(points):
    return Request("/json", json.dumps({"keypoints": numbers(points)}).encode(), Content_Type="application/json")


def plain_binary(points):
    return Request("/binary", points.tobytes())


def pose_of(answer, people):
    """The poses in an answer of any of the servers."""
    if not answer.startswith(b'{"pose"') and b"outputs" not in answer[:200]:
        return np.frombuffer(answer, np.float32)[: people * 51]
    if answer[-1:] != b"}":
        # Our binary form: JSON, then both tensors.
        return np.frombuffer(answer[-4 * 68 * people :], np.float32)[: people * 51]
    content = json.loads(answer)
    return np.ravel(content["outputs"][0]["data"] if "outputs" in content else content["pose"])


def keypoints(poses):
    """Key points of people who stand, in pixels, of two decimals."""
    share = np.random.default_rng(7).random
    return (share((poses, 17, 3)) * [400, 800, 0.5] + [600, 100, 0.5]).round(2).astype(np.float32)


class Server:
    """A server, which runs inside `with`; `forms` make requests of key points."""

    def __init__(self, name, command, forms):
        self.name, self.command, self.forms = name, command, forms

    def __enter__(self):
        self.port = free_port()
        environment = {**os.environ, "PYTHONPATH": str(HERE / "servers"), "RAY_AUTH_MODE": "disabled", "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60"}
        words = list(map(str, self.command(self.port)))
        with open(os.devnull, "wb") as nothing:
            self.process = subprocess.Popen(words, env=environment, cwd=HERE / "servers", stdout=nothing, stderr=nothing)
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        below = processes.tree(self.process.pid)[1:]
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # Workers that a server leaves behind would take part in the next one's measurement.
        for process in below:
            try:
                os.kill(process, 9)
            except ProcessLookupError:
                pass

    def wait(self):
        request = next(iter(self.forms.values()))(keypoints(1))
        until = time.monotonic() + 180
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} has ended")
            try:
                return request.ask(self.port)
            # It does not listen yet, or has not loaded its model.
            except (OSError, urllib.error.URLError):
                time.sleep(0.2)
        raise SystemExit(f"{self.name} does not answer")

    def check(self, form, expected):
        """The server's poses, if they are `expected` or there are none to compare with."""
        people = keypoints(BATCH)
        found = pose_of(self.forms[form](people).ask(self.port), BATCH)
        if expected is not None and not np.abs(found - expected).max() < 5e-3:
            raise SystemExit(f"{self.name}, {form}: poses differ by {np.abs(found - expected).max()} m from those of others")
        return found if expected is None else expected

    def cpu_seconds(self):
        return sum(processes.cpu_seconds(self.process.pid).values())

    def resident(self):
        """MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def free_port():
    """A port below those that systems give to anyone: Ray takes those for its own processes."""
    while True:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
                return listener.getsockname()[1]
            except OSError:
                continue


def overload(bench):
    """Asks for twice what the server can do."""
    people = keypoints(64)
    with bench.ours("--queue", "256") as server:
        requests = [server.forms["binary"](people[row : row + 16]) for row in range(48)]
        can = bench.load(server, requests, 8, 10)
        rate = 2 * can["statuses"]["200"] / can["seconds"]
        memory, is_over = [], threading.Event()

        def watch():
            while not is_over.wait(1):
                memory.append(server.resident())

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            came = bench.load(server, requests, 64, bench.options.overload, rate)
        finally:
            is_over.set()
            watching.join()
    statuses = came["statuses"]
    answered, refused = statuses.pop("200", 0), statuses.pop("429", 0)
    print(f"it can do {rate / 2:,.0f} requests of 16 poses a second; {rate:,.0f} a second were due for {bench.options.overload:.0f} s")
    asked = answered + refused
    print(f"{asked:,} asked in {came['seconds']:.0f} s: {answered:,} answered, {refused:,} refused with 429, other statuses: {statuses or 'none'}")
    print(f"answers that were not those of an idle server: {came['wrong']}")
    quarter = max(1, len(memory) // 4)
    print(f"resident memory: {max(memory[:quarter]):.1f} MB at most in the first quarter, {max(memory[-quarter:]):.1f} MB in the last")
    if statuses or came["wrong"] or not answered or not refused:
        raise SystemExit("not as it should be")


def table(results):
    lines = ["| server | body | poses/s, 64 a request | CPU ms of a request | p50, 500 requests/s | p99 |", "|---|---|---|---|---|---|"]
    for name, forms in results.items():
        for form, own in forms.items():
            times = f"{own['p50']:.2f} ms | {own['p99']:.2f} ms"
            lines.append(f"| {name} | {form} | {own['poses']:,.0f} | {own['cpu_ms']:.2f} | {times} |")
    (_, ours), *rivals = results.items()
    lines += ["", "| beside | body | times its poses/s | its CPU time by ours | our p99 by its |", "|---|---|---|---|---|"]
    for name, forms in rivals:
        for form, own in forms.items():
            our = ours["binary" if form == "binary" else "JSON"]
            ratios = [our["poses"] / own["poses"], own["cpu_ms"] / our["cpu_ms"], our["p99"] / own["p99"]]
            lines.append(f"| {name} | {form} | {ratios[0]:.1f} | {ratios[1]:.1f} | {ratios[2]:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
