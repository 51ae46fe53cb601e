//! OpenPose's order of a whole body, 134 points: COCO-18, feet, face, hands (rtmlib's `to_openpose`).

use super::whole_body::WholeBody;
use super::{COCO18, Layout};

const WHOLE: WholeBody<134> = WholeBody::new(&COCO18).with_feet(&COCO18).with_face().with_hands(&COCO18).complete();

/// OpenPose's order of a whole body, 134 points: COCO-18, feet, face, hands (rtmlib's `to_openpose`).
pub const OPENPOSE134: Layout = Layout { name: "openpose134", joints: &WHOLE.joints, parents: &WHOLE.parents };
