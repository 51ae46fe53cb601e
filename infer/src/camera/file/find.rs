//! Cameras in the tree of a file: maps that hold a camera matrix, under the names that programs give it.

use nalgebra::Matrix3;

use super::NamedCamera;
use super::node::{Entry, Node, plain};
use crate::camera::{Distortion, Intrinsics};
use crate::error::{Error, Result};

/// The keys, as [`plain`] makes them.
const MATRIX: [&str; 8] =
    ["cameramatrix", "matrix", "k", "intrinsicmatrix", "mtx", "cammtx", "intrinsics", "intrinsic"];
const DISTORTION: [&str; 11] = [
    "distortioncoefficients",
    "distortions",
    "distortion",
    "distcoeffs",
    "distcoeff",
    "distcoefs",
    "distcoef",
    "distortioncoeffs",
    "dist",
    "d",
    "distparams",
];
const SIZE: [&str; 5] = ["size", "imagesize", "imgsize", "resolution", "imsize"];
const WIDTH: [&str; 3] = ["imagewidth", "width", "w"];
const HEIGHT: [&str; 3] = ["imageheight", "height", "h"];
const ROTATION: [&str; 7] = ["rotation", "rvec", "rotationvector", "rotationmatrix", "rotmatrix", "rot", "r"];
const NAME: [&str; 6] = ["name", "cameraname", "camname", "cameraid", "camid", "id"];
const FISHEYE: [&str; 3] = ["fisheye", "fisheyemodel", "isfisheye"];
const MODEL: [&str; 4] = ["distortionmodel", "cameramodel", "model", "distortiontype"];
/// ROS's projection after rectification: a rotation beside it is that of the rectification.
const PROJECTION: [&str; 2] = ["p", "projectionmatrix"];

/// Words for the fisheye model.
const FISHEYE_MODELS: [&str; 4] = ["fisheye", "equidistant", "kannalabrandt", "opencvfisheye"];

/// All cameras of a file.
///
/// # Errors
/// There is none, or one has numbers that no camera has.
pub(super) fn cameras(root: &Node) -> Result<Vec<NamedCamera>> {
    let mut cameras = Vec::new();
    search(root, "", &mut cameras)?;
    if cameras.is_empty() {
        return Err(Error::input("no camera in it, expected a camera matrix (camera_matrix, matrix or K)")
            .hint("poselift reads Pose2Sim's Calib.toml, Caliscope's and Anipose's TOML, OpenCV's FileStorage in YAML or JSON"));
    }
    Ok(cameras)
}

/// Adds the cameras in `node`, which is the value of `key`.
fn search(node: &Node, key: &str, cameras: &mut Vec<NamedCamera>) -> Result<()> {
    if let Some(matrix) = node.get(&MATRIX).filter(|value| is_matrix(value)) {
        cameras.push(camera(node, key, matrix)?);
        return Ok(());
    }
    match node {
        Node::Scalar(_) => {}
        Node::List(items) => {
            for (place, item) in items.iter().enumerate() {
                search(item, &place.to_string(), cameras)?;
            }
        }
        Node::Map(entries) => {
            search_suffixed(node, cameras)?;
            for Entry { key, value } in entries {
                search(value, key, cameras)?;
            }
        }
    }
    Ok(())
}

/// Adds the cameras whose keys end in their names, `K_left` and `dist_left`, as EasyMocap writes several into one file.
fn search_suffixed(node: &Node, cameras: &mut Vec<NamedCamera>) -> Result<()> {
    for Entry { key, value } in node.entries() {
        let Some(name) = key.strip_prefix("K_").filter(|_| is_matrix(value)) else { continue };
        let mut own = Vec::new();
        for entry in node.entries() {
            if let Some(key) = without_suffix(&entry.key, name) {
                own.push(Entry { key: key.to_owned(), value: entry.value.clone() });
            }
        }
        cameras.push(camera(&Node::Map(own), name, value)?);
    }
    Ok(())
}

/// `dist` of `dist_left`, where `left` is the camera's name; `None` for a key of another camera.
fn without_suffix<'a>(key: &'a str, name: &str) -> Option<&'a str> {
    // `R_` is a vector and `Rot_` the matrix of the same rotation.
    key.strip_suffix(name)?.strip_suffix('_').filter(|key| *key != "R")
}

fn is_matrix(node: &Node) -> bool {
    matches!(node, Node::List(_)) || node.get(&["data"]).is_some()
}

/// The camera of this `matrix` in a map that stands under `key`.
fn camera(map: &Node, key: &str, matrix: &Node) -> Result<NamedCamera> {
    let own = map.get(&NAME).and_then(|name| match name {
        Node::Scalar(text) => Some(text.clone()),
        Node::List(_) | Node::Map(_) => None,
    });
    let mut names: Vec<String> = own.into_iter().collect();
    if !key.is_empty() && !names.iter().any(|name| name == key) {
        names.push(key.to_owned());
    }
    let name = names.first().cloned().unwrap_or_default();
    let intrinsics = intrinsics(map, matrix).map_err(|error| in_camera(&name, error))?;
    let camera_from_world = rotation(map).map_err(|error| in_camera(&name, error))?;
    Ok(NamedCamera { name, names, intrinsics, camera_from_world, up: None })
}

/// An error that says in which camera it is, if that has a name.
fn in_camera(name: &str, error: Error) -> Error {
    match name.is_empty() {
        true => error,
        false => Error::input(format!("camera {name}: {error}")),
    }
}

fn intrinsics(map: &Node, matrix: &Node) -> Result<Intrinsics> {
    let matrix = numbers(matrix, "the camera matrix")?;
    let [focal_x, skew, centre_x, below, focal_y, centre_y, last @ ..] = &matrix[..] else {
        return Err(Error::input(format!("the camera matrix has {} numbers, expected 3 rows of 3", matrix.len())));
    };
    if *last != [0.0, 0.0, 1.0] || *below != 0.0 {
        return Err(Error::input(format!("the camera matrix is {matrix:?}, expected [fx, 0, cx, 0, fy, cy, 0, 0, 1]")));
    }
    if *focal_x <= 0.0 || *focal_y <= 0.0 {
        return Err(Error::input(format!("the focal lengths are {focal_x} and {focal_y}, expected pixels above 0")));
    }
    Ok(Intrinsics {
        focal: [*focal_x, *focal_y],
        centre: [*centre_x, *centre_y],
        skew: *skew,
        size: size(map)?,
        distortion: distortion(map)?,
    })
}

fn size(map: &Node) -> Result<Option<[u32; 2]>> {
    let sides = match (map.get(&SIZE), map.get(&WIDTH), map.get(&HEIGHT)) {
        (Some(size), ..) => numbers(size, "the image size")?,
        (None, Some(width), Some(height)) => [numbers(width, "the width")?, numbers(height, "the height")?].concat(),
        (None, ..) => return Ok(None),
    };
    let are_whole = sides.iter().all(|side| (1.0..=1e6).contains(side) && side.fract() == 0.0);
    match sides[..] {
        [width, height] if are_whole => Ok(Some([width as u32, height as u32])),
        _ => Err(Error::input(format!("the image size is {sides:?}, expected width and height in whole pixels"))),
    }
}

fn distortion(map: &Node) -> Result<Distortion> {
    let Some(coefficients) = map.get(&DISTORTION) else { return Ok(Distortion::None) };
    let coefficients = numbers(coefficients, "distortion")?;
    let word = map.get(&MODEL).and_then(|model| match model {
        Node::Scalar(word) => Some(plain(word)),
        Node::List(_) | Node::Map(_) => None,
    });
    let is_fisheye = map.get(&FISHEYE).is_some_and(Node::is_true)
        || word.is_some_and(|word| FISHEYE_MODELS.iter().any(|model| word.starts_with(model)));
    if coefficients.iter().all(|coefficient| *coefficient == 0.0) && !is_fisheye {
        return Ok(Distortion::None);
    }
    if is_fisheye {
        let (first, rest) = coefficients.split_at_checked(4).unwrap_or_default();
        return match first.try_into() {
            Ok(first) if rest.iter().all(|coefficient| *coefficient == 0.0) => Ok(Distortion::Fisheye(first)),
            _ => Err(Error::input(format!("a fisheye's distortion is {coefficients:?}, expected 4 numbers"))),
        };
    }
    let mut all = [0.0; 14];
    match coefficients.len() {
        count @ (4 | 5 | 8 | 12 | 14) => all[..count].copy_from_slice(&coefficients),
        count => {
            return Err(Error::input(format!("distortion has {count} numbers, expected OpenCV's 4, 5, 8, 12 or 14")));
        }
    }
    Ok(Distortion::Standard(all))
}

/// The rotation from the world to the camera, a matrix or a Rodrigues vector.
fn rotation(map: &Node) -> Result<Option<Matrix3<f64>>> {
    /// What a rotation matrix may lack in being one: files round.
    const ROUNDED: f64 = 1e-3;
    if map.get(&PROJECTION).is_some() {
        return Ok(None);
    }
    let Some(rotation) = map.get(&ROTATION) else { return Ok(None) };
    let rotation = numbers(rotation, "the rotation")?;
    let matrix = match rotation.len() {
        3 => nalgebra::Rotation3::from_scaled_axis(nalgebra::Vector3::from_column_slice(&rotation)).into_inner(),
        9 => Matrix3::from_row_slice(&rotation),
        count => return Err(Error::input(format!("the rotation has {count} numbers, expected 3 (Rodrigues) or 9"))),
    };
    let is_rotation =
        (matrix * matrix.transpose() - Matrix3::identity()).amax() < ROUNDED && matrix.determinant() > 0.0;
    match is_rotation {
        true => Ok(Some(matrix)),
        false => {
            Err(Error::input(format!("the rotation is {rotation:?}, expected a rotation without a mirror or a scale")))
        }
    }
}

/// The finite numbers in a list, in lists in it, in a matrix's `data`, or the one that a scalar is.
fn numbers(node: &Node, what: &str) -> Result<Vec<f64>> {
    let node = node.get(&["data"]).unwrap_or(node);
    let mut found = Vec::new();
    let mut rest = vec![node];
    while let Some(next) = rest.pop() {
        match next {
            Node::List(items) => rest.extend(items.iter().rev()),
            Node::Scalar(text) => match next.number().filter(|number| number.is_finite()) {
                Some(number) => found.push(number),
                None => return Err(Error::input(format!("{what} holds '{}', expected numbers", shortened(text)))),
            },
            Node::Map(_) => return Err(Error::input(format!("{what} holds a map, expected numbers"))),
        }
    }
    Ok(found)
}

/// The beginning of a text, for messages.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
