//! Halpe without the face, 68 points: Halpe-26, hands (AlphaPose).

use super::whole_body::WholeBody;
use super::{HALPE26, Layout};

const WHOLE: WholeBody<68> = WholeBody::new(&HALPE26).with_hands(&HALPE26).complete();

/// Halpe without the face, 68 points: Halpe-26, hands (AlphaPose).
pub const HALPE68: Layout = Layout { name: "halpe68", joints: &WHOLE.joints, parents: &WHOLE.parents };
