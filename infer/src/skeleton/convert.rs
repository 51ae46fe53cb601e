//! Converts key points from one layout to another by joint name, without guessing.

use super::Layout;
use crate::error::{Error, Result};
use crate::pose::Keypoint;

/// The joints of a body's trunk. Where a user's own layout has them, others may be missing, as they may be in any frame.
const TRUNK: [&str; 4] = ["left_shoulder", "right_shoulder", "left_hip", "right_hip"];

/// The index of each joint of a target layout in a source layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// `None` for a joint that is missing in every frame.
    source_of: Vec<Option<usize>>,
    source_len: usize,
    absent: Vec<String>,
}

impl Conversion {
    /// The identity for `len` joints.
    pub fn identity(len: usize) -> Self {
        Self { source_of: (0..len).map(Some).collect(), source_len: len, absent: Vec::new() }
    }

    /// From `source` to the joints called `target`. A layout that a user named ([`super::named_layout`]) may lack some, if it has
    /// shoulders and hips: they are missing in every frame then ([`Self::absent`]).
    ///
    /// # Errors
    /// `source` lacks target joints; the message lists all of them.
    pub fn new<S: AsRef<str>>(source: &Layout, target: &[S]) -> Result<Self> {
        let source_of: Vec<_> = target.iter().map(|name| source.position(name.as_ref())).collect();
        let absent: Vec<_> =
            target.iter().zip(&source_of).filter(|(_, at)| at.is_none()).map(|(name, _)| name).collect();
        let absent: Vec<_> = absent.into_iter().map(|name| name.as_ref().to_owned()).collect();
        let is_users_own = super::LAYOUTS.iter().all(|known| known.name != source.name);
        let has_trunk = TRUNK.iter().all(|joint| source.position(joint).is_some());
        let may_lack_joints = is_users_own && has_trunk;
        if !absent.is_empty() && !may_lack_joints {
            return Err(Error::input(format!(
                "layout {} does not hold what the model reads: {} missing",
                source.name,
                absent.join(", ")
            ))
            .hint(format!("give a model that was trained on {} (--model FILE)", source.name)));
        }
        Ok(Self { source_of, source_len: source.len(), absent })
    }

    /// The joints of the target that the source lacks.
    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// This conversion, with its target's joints taken from the places `places` `[J]` of it.
    pub(crate) fn then(&self, places: &[usize]) -> Self {
        let source_of = places.iter().map(|&place| self.source_of[place]).collect();
        Self { source_of, source_len: self.source_len, absent: self.absent.clone() }
    }

    /// Number of joints per person in the source layout.
    pub fn source_len(&self) -> usize {
        self.source_len
    }

    /// Number of joints in the target layout.
    pub fn target_len(&self) -> usize {
        self.source_of.len()
    }

    /// The target's key points, in order, from `source`, which must have [`Self::source_len`] points.
    pub fn apply<'a>(&'a self, source: &'a [Keypoint]) -> impl Iterator<Item = Keypoint> + 'a {
        self.source_of.iter().map(|index| index.map_or(Keypoint::MISSING, |index| source[index]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BODY25, COCO17, H36M17, HALPE26, MEDIAPIPE33, named_layout};
    use super::*;

    #[test]
    fn every_layout_but_h36m_contains_coco() {
        let indices = |layout| Conversion::new(layout, COCO17.joints).map(|conversion| conversion.source_of);
        let indices = |layout| indices(layout).map(|found| found.into_iter().flatten().collect::<Vec<_>>());
        assert_eq!(indices(&COCO17).unwrap(), (0..17).collect::<Vec<_>>());
        assert_eq!(indices(&HALPE26).unwrap(), (0..17).collect::<Vec<_>>());
        assert_eq!(indices(&BODY25).unwrap(), [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11]);
        assert_eq!(indices(&MEDIAPIPE33).unwrap(), [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]);
        let refusal = indices(&H36M17).unwrap_err();
        assert!(refusal.to_string().contains("nose, left_eye, right_eye, left_ear, right_ear missing"), "{refusal}");
        assert!(refusal.hint_text().is_some());
    }

    #[test]
    fn a_users_layout_may_lack_joints_if_it_has_a_trunk() {
        let body = named_layout(&COCO17.joints[5..]).unwrap();
        let conversion = Conversion::new(body, COCO17.joints).unwrap();
        assert_eq!(conversion.absent(), &COCO17.joints[..5]);
        let points: Vec<_> = (0..12).map(|i| Keypoint { x: f64::from(i), y: 0.0, score: 1.0 }).collect();
        let taken: Vec<_> = conversion.apply(&points).collect();
        assert!(taken[..5].iter().all(|point| point.is_missing()) && taken[5].x == 0.0 && taken[16].x == 11.0);
        let legs = named_layout(&COCO17.joints[11..]).unwrap();
        assert!(Conversion::new(legs, COCO17.joints).unwrap_err().to_string().contains("left_wrist"));
    }

    #[test]
    fn points_follow_their_joint() {
        let points: Vec<_> = (0..25).map(|i| Keypoint { x: f64::from(i), y: 0.0, score: 1.0 }).collect();
        let conversion = Conversion::new(&BODY25, COCO17.joints).unwrap();
        let taken: Vec<_> = conversion.apply(&points).map(|point| point.x).collect();
        assert_eq!(&taken[..5], [0.0, 16.0, 15.0, 18.0, 17.0]);
    }
}
