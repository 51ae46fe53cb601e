//! Halpe, 136 points: Halpe-26, face, hands (AlphaPose).

use super::whole_body::WholeBody;
use super::{HALPE26, Layout};

const WHOLE: WholeBody<136> = WholeBody::new(&HALPE26).with_face().with_hands(&HALPE26).complete();

/// Halpe, 136 points: Halpe-26, face, hands (AlphaPose).
pub const HALPE136: Layout = Layout { name: "halpe136", joints: &WHOLE.joints, parents: &WHOLE.parents };
