"""Poses a second of poselift beside the engines of Python and Rust, in turns on one machine, with the machine's own limits.

    python3 -m venv rivals && rivals/bin/pip install numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1 openvino==2026.4.0 \
        torch==2.11.0
    make bench PYTHON=rivals/bin/python

Every engine takes its turn at every batch size, and medians over the turns are told: one Markdown table on stdout. An
engine that is not installed is left out. Needs the programs that figures.sh builds, and a machine with nothing else to do.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import onnx

BATCHES = (1, 8, 64, 256, 1024, 8192)

# What benches/engines.rs runs, and what it is called here.
RUST = {"ort": "ONNX Runtime through ort f32", "rten": "rten f32", "tract": "tract (one thread) f32"}


def keypoints(batch):
    """`[batch, 17, 3]` people all over an image, every joint seen; the same as in the Rust benches."""
    n, joint, k = np.ogrid[:batch, :17, :3]
    points = 400.0 + ((n * 131 + joint * 37 + k * 17) % 199) * 2.0
    points[..., 2] = 0.9
    return points.astype(np.float32)


def rate(run, batch, seconds):
    """Poses a second of calls of `run`, which lifts `batch` poses."""
    run()
    started, calls = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds or calls < 2:
        run()
        calls += 1
    return batch * calls / elapsed


class Program:
    """What a program of its own measures, all batch sizes in one call, and tells as `poselift bench --json` does."""

    def __init__(self, name, *command):
        self.name = name
        self.command = command

    def turn(self, seconds):
        command = [*self.command, "--milliseconds", str(int(seconds * 1000))]
        results = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["results"]
        return {row["batch"]: row["poses_per_second"] for row in results}


class Engine:
    """Something that makes, for a batch size, a function that lifts one batch."""

    def __init__(self, name, make):
        self.name = name
        self.make = make
        self.runs = {}

    def turn(self, seconds):
        return {batch: rate(self.run(batch), batch, seconds) for batch in BATCHES}

    def run(self, batch):
        if batch not in self.runs:
            self.runs[batch] = self.make(batch)
        return self.runs[batch]


def onnxruntime_engine(model, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def make(batch):
        feed = {"keypoints": keypoints(batch)}
        return lambda: session.run(["pose"], feed)

    return make


def openvino_engine(model, threads, precision):
    """The whole batch in one request, or halves in two streams: whichever is quicker."""
    import openvino

    core = openvino.Core()

    def compiled(batch, streams):
        network = core.read_model(model)
        network.reshape({"keypoints": [batch, 17, 3]})
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": streams,
        }
        return core.compile_model(network, "CPU", settings)

    def whole(batch):
        request, points = compiled(batch, 1).create_infer_request(), keypoints(batch)
        return lambda: request.infer({"keypoints": points}, share_inputs=True, share_outputs=True)

    def in_streams(batch):
        queue = openvino.AsyncInferQueue(compiled(batch // threads, threads), threads)
        points = keypoints(batch // threads)

        def run():
            for _ in range(threads):
                queue.start_async({"keypoints": points}, share_inputs=True)
            queue.wait_all()

        return run

    def make(batch):
        ways = [whole(batch)] if batch < 64 or threads == 1 else [whole(batch), in_streams(batch)]
        return max(ways, key=lambda run: rate(run, batch, 0.2))

    return make


def pytorch_engine(model, threads, compiled, bf16):
    """The network as its user would write it: BatchNorm folded already, the normalisation in a dozen operations."""
    import torch

    torch.set_num_threads(threads)
    constants = {
        constant.name: torch.from_numpy(onnx.numpy_helper.to_array(constant).copy())
        for constant in onnx.load(model).graph.initializer
    }
    names = [name.removesuffix(".weight") for name in constants if name.endswith(".weight")]
    layers = {name: (constants[f"{name}.weight"].T.contiguous(), constants.get(f"{name}.bias")) for name in names}
    places = list(dict.fromkeys(name.removesuffix(".even").removesuffix(".odd") for name in names))
    blocks = sorted({place.split(".")[0] for place in places if place.startswith("block")})

    def linear(planes, place):
        """Of one plane, or of an even and an odd one, as the file has it."""
        found = [place] if place in layers else [f"{place}.even", f"{place}.odd"]
        return [torch.nn.functional.linear(x, *layers[name]) for x, name in zip(planes, found, strict=True)]

    def relu(planes):
        if len(planes) == 1:
            return [torch.relu(planes[0])]
        a, b = torch.relu(planes[0] + planes[1]), torch.relu(planes[0] - planes[1])
        return [a + b, a - b]

    def lift(points):
        xy, weight = points[..., :2], points[..., 2:]
        total = weight.sum(1, keepdim=True).clamp_min(1e-30)
        xy = xy - (xy * weight).sum(1, keepdim=True) / total
        variance = (xy.square() * weight).sum((1, 2), keepdim=True) / total
        features = torch.cat([xy / variance.sqrt().clamp_min(1e-3), weight], 2).flatten(1)
        x = linear([features] * (2 if "input.odd" in layers else 1), "input")
        for block in blocks:
            y = x
            for place in (place for place in places if place.startswith(block + ".")):
                y = relu(linear(y, place))
            x = [stream + branch for stream, branch in zip(x, y, strict=True)]
        return sum(linear(x, "output"))[:, :51].float()

    torch._dynamo.config.recompile_limit = 64  # One for each batch size and precision.
    lift = torch.compile(lift, dynamic=False) if compiled else lift

    def make(batch):
        points = torch.from_numpy(keypoints(batch))

        def run():
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                lift(points)

        return run

    return make


def engines(args):
    """Those that are installed; with `--memory-of`, that one alone."""
    wanted = lambda name: args.memory_of in (None, name)  # noqa: E731
    threads = ("--threads", str(args.threads))
    for name, model in (("poselift f32", args.model), ("poselift int8", args.int8)):
        if model and wanted(name):
            yield Program(name, args.poselift, "bench", model, "--json", "--device", "cpu", *threads)
    for engine, name in RUST.items():
        if args.rust and wanted(name):
            yield Program(name, args.rust, "--engine", engine, "--model", args.model, *threads)
    ways = [("ONNX Runtime f32", lambda: onnxruntime_engine(args.model, args.threads))]
    if args.int8:
        ways.append(("ONNX Runtime int8", lambda: onnxruntime_engine(args.int8, args.threads)))
    for precision in ("f32", "bf16"):
        ways.append((f"OpenVINO {precision}", lambda p=precision: openvino_engine(args.model, args.threads, p)))
    for compiled, word in ((False, "eager"), (True, "compiled")):
        for bf16, precision in ((False, "f32"), (True, "bf16")):
            make = lambda c=compiled, b=bf16: pytorch_engine(args.model, args.threads, c, b)  # noqa: E731
            ways.append((f"PyTorch {word} {precision}", make))
    for name, make in ways:
        if any(skipped in name for skipped in args.skip) or not wanted(name):
            continue
        try:
            yield Engine(name, make())
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


def limits(model, threads):
    """What the machine itself allows: measured products and reads, and the poses a second that they come to. Without PyTorch
    nothing is known of it."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(threads)
    weights = [constant for constant in onnx.load(model).graph.initializer if constant.name.endswith(".weight")]
    parameters = sum(int(np.prod(constant.dims)) for constant in weights)

    def best(run, seconds=0.5):
        run()
        times, started = [], time.perf_counter()
        while time.perf_counter() - started < seconds:
            lap = time.perf_counter()
            run()
            times.append(time.perf_counter() - lap)
        return min(times)

    found = {"parameters": parameters}
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = torch.randn(1024, 1024).to(dtype), torch.randn(1024, 1024).to(dtype)
        operations = 2 * 1024**3 / best(lambda: a @ b)
        found[f"{name}_operations"] = operations
        found[f"{name}_poses"] = operations / (2 * parameters)
    bytes_read = torch.randn(parameters)
    seconds = best(lambda: torch.dot(bytes_read, bytes_read))
    found["bytes"] = 4 * parameters / seconds
    found["f32_single_poses"] = 1 / seconds
    return found


def memory(name):
    """Megabytes that one engine takes at most, all batch sizes, in a process of its own; Python's share included."""
    command = [sys.executable, *sys.argv, "--memory-of", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def print_memory(args):
    """Runs the engine of `--memory-of` at every batch size and prints the peak of this process, or of its child."""
    (engine,) = engines(args)
    engine.turn(0.02)
    if isinstance(engine, Program):
        kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    else:
        # Not ru_maxrss, which starts at that of the process that started this one.
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        kilobytes = int(status["VmHWM"].split()[0])
    print(kilobytes / 1024)


def describe(limits):
    if not limits:
        return
    single, parameters = limits["f32_single_poses"], limits["parameters"]
    yield "\nLimits measured on the same machine in the same run:"
    for name in ("f32", "bf16"):
        operations, poses = limits[f"{name}_operations"] / 1e9, limits[f"{name}_poses"]
        yield f"- products of 1024 x 1024 in {name}: {operations:,.0f} GFLOP/s, {poses:,.0f} poses/s at most"
    read = limits["bytes"] / 1e9
    yield f"- {4 * parameters / 1e6:.1f} MB of f32 weights read at {read:.0f} GB/s: {single:,.0f} single poses/s at most"


def table(results, rivals, megabytes):
    """Medians; the last rows are poselift's over the best engine of others that reads the f32 file, at each batch size."""
    yield "| engine | " + " | ".join(str(batch) for batch in BATCHES) + " | peak MB |"
    yield "|---" * (len(BATCHES) + 2) + "|"
    for name, rates in results.items():
        yield f"| {name} | " + " | ".join(f"{rates[batch]:,.0f}" for batch in BATCHES) + f" | {megabytes[name]:,.0f} |"
    for name, beside in (("poselift f32", ("f32",)), ("poselift int8", ("f32", "bf16"))):
        if name in results:
            others = [results[rival] for rival in rivals if rival.endswith(beside)]
            ratios = (results[name][batch] / max((other[batch] for other in others), default=float("nan")) for batch in BATCHES)
            yield f"| {name} / best of {' and '.join(beside)} | " + " | ".join(f"{r:.2f}" for r in ratios) + " | |"


def tell_program(told):
    """What benches/program.rs measured of `poselift run`, beside the library and bare ONNX Runtime on the same model."""
    rates, p50 = told["poses_per_second"], {who: told["latency_us"][who]["p50"] for who in ("program", "bare")}
    program, library, bare = (statistics.median(rates[who]) for who in ("program", "library", "bare"))
    yield (
        f"\n`poselift run`, {rates['lines']:,} lines from file to file, start included: {program:,.0f} poses/s, "
        f"{program / library:.2f} of the library at a batch of 8192 in the same minutes, {program / bare:.2f} of ONNX Runtime at its "
        f"best batch. One line through a pipe: {p50['program']:.0f} µs, {p50['program'] / p50['bare']:.2f} of ONNX Runtime's time "
        f"alone. At most {told['peak_mb']['program']:.0f} MB."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poselift", default="target/release/poselift", help="the program")
    parser.add_argument("--rust", metavar="FILE", help="the built benches/engines.rs, for the engines of Rust")
    parser.add_argument("--whole", metavar="FILE", help="what benches/program.rs wrote with --json, to be told below the table")
    parser.add_argument("--model", default="models/coco17.onnx", help="in f32; what every engine reads")
    parser.add_argument("--int8", help="the same in int8 (`poselift-train export --precision int8`)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="for each batch size in each turn")
    parser.add_argument("--skip", nargs="*", default=[], metavar="WORD", help="engines whose name holds it")
    parser.add_argument("--json", help="where every turn goes")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        return print_memory(args)

    contestants = list(engines(args))
    turns = {contestant.name: [] for contestant in contestants}
    for turn in range(args.turns):
        for contestant in contestants:
            print(f"turn {turn + 1} of {args.turns}: {contestant.name}", file=sys.stderr)
            turns[contestant.name].append(contestant.turn(args.seconds))
    results = {
        name: {batch: statistics.median(rates[batch] for rates in of) for batch in BATCHES} for name, of in turns.items()
    }
    physical = limits(args.model, args.threads)
    rivals = [name for name in results if not name.startswith("poselift")]
    megabytes = {name: memory(name) for name in results}
    found = {
        "poses_per_second": results,
        "turns": turns,
        "peak_mb": megabytes,
        "limits": physical,
        "threads": args.threads,
    }
    lines = [*table(results, rivals, megabytes)]
    if args.whole:
        with open(args.whole) as file:
            found["program"] = json.load(file)
        lines += tell_program(found["program"])
    print("\n".join([*lines, *describe(physical)]))
    if args.json:
        with open(args.json, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
