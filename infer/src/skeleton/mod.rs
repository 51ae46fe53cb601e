//! Joint layouts by their field-wide names, and conversion between them by joint name.
//!
//! COCO-17 is contained, point for point, in Halpe-26, BODY_25 and
//! MediaPipe-33, so no joint is ever invented. Human3.6M-17 has no eyes and
//! ears: a stream in it needs a model that was trained on it.

mod body25;
mod body25b;
mod body28;
mod coco17;
mod coco18;
mod coco23;
mod feet;
mod h36m17;
mod h36m23;
mod halpe136;
mod halpe26;
mod halpe68;
mod mediapipe33;
mod named;
mod no_such_joint;
mod openpose134;
mod placement;
mod whole_body;
mod wholebody133;

pub use body25::BODY25;
pub use body25b::BODY25B;
pub use body28::BODY28;
pub use coco17::COCO17;
pub use coco18::COCO18;
pub use coco23::COCO23;
pub use feet::is_of_foot;
pub use h36m17::H36M17;
pub use h36m23::H36M23;
pub use halpe26::HALPE26;
pub use halpe68::HALPE68;
pub use halpe136::HALPE136;
pub use mediapipe33::MEDIAPIPE33;
pub(crate) use named::MAX_JOINTS;
pub use named::{joint_name, layout_file, named_layout};
pub use openpose134::OPENPOSE134;
pub use wholebody133::WHOLEBODY133;

use crate::error::{Error, Result};
use crate::pose::Keypoint;
pub(crate) use no_such_joint::const_find_joint;
use no_such_joint::panic_no_such_joint;
use placement::{Placement, TrunkPoints};

/// A named order of joints, with the tree that connects them.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// The name used in files and options, `coco17`.
    pub name: &'static str,
    /// `[J]` joint names in order; the same joint has the same name in every layout.
    pub joints: &'static [&'static str],
    /// `[J]` index of each joint's parent, −1 for a root (2D layouts may have several).
    pub parents: &'static [i32],
}

/// Every 2D layout that streams may have. Of two with the same number of points, the more common one comes first.
pub const LAYOUTS: [&Layout; 13] = [
    &COCO17,
    &H36M17,
    &COCO18,
    &COCO23,
    &H36M23,
    &BODY25,
    &BODY25B,
    &HALPE26,
    &MEDIAPIPE33,
    &HALPE68,
    &WHOLEBODY133,
    &OPENPOSE134,
    &HALPE136,
];

impl Layout {
    /// The layout called `name`, upper or lower case, with or without `_`, `-` or spaces in it: `COCO-17`.
    ///
    /// # Errors
    /// An unknown name; the message lists the known ones.
    pub fn by_name(name: &str) -> Result<&'static Layout> {
        LAYOUTS.into_iter().find(|layout| layout.is_called(name)).ok_or_else(|| {
            let known: Vec<_> = LAYOUTS.iter().map(|layout| layout.name).collect();
            Error::usage(format!("unknown joint layout '{name}', expected one of {}", known.join(", ")))
        })
    }

    /// Whether `name` means this layout.
    fn is_called(&self, name: &str) -> bool {
        let plain = name.bytes().filter(|byte| !b"_- ".contains(byte)).map(|byte| byte.to_ascii_lowercase());
        plain.eq(self.name.bytes())
    }

    /// The number of joints.
    pub fn len(&self) -> usize {
        self.joints.len()
    }

    /// Whether the layout has no joints; none of ours has none.
    pub fn is_empty(&self) -> bool {
        self.joints.is_empty()
    }

    /// The index of the joint called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        find_joint(self.joints, name)
    }

    /// The index of the joint called `name`, for names in code: in a constant, a wrong one does not compile.
    ///
    /// ```
    /// use poselift::skeleton::H36M17;
    ///
    /// const RIGHT_KNEE: usize = H36M17.joint("right_knee");
    /// assert_eq!(RIGHT_KNEE, 2);
    /// ```
    ///
    /// ```compile_fail
    /// const TAIL: usize = poselift::skeleton::H36M17.joint("tail");
    /// ```
    ///
    /// # Panics
    /// The layout has no such joint; the message names both. For names that come from a file use [`Self::position`].
    pub const fn joint(&self, name: &str) -> usize {
        match const_find_joint(self.joints, name) {
            Some(joint) => joint,
            None => panic_no_such_joint(self.name, name),
        }
    }

    /// `[J]` the joint on the other side of the body: its own index for joints in the middle.
    ///
    /// Mirroring a pose is negating x and taking each joint from here.
    pub fn mirrored(&self) -> Vec<usize> {
        mirrored(self.joints)
    }
}

/// As [`Layout::mirrored`], for `joints` from any list of names.
pub fn mirrored<S: AsRef<str>>(joints: &[S]) -> Vec<usize> {
    let mut mirrored = Vec::with_capacity(joints.len());
    for (index, joint) in joints.iter().enumerate() {
        mirrored.push(find_joint(joints, &other_side(joint.as_ref())).unwrap_or(index));
    }
    mirrored
}

/// What a joint is called on the other side of the body; in the middle it has its own name.
fn other_side(name: &str) -> String {
    match name.split_once('_') {
        Some(("left", rest)) => format!("right_{rest}"),
        Some(("right", rest)) => format!("left_{rest}"),
        _ => name.to_owned(),
    }
}

/// The index of the joint called `name`.
pub(crate) fn find_joint<S: AsRef<str>>(joints: &[S], name: &str) -> Option<usize> {
    joints.iter().position(|joint| joint.as_ref() == name)
}

/// The root of a skeleton: the first joint without a parent.
///
/// # Panics
/// There is none. Skeletons are checked where they are read: their joints form trees.
pub(crate) fn root_of(parents: &[i32]) -> usize {
    parents.iter().position(|parent| *parent < 0).expect("a skeleton has a root")
}

/// The parent of one of `joints` joints; `None` for a root.
pub(crate) fn parent_of(joint: usize, parents: &[i32], joints: usize) -> Option<usize> {
    let parent = usize::try_from(*parents.get(joint)?).ok()?;
    (parent < joints).then_some(parent)
}

/// The index of each joint of a target layout in a source layout, and how far the source's points lie from these joints.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// `None` for a joint that is missing in every frame.
    source_of: Vec<Option<usize>>,
    source_len: usize,
    absent: Vec<String>,
    absent_notice: Option<String>,
    /// Where the source's detector places shoulders and hips, and where these are in the target; `None` where nothing is corrected.
    placement: Option<(Placement, TrunkPoints)>,
    /// The joints of the target that another point stands for.
    stand_ins: Vec<usize>,
}

impl Conversion {
    /// The identity for `len` joints.
    pub fn identity(len: usize) -> Self {
        Self {
            source_of: (0..len).map(Some).collect(),
            source_len: len,
            absent: Vec::new(),
            absent_notice: None,
            placement: None,
            stand_ins: Vec::new(),
        }
    }

    /// From `source` to the joints called `target`. Points of feet ([`is_of_foot`]) may be lacking, as many detectors have none, and a
    /// layout that a user named ([`named_layout`]) may lack any joints, if it has shoulders and hips: they are missing in every
    /// frame then ([`Self::absent`]).
    ///
    /// MediaPipe's `foot_index` stands in for a big toe ([`Self::stand_ins`]): it lies between the tips of the toes.
    ///
    /// # Errors
    /// `source` lacks other target joints; the message lists all of them.
    pub fn new<S: AsRef<str>>(source: &Layout, target: &[S]) -> Result<Self> {
        let source_of: Vec<_> = target.iter().map(|name| position(source, name.as_ref())).collect();
        let lacking = target.iter().zip(&source_of).filter(|(_, at)| at.is_none());
        let absent: Vec<_> = lacking.map(|(name, _)| name.as_ref().to_owned()).collect();
        let is_users_own = LAYOUTS.iter().all(|known| known.name != source.name);
        let has_trunk = TrunkPoints::among(source.joints).is_some();
        let may_lack_joints = is_users_own && has_trunk;
        let needed: Vec<&str> = absent.iter().map(String::as_str).filter(|joint| !is_of_foot(joint)).collect();
        if !needed.is_empty() && !may_lack_joints {
            return Err(Error::input(format!(
                "layout {} does not hold what the model reads: {} missing",
                source.name,
                needed.join(", ")
            ))
            .hint(format!("give a model that was trained on {} (--model FILE)", source.name)));
        }
        let feet = target.iter().filter(|name| is_of_foot(name.as_ref())).count();
        let absent_notice = match needed.is_empty() {
            true => notice_of_feet(source, &absent, feet),
            false => Some(format!("{} are not in it: missing in every frame", absent.join(", "))),
        };
        let mut stand_ins = Vec::new();
        for (joint, name) in target.iter().enumerate() {
            if source.position(name.as_ref()).is_none() && source_of[joint].is_some() {
                stand_ins.push(joint);
            }
        }
        Ok(Self { source_of, source_len: source.len(), absent, absent_notice, placement: None, stand_ins })
    }

    /// The same, which corrects where the detector of `source` places its points ([`Self::correct`]), if that is known; `target` as in
    /// [`Self::new`].
    #[must_use]
    pub fn with_placement<S: AsRef<str>>(self, source: &Layout, target: &[S]) -> Self {
        Self { placement: Placement::of_detector(source).zip(TrunkPoints::among(target)), ..self }
    }

    /// The joints of the target that another point of the source stands for: MediaPipe's `foot_index` for the big toe. It tells where the
    /// foot points, but is too far from that joint to tell anything of the body: lifters place the body without it.
    pub fn stand_ins(&self) -> &[usize] {
        &self.stand_ins
    }

    /// Whether [`Self::correct`] moves any points.
    pub fn corrects(&self) -> bool {
        self.placement.is_some()
    }

    /// Moves `points` `[J]`, in the target's order, from where the source's detector places them to the centres of joints: MediaPipe's
    /// shoulders and hips (docs/lab.md), after [`Self::with_placement`]. Missing points stay missing.
    pub fn correct(&self, points: &mut [Keypoint]) {
        if let Some((placement, trunk)) = &self.placement {
            placement.correct(points, trunk);
        }
    }

    /// The joints of the target that the source lacks.
    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// A sentence on the joints that the source lacks; `None` where it lacks none.
    pub fn absent_notice(&self) -> Option<&str> {
        self.absent_notice.as_deref()
    }

    /// `[J]` the index of each joint of the target in the source; `None` for one that is missing in every frame.
    pub fn source_of(&self) -> &[Option<usize>] {
        &self.source_of
    }

    /// This conversion, with its target's joints taken from the places `places` `[J]` of it.
    pub(crate) fn then(&self, places: &[usize]) -> Self {
        let source_of = places.iter().map(|&place| self.source_of[place]).collect();
        Self { source_of, ..self.clone() }
    }

    /// Number of joints per person in the source layout.
    pub fn source_len(&self) -> usize {
        self.source_len
    }

    /// Number of joints in the target layout.
    pub fn target_len(&self) -> usize {
        self.source_of.len()
    }

    /// The target's key points, in order, from `source`, which must have [`Self::source_len`] points, as they are ([`Self::correct`]).
    pub fn apply<'a>(&'a self, source: &'a [Keypoint]) -> impl Iterator<Item = Keypoint> + 'a {
        self.source_of.iter().map(|index| index.map_or(Keypoint::MISSING, |index| source[index]))
    }
}

/// A sentence on the points of feet that `source` lacks, of the `feet` that the target has; `None` where it lacks none.
fn notice_of_feet(source: &Layout, absent: &[String], feet: usize) -> Option<String> {
    if absent.is_empty() {
        return None;
    }
    Some(match absent.len() == feet {
        true => format!("layout {} has no feet: toes and heels are missing in every frame", source.name),
        false => format!("layout {} has no {}: missing in every frame", source.name, absent.join(", ")),
    })
}

/// Where `source` has the joint called `name`.
fn position(source: &Layout, name: &str) -> Option<usize> {
    let toes = match name {
        "left_big_toe" => "left_foot_index",
        "right_big_toe" => "right_foot_index",
        _ => return source.position(name),
    };
    source.position(name).or_else(|| source.position(toes))
}

#[cfg(test)]
mod tests;
