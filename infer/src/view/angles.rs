//! The joint angles of a page, whose streams may be of skeletons with and without feet.

use crate::format::PoseInfo;
use crate::place::{ANGLE_NAMES, AngleReader, Angles, angle_names};
use crate::pose::LiftedPerson;

/// The angles that a page of these streams has: all that any of them has.
pub(super) fn page_angles<'a>(sets: impl Iterator<Item = &'a PoseInfo>) -> &'static [&'static str] {
    sets.map(|info| angle_names(&info.joints)).max_by_key(|names| names.len()).unwrap_or(&ANGLE_NAMES)
}

/// Finds the angles of one 3D stream.
#[derive(Debug)]
pub(super) struct SetAngles {
    reader: AngleReader,
    /// The place, in the reader's order, of each of the page's angles; `None` for one that this stream does not have.
    places: Vec<Option<usize>>,
}

impl SetAngles {
    /// `None` for a skeleton without the joints that angles need.
    pub(super) fn new(info: &PoseInfo, page: &[&str]) -> Option<Self> {
        let reader = AngleReader::new(&info.joints, info.axes).ok()?;
        let places = page.iter().map(|name| reader.names().iter().position(|own| own == name)).collect();
        Some(Self { reader, places })
    }

    /// The angles of a person and their sigma, in the page's order.
    pub(super) fn read(&self, person: &LiftedPerson) -> Angles {
        let Angles { degrees, sigma } = self.reader.read(&person.joints, &person.sigma);
        Angles { degrees: self.in_page_order(&degrees), sigma: self.in_page_order(&sigma) }
    }

    /// `numbers` of the reader's angles; NaN for an angle that this stream does not have.
    fn in_page_order(&self, numbers: &[f32]) -> Vec<f32> {
        self.places.iter().map(|at| at.map_or(f32::NAN, |at| numbers[at])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::{Axes, Unit};
    use crate::skeleton::{H36M17, H36M23, Layout};

    fn info(skeleton: &Layout) -> PoseInfo {
        PoseInfo {
            skeleton: skeleton.name.into(),
            joints: skeleton.joints.iter().map(|&joint| joint.to_owned()).collect(),
            parents: skeleton.parents.to_vec(),
            unit: Unit::Metres,
            axes: Axes::Camera,
            fps: None,
            stature: None,
            is_level: None,
            model: "m".into(),
        }
    }

    #[test]
    fn a_page_has_ankles_where_one_of_its_streams_has() {
        let infos = [info(&H36M17), info(&H36M23)];
        assert_eq!(page_angles(infos[..1].iter()), angle_names(H36M17.joints));
        let page = page_angles(infos.iter());
        assert_eq!(page, angle_names(H36M23.joints));
        // No two of them in one direction.
        let joint = |joint: usize| [1.7, 2.3, 3.1].map(|times| (joint as f32 * times).sin());
        let joints: Vec<[f32; 3]> = (0..23).map(joint).collect();
        let read = |info: &PoseInfo| {
            let person = LiftedPerson { joints: joints[..info.joints.len()].to_vec(), ..LiftedPerson::default() };
            SetAngles::new(info, page).map(|angles| angles.read(&person).degrees).unwrap_or_default()
        };
        let [body, with_feet] = [read(&infos[0]), read(&infos[1])];
        for ((name, body), with_feet) in page.iter().zip(body).zip(with_feet) {
            if name.starts_with("ankle") || name.starts_with("subtalar") {
                let is_known = with_feet.is_finite() || name.starts_with("subtalar");
                assert!(body.is_nan() && is_known, "{name}: {body}, {with_feet}");
            } else {
                assert!(body == with_feet || body.is_nan() && with_feet.is_nan(), "{name}: {body}, {with_feet}");
            }
        }
    }
}
