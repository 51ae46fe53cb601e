//! Human3.6M-17 and both feet: the output of models that lift feet.

use super::whole_body::WholeBody;
use super::{H36M17, Layout};

const WHOLE: WholeBody<23> = WholeBody::new(&H36M17).with_feet(&H36M17).complete();

/// Human3.6M-17 and both feet: the output of models that lift feet.
pub const H36M23: Layout = Layout { name: "h36m23", joints: &WHOLE.joints, parents: &WHOLE.parents };
