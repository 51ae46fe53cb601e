"""Checks that onnxslim and onnxsim find nothing to tidy in exported lifters.

Usage: check_tidy.py MODEL…

Both must give back the same nodes and the same initialisers, in any order that computes the same. Exit 0 if they do, 1 if not, 77 if a
package is missing.
"""

import sys

try:
    import onnx
    import onnxsim
    import onnxslim
except ImportError as error:
    print(f"not checked: {error}", file=sys.stderr)
    sys.exit(77)


def serialised(messages):
    return sorted(message.SerializeToString(deterministic=True) for message in messages)


def names(messages, others):
    kept = {message.SerializeToString(deterministic=True) for message in others}
    return [message.name for message in messages if message.SerializeToString(deterministic=True) not in kept]


def check(path, tool, tidied):
    graph, found = onnx.load(path).graph, tidied.graph
    for what, before, after in (("node", graph.node, found.node), ("initialiser", graph.initializer, found.initializer)):
        if serialised(before) != serialised(after):
            print(f"{path}: {tool} takes the {what}s {names(before, after)} out and puts {names(after, before)} in")
            return False
    return True


def main(paths):
    alike = []
    for path in paths:
        alike.append(check(path, "onnxslim", onnxslim.slim(onnx.load(path))))
        simplified, is_same = onnxsim.simplify(onnx.load(path))
        alike.append(is_same and check(path, "onnxsim", simplified))
    print(f"{len(paths)} files, unchanged by onnxslim {onnxslim.__version__} and onnxsim {onnxsim.__version__}: {all(alike)}")
    return 0 if paths and all(alike) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
