//! Converts key points from one layout to another by joint name, without guessing.

use super::{Layout, is_of_foot};
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
    absent_notice: Option<String>,
}

impl Conversion {
    /// The identity for `len` joints.
    pub fn identity(len: usize) -> Self {
        Self { source_of: (0..len).map(Some).collect(), source_len: len, absent: Vec::new(), absent_notice: None }
    }

    /// From `source` to the joints called `target`. Points of feet ([`is_of_foot`]) may be lacking, as many detectors have none, and a
    /// layout that a user named ([`super::named_layout`]) may lack any joints, if it has shoulders and hips: they are missing in every
    /// frame then ([`Self::absent`]).
    ///
    /// MediaPipe's `foot_index` is taken for a big toe: it lies between the tips of the toes.
    ///
    /// # Errors
    /// `source` lacks other target joints; the message lists all of them.
    pub fn new<S: AsRef<str>>(source: &Layout, target: &[S]) -> Result<Self> {
        let source_of: Vec<_> = target.iter().map(|name| position(source, name.as_ref())).collect();
        let lacking = target.iter().zip(&source_of).filter(|(_, at)| at.is_none());
        let absent: Vec<_> = lacking.map(|(name, _)| name.as_ref().to_owned()).collect();
        let is_users_own = super::LAYOUTS.iter().all(|known| known.name != source.name);
        let has_trunk = TRUNK.iter().all(|joint| source.position(joint).is_some());
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
        let absent_notice = (!absent.is_empty()).then(|| {
            let feet = target.iter().filter(|name| is_of_foot(name.as_ref())).count();
            match needed.is_empty() {
                true if absent.len() == feet => {
                    format!("layout {} has no feet: toes and heels are missing in every frame", source.name)
                }
                true => format!("layout {} has no {}: missing in every frame", source.name, absent.join(", ")),
                false => format!("{} are not in it: missing in every frame", absent.join(", ")),
            }
        });
        Ok(Self { source_of, source_len: source.len(), absent, absent_notice })
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

    /// The target's key points, in order, from `source`, which must have [`Self::source_len`] points.
    pub fn apply<'a>(&'a self, source: &'a [Keypoint]) -> impl Iterator<Item = Keypoint> + 'a {
        self.source_of.iter().map(|index| index.map_or(Keypoint::MISSING, |index| source[index]))
    }
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
mod tests {
    use super::super::{
        BODY25, BODY25B, COCO17, COCO18, COCO23, H36M17, HALPE26, HALPE136, LAYOUTS, MEDIAPIPE33, OPENPOSE134,
        WHOLEBODY133, named_layout,
    };
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
    fn a_model_of_feet_reads_every_layout_that_holds_coco() {
        let feet = |layout: &Layout| {
            let conversion = Conversion::new(layout, COCO23.joints).unwrap();
            assert_eq!(conversion.target_len(), 23, "{}", layout.name);
            let body = Conversion::new(layout, COCO17.joints).unwrap();
            assert_eq!(conversion.source_of[..17], body.source_of, "{}", layout.name);
            (conversion.source_of[17..].to_vec(), conversion)
        };
        // Left big toe, small toe and heel, then right.
        for (layout, places) in [
            (&BODY25, [19, 20, 21, 22, 23, 24]),
            (&BODY25B, [19, 20, 21, 22, 23, 24]),
            (&HALPE26, [20, 22, 24, 21, 23, 25]),
            (&HALPE136, [20, 22, 24, 21, 23, 25]),
            (&WHOLEBODY133, [17, 18, 19, 20, 21, 22]),
            (&OPENPOSE134, [18, 19, 20, 21, 22, 23]),
            (&COCO23, [17, 18, 19, 20, 21, 22]),
        ] {
            let (found, conversion) = feet(layout);
            assert_eq!(found, places.map(Some), "{}", layout.name);
            assert_eq!(conversion.absent_notice(), None);
        }
        let (found, conversion) = feet(&MEDIAPIPE33);
        assert_eq!(found, [Some(31), None, Some(29), Some(32), None, Some(30)]);
        let notice = "layout mediapipe33 has no left_small_toe, right_small_toe: missing in every frame";
        assert_eq!(conversion.absent_notice(), Some(notice));
        for layout in [&COCO17, &COCO18] {
            let (found, conversion) = feet(layout);
            assert_eq!((found, conversion.absent().len()), (vec![None; 6], 6));
            let notice = format!("layout {} has no feet: toes and heels are missing in every frame", layout.name);
            assert_eq!(conversion.absent_notice(), Some(notice.as_str()));
        }
    }

    #[test]
    fn only_feet_may_be_lacking_in_a_known_layout() {
        let refusal = Conversion::new(&H36M17, COCO23.joints).unwrap_err().to_string();
        assert!(refusal.ends_with("reads: nose, left_eye, right_eye, left_ear, right_ear missing"), "{refusal}");
        for layout in LAYOUTS {
            let reads_body = Conversion::new(layout, COCO17.joints).is_ok();
            assert_eq!(Conversion::new(layout, COCO23.joints).is_ok(), reads_body, "{}", layout.name);
        }
    }

    #[test]
    fn points_follow_their_joint() {
        let points: Vec<_> = (0..25).map(|i| Keypoint { x: f64::from(i), y: 0.0, score: 1.0 }).collect();
        let conversion = Conversion::new(&BODY25, COCO17.joints).unwrap();
        let taken: Vec<_> = conversion.apply(&points).map(|point| point.x).collect();
        assert_eq!(&taken[..5], [0.0, 16.0, 15.0, 18.0, 17.0]);
    }
}
