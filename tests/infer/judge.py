"""Reads a file that poselift exported with the software that its users have, and prints what was read as JSON.

    python judge.py trc|mot|c3d|py-c3d|bvh|glb|csv|npz|ik|scaled-ik|feet FILE [FILE]
"""

import json
import math
import os
import sys


def numbers(values):
    """Plain floats, None for what is not known."""
    return [float(value) if math.isfinite(value) else None for value in values]


def trc(path):
    import opensim

    opensim.Logger.setLevelString("Error")
    table = opensim.TimeSeriesTableVec3(path)
    labels = list(table.getColumnLabels())
    rows = []
    for row in range(table.getNumRows()):
        found = table.getRowAtIndex(row)
        rows.append([numbers(found[column].to_numpy()) for column in range(len(labels))])
    meta = {key: table.getTableMetaDataString(key) for key in ("Units", "DataRate")}
    return {"labels": labels, "times": list(table.getIndependentColumn()), "rows": rows, "meta": meta}


def mot(path):
    import opensim

    opensim.Logger.setLevelString("Error")
    table = opensim.TimeSeriesTable(path)
    labels = list(table.getColumnLabels())
    columns = {label: numbers(table.getDependentColumn(label).to_numpy()) for label in labels}
    in_degrees = table.getTableMetaDataString("inDegrees")
    return {"times": list(table.getIndependentColumn()), "columns": columns, "inDegrees": in_degrees}


def c3d(path):
    import ezc3d

    file = ezc3d.c3d(path)
    point = file["parameters"]["POINT"]
    data = file["data"]["points"]
    residuals = file["data"]["meta_points"]["residuals"]
    return {
        "labels": point["LABELS"]["value"],
        "rate": float(point["RATE"]["value"][0]),
        "units": point["UNITS"]["value"],
        "analog": int(file["parameters"]["ANALOG"]["USED"]["value"][0]),
        "plates": int(file["parameters"]["FORCE_PLATFORM"]["USED"]["value"][0]),
        "rows": [[numbers(data[:3, joint, row]) for joint in range(data.shape[1])] for row in range(data.shape[2])],
        "residuals": [numbers(residuals[0, :, row]) for row in range(data.shape[2])],
    }


def py_c3d(path):
    import c3d

    with open(path, "rb") as file:
        reader = c3d.Reader(file)
        frames = [points for _, points, _ in reader.read_frames()]
        labels = [label.strip() for label in reader.point_labels]
        return {
            "labels": labels,
            "rate": float(reader.point_rate),
            "frames": [reader.first_frame, reader.last_frame],
            "rows": [[numbers(point[:3]) for point in frame] for frame in frames],
            "residuals": [numbers(frame[:, 3]) for frame in frames],
        }


def bvh(path):
    import bvhio

    root = bvhio.readAsHierarchy(path)
    container = bvhio.readAsBvh(path)
    frames = container.FrameCount
    places = {}
    for frame in range(frames):
        root.loadPose(frame)
        for joint, _, _ in root.layout():
            places.setdefault(joint.Name, []).append(numbers(joint.PositionWorld))
    return {"frames": frames, "frameTime": container.FrameTime, "places": places}


def glb(path):
    import numpy
    import pygltflib

    file = pygltflib.GLTF2().load(path)
    blob = file.binary_blob()

    def accessor(index):
        found = file.accessors[index]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[found.type]
        view = file.bufferViews[found.bufferView]
        kind = {5126: "<f4", 5123: "<u2", 5125: "<u4"}[found.componentType]
        array = numpy.frombuffer(blob, kind, found.count * width, view.byteOffset)
        return array.reshape(found.count, width)

    parents = {child: place for place, node in enumerate(file.nodes) for child in node.children or []}
    animation = file.animations[0]
    tracks = {}
    for channel in animation.channels:
        sampler = animation.samplers[channel.sampler]
        tracks[channel.target.node, channel.target.path] = accessor(sampler.output)
    times = accessor(animation.samplers[0].input)[:, 0]

    def local(node, frame):
        matrix = numpy.eye(4)
        turns = tracks.get((node, "rotation"))
        if turns is not None:
            x, y, z, w = turns[min(frame, len(turns) - 1)].astype(float)
            matrix[:3, :3] = [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        moves = tracks.get((node, "translation"))
        resting = file.nodes[node].translation or [0, 0, 0]
        # Who leaves early stays where they were last.
        matrix[:3, 3] = moves[min(frame, len(moves) - 1)] if moves is not None else resting
        return matrix

    places = {}
    for frame in range(len(times)):
        world = {}
        for skin in file.skins:
            for node in skin.joints:
                parent = world.get(parents.get(node), numpy.eye(4))
                world[node] = parent @ local(node, frame)
                places.setdefault(file.nodes[node].name, []).append(numbers(world[node][:3, 3]))
    return {"times": numbers(times), "places": places, "meshes": len(file.meshes), "skins": len(file.skins)}


def csv(path):
    import pandas

    table = pandas.read_csv(path)
    return {"columns": list(table.columns), "rows": [numbers(row) for row in table.select_dtypes("number").to_numpy()]}


def npz(path):
    import numpy

    with numpy.load(path) as file:
        return {name: numbers(file[name].ravel()) for name in file.files}


def pose2sim_model(markers="Coco17"):
    """Pose2Sim's model with the markers that it has for COCO's key points, or for others."""
    import glob

    import opensim

    opensim.Logger.setLevelString("Error")
    setup = os.path.join(os.path.dirname(find("Pose2Sim")), "OpenSim_Setup")
    opensim.ModelVisualizer.addDirToGeometrySearchPaths(os.path.join(setup, "Geometry"))
    model = opensim.Model(glob.glob(os.path.join(setup, "Model_Pose2Sim_simple.osim"))[0])
    model.updateMarkerSet(opensim.MarkerSet(os.path.join(setup, f"Markers_{markers}.xml")))
    return model


def ik(trc_path, work):
    """Inverse kinematics on Pose2Sim's model with its markers; gives back how many rows of angles came out."""
    model = pose2sim_model()
    model.initSystem()
    return solve(model, trc_path, work)


def feet(_):
    """Where Pose2Sim's model has its knees, ankles, heels and toes, as its ankles' angles are set in degrees."""
    model = pose2sim_model("Body25")
    state = model.initSystem()
    found = []
    for side in "RL":
        for ankle, subtalar in [(0, 0), (15, 0), (-20, 0), (0, 10), (0, -10)]:
            for name, degrees in [("ankle_angle", ankle), ("subtalar_angle", subtalar)]:
                coordinate = model.getCoordinateSet().get(f"{name}_{side.lower()}")
                coordinate.setLocked(state, False)
                coordinate.setValue(state, math.radians(degrees), False)
            model.realizePosition(state)
            end = side.lower()
            bodies = {"knee": f"tibia_{end}", "ankle": f"talus_{end}"}
            places = {joint: model.getBodySet().get(body).getPositionInGround(state) for joint, body in bodies.items()}
            for point, marker in {"heel": "Heel", "big_toe": "BigToe", "small_toe": "SmallToe"}.items():
                places[point] = model.getMarkerSet().get(side + marker).getLocationInGround(state)
            places = {point: numbers(place.to_numpy()) for point, place in places.items()}
            found.append({"side": side, "ankle": ankle, "subtalar": subtalar, "places": places})
    return found


def scaled_ik(trc_path, work):
    """The same with the model scaled to the person, and its markers in the centres of its joints, as lifted joints are."""
    import numpy
    import opensim

    model = pose2sim_model()
    bodies = {"Hip": "femur", "Knee": "tibia", "Ankle": "talus", "Shoulder": "humerus", "Elbow": "ulna", "Wrist": "hand"}
    for side in "RL":
        for joint, body in bodies.items():
            marker = model.getMarkerSet().get(side + joint)
            marker.setParentFrameName(f"/bodyset/{body}_{side.lower()}")
            marker.set_location(opensim.Vec3(0))
    state = model.initSystem()
    table = trc(trc_path)
    rows = numpy.array(table["rows"], float)

    def in_model(joint):
        return model.getMarkerSet().get(joint).getLocationInGround(state).to_numpy()

    def in_clip(joint):
        return rows[:, table["labels"].index(joint)]

    def ratio(from_joints, to_joints):
        """How much longer the person is than the model between the middles of two joints each."""
        clip = sum(map(in_clip, to_joints)) - sum(map(in_clip, from_joints))
        model_length = numpy.linalg.norm(sum(map(in_model, to_joints)) - sum(map(in_model, from_joints)))
        return float(numpy.nanmedian(numpy.linalg.norm(clip, axis=1)) / model_length)

    factors = {"torso": ratio(["RHip", "LHip"], ["RShoulder", "LShoulder"])}
    factors["pelvis"] = factors["sacrum"] = ratio(["RHip"], ["LHip"])
    for side in "RL":
        end = side.lower()
        factors[f"femur_{end}"] = ratio([side + "Hip"], [side + "Knee"])
        factors[f"tibia_{end}"] = ratio([side + "Knee"], [side + "Ankle"])
        factors[f"humerus_{end}"] = ratio([side + "Shoulder"], [side + "Elbow"])
        factors[f"ulna_{end}"] = factors[f"radius_{end}"] = ratio([side + "Elbow"], [side + "Wrist"])
    scales = opensim.ScaleSet()
    for body, factor in factors.items():
        scale = opensim.Scale()
        scale.setSegmentName(body)
        scale.setScaleFactors(opensim.Vec3(factor))
        scale.setApply(True)
        scales.cloneAndAppend(scale)
    model.scale(state, scales, True, -1.0)
    model.initSystem()
    return dict(solve(model, trc_path, work), factors=factors)


def solve(model, trc_path, work):
    import opensim

    moved = os.path.join(work, "ik.mot")
    times = opensim.TimeSeriesTableVec3(trc_path).getIndependentColumn()
    tool = opensim.InverseKinematicsTool()
    tool.setModel(model)
    tool.setMarkerDataFileName(trc_path)
    tool.setStartTime(times[0])
    tool.setEndTime(times[-1])
    tool.setOutputMotionFileName(moved)
    tool.set_report_errors(False)
    tool.run()
    table = opensim.TimeSeriesTable(moved)
    columns = {label: numbers(table.getDependentColumn(label).to_numpy()) for label in table.getColumnLabels()}
    return {"rows": table.getNumRows(), "expected": len(times), "columns": columns}


def find(package):
    """The path of a package's __init__, without running it: what it depends on is not installed."""
    for folder in sys.path:
        path = os.path.join(folder, package, "__init__.py")
        if os.path.exists(path):
            return path
    raise FileNotFoundError(package)


if __name__ == "__main__":
    judge = {"trc": trc, "mot": mot, "c3d": c3d, "py-c3d": py_c3d, "bvh": bvh, "glb": glb, "csv": csv, "npz": npz}
    judge.update({"ik": ik, "scaled-ik": scaled_ik, "feet": feet})
    print(json.dumps(judge[sys.argv[1]](*sys.argv[2:])))
