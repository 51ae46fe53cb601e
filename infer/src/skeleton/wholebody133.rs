//! COCO-WholeBody, 133 points: COCO-17, feet, face, hands (MMPose, RTMW).

use super::whole_body::WholeBody;
use super::{COCO17, Layout};

const WHOLE: WholeBody<133> = WholeBody::new(&COCO17).with_feet(&COCO17).with_face().with_hands(&COCO17).complete();

/// COCO-WholeBody, 133 points: COCO-17, feet, face, hands (MMPose, RTMW).
pub const WHOLEBODY133: Layout = Layout { name: "wholebody133", joints: &WHOLE.joints, parents: &WHOLE.parents };
