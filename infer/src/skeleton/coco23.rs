//! COCO-17 and both feet, the first 23 points of COCO-WholeBody: the input of models that lift feet.

use super::whole_body::WholeBody;
use super::{COCO17, Layout};

const WHOLE: WholeBody<23> = WholeBody::new(&COCO17).with_feet(&COCO17).complete();

/// COCO-17 and both feet, the first 23 points of COCO-WholeBody: the input of models that lift feet.
pub const COCO23: Layout = Layout { name: "coco23", joints: &WHOLE.joints, parents: &WHOLE.parents };
