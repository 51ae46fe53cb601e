//! Names of joints, of the model and of the layouts that detectors have.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use poselift::skeleton::{LAYOUTS, Layout};

use crate::arguments::non_null;
use crate::boundary::{Status, catch};
use crate::text::{c_string, text};

/// Joints in order, with their names and the tree that connects them.
#[repr(C)]
#[derive(Debug)]
pub struct Skeleton {
    /// "coco17", "h36m17", or "custom".
    pub name: *const c_char,
    /// The number of joints.
    pub joints: usize,
    /// `[joints]` names: the same joint has the same name everywhere, "left_knee".
    pub joint_names: *const *const c_char,
    /// `[joints]` index of each joint's parent, -1 for a root.
    pub parents: *const i32,
}

/// A skeleton with the memory behind it.
#[derive(Debug)]
pub(crate) struct NamedJoints {
    _names: Vec<CString>,
    _pointers: Vec<*const c_char>,
    _parents: Vec<i32>,
    skeleton: Skeleton,
}

// SAFETY: all pointers lead to memory that this object owns and that is never changed.
unsafe impl Send for NamedJoints {}
// SAFETY: as above.
unsafe impl Sync for NamedJoints {}

impl NamedJoints {
    /// `joints` by name; where no tree is known `parents` may be empty, and all joints are roots.
    pub(crate) fn new<S: AsRef<str>>(name: &str, joints: &[S], parents: &[i32]) -> Self {
        let names: Vec<CString> = [name].into_iter().chain(joints.iter().map(AsRef::as_ref)).map(c_string).collect();
        let pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let parents = if parents.is_empty() { vec![-1; joints.len()] } else { parents.to_vec() };
        let skeleton = Skeleton {
            name: pointers[0],
            joints: joints.len(),
            joint_names: pointers[1..].as_ptr(),
            parents: parents.as_ptr(),
        };
        Self { _names: names, _pointers: pointers, _parents: parents, skeleton }
    }

    /// What C sees, valid as long as this object.
    pub(crate) fn skeleton(&self) -> Skeleton {
        Skeleton { ..self.skeleton }
    }
}

/// Gives a layout of key points by its name ("coco17", "body25", "mediapipe33" …), valid until the program ends.
///
/// Errors: NULL; POSELIFT_STATUS_BAD_USAGE for an unknown name, with a text that lists the known ones.
///
/// # Safety
/// `name` is NULL or leads to text that ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poselift_layout(
    name: *const c_char,
    layout: Option<&mut MaybeUninit<*const Skeleton>>,
) -> Status {
    catch(|| {
        let place = non_null(layout, "layout")?;
        // SAFETY: the caller's promise.
        let name = non_null(unsafe { text(name, "name") }?, "name")?;
        let layout = Layout::by_name(name)?;
        let found = known().iter().find(|(known, _)| *known == layout).map(|(_, joints)| &raw const joints.skeleton);
        place.write(non_null(found, layout.name)?);
        Ok(())
    })
}

/// Every layout, made once.
fn known() -> &'static [(&'static Layout, NamedJoints)] {
    static KNOWN: OnceLock<Vec<(&Layout, NamedJoints)>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let layouts = LAYOUTS.into_iter();
        layouts.map(|layout| (layout, NamedJoints::new(layout.name, layout.joints, layout.parents))).collect()
    })
}
