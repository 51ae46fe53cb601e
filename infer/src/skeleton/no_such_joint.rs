//! Joints by name at compile time, where neither `==` of texts nor `format!` works: the search, and the panic of
//! [`Layout::joint`](super::Layout::joint) with its message.

/// Bytes of the message; names that do not fit are cut off.
const ROOM: usize = 160;

/// Panics with `layout <layout> has no joint '<joint>'`.
pub(super) const fn panic_no_such_joint(layout: &str, joint: &str) -> ! {
    let reason = Reason { bytes: [0; ROOM], length: 0 };
    let reason = reason.and("layout ").and(layout).and(" has no joint '").and(joint).and("'");
    panic!("{}", reason.as_str())
}

/// Text that is built at compile time.
struct Reason {
    bytes: [u8; ROOM],
    length: usize,
}

impl Reason {
    const fn and(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() && self.length < ROOM {
            // A name that is not ASCII could be cut off within a character.
            self.bytes[self.length] = if text[at].is_ascii() { text[at] } else { b'?' };
            self.length += 1;
            at += 1;
        }
        self
    }

    const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => unreachable!(),
        }
    }
}

/// The index of the joint called `name` among `joints`, as [`find_joint`](super::find_joint) finds it, in constants.
pub(crate) const fn const_find_joint(joints: &[&str], name: &str) -> Option<usize> {
    let mut joint = 0;
    while joint < joints.len() {
        if is_same(joints[joint], name) {
            return Some(joint);
        }
        joint += 1;
    }
    None
}

/// Whether two texts are equal.
const fn is_same(a: &str, b: &str) -> bool {
    let a = a.as_bytes();
    let b = b.as_bytes();
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
