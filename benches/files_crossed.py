"""The two halves of `files_crossed.sh`: drives a program frame by frame, and compares what callgrind counted."""

import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLIP = ROOT / "demos/sports2d/sports2d_demo.mediapipe33.jsonl"
# Where MediaPipe's 33 points have those of COCO-17.
COCO17 = [0, 2, 5, 7, 8, *range(11, 17), *range(23, 29)]
# A file of the workspace, wherever it was compiled: a compiler cache may hold what another copy of the repository compiled.
OURS = re.compile(r"(?:^|/)((?:infer|kernels|onnx|serve)/src/.+\.rs)$")


def people():
    """The first person of the clip, to and fro without an end, so that they move as people do."""
    lines = [json.loads(line) for line in CLIP.read_text().splitlines()]
    found = [(line["size"], line["people"][0]["keypoints"]) for line in lines if line["people"]]
    while True:
        yield from found
        found.reverse()


def drive(count, command):
    """Gives `command` so many frames, each when the one before it has been answered."""
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for index, (size, keypoints) in zip(range(count), people()):
        person = {"id": 0, "keypoints": [keypoints[place] for place in COCO17]}
        frame = {"frame": index, "time": round(index / 30, 4), "size": size, "people": [person]}
        lines = [frame] if index else [{"poselift": 1, "kind": "keypoints", "layout": "coco17"}, frame]
        program.stdin.write("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode())
        program.stdin.flush()
        # The header comes before the first.
        while not (answer := program.stdout.readline()).startswith(b'{"frame"'):
            if not answer:
                sys.exit(f"the program ended at frame {index}")
        if len(json.loads(answer)["people"]) != 1:
            sys.exit(f"no person was lifted in frame {index}")
    program.stdin.close()
    if program.wait() != 0:
        sys.exit(f"the program ended with {program.returncode}")


def instructions(path):
    """How many instructions ran in each source file, inlined ones in the file that they were written in."""
    names, counts = {}, collections.Counter()
    file, row, is_call = None, 0, False
    for line in path.read_text().splitlines():
        if found := re.match(r"(c?f[lie])=\((\d+)\)(?: (.*))?$", line):
            kind, number, name = found.groups()
            if name:
                names[number] = name
            if not kind.startswith("c"):
                file = names[number]
        elif line.startswith("calls="):
            # The line behind it has what ran in the function that is called.
            is_call = True
        elif found := re.match(r"(\+\d+|-\d+|\*|\d+) (\d+)$", line):
            step, count = found.groups()
            row = row if step == "*" else row + int(step) if step[0] in "+-" else int(step)
            # What the compiler adds stands in line 0 of a crate's first file.
            if not is_call and row > 0:
                counts[file] += int(count)
            is_call = False
    return counts


def compare(frames, shorter, longer):
    """Prints the workspace's files that each frame crosses, by crate and room."""
    fewer, more = instructions(shorter), instructions(longer)
    rooms = collections.defaultdict(list)
    for name in more:
        each = (more[name] - fewer[name]) / frames
        if each >= 1 and (found := OURS.search(name)):
            path = pathlib.PurePath(found[1])
            rooms[path.parent.as_posix()].append((path.stem, round(each)))
    for room, files in sorted(rooms.items()):
        print(f"{room}: " + ", ".join(f"{file} {each}" for file, each in sorted(files)))
    print(f"{sum(map(len, rooms.values()))} files; behind each the instructions a frame")


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    if mode == "drive":
        drive(int(arguments[0]), arguments[1:])
    else:
        compare(int(arguments[0]), *map(pathlib.Path, arguments[1:]))
