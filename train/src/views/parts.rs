//! Words for joints of [`BODY28`], which tables name their rows by: in a constant, a word of no joint does not compile.

use poselift::skeleton::BODY28;

pub(super) const ARM: &[&str] = &parts(["elbow", "wrist"]);
pub(super) const HIP_AND_LEG: &[&str] = &parts(["hip", "knee", "ankle", "toe", "heel"]);
pub(super) const LEG: &[&str] = &parts(["knee", "ankle", "toe", "heel"]);
pub(super) const ANKLE_AND_FOOT: &[&str] = &parts(["ankle", "toe", "heel"]);
pub(super) const FOOT: &[&str] = &parts(["toe", "heel"]);

/// The last word of a joint's name, which is the same on both sides: `knee` for `left_knee`, and `hip` for the hips and for
/// Human3.6M's root.
pub(crate) fn part_of_body(joint: &str) -> &str {
    joint.rsplit_once('_').map_or(joint, |(_, part)| part)
}

/// `words`, each of which is the [`part_of_body`] of a joint.
pub(super) const fn parts<const N: usize>(words: [&'static str; N]) -> [&'static str; N] {
    let mut at = 0;
    while at < N {
        assert!(!has_underscore(words[at]), "a part of the body is one word");
        at += 1;
    }
    endings(words)
}

/// `words`, each of which ends the name of a joint, or is one.
pub(super) const fn endings<const N: usize>(words: [&'static str; N]) -> [&'static str; N] {
    let mut at = 0;
    while at < N {
        assert!(ends_a_joint(words[at]), "a word that ends no joint's name");
        at += 1;
    }
    words
}

/// Whether `word` ends the name of a joint, or is one.
pub(super) const fn ends_a_joint(word: &str) -> bool {
    let mut joint = 0;
    while joint < BODY28.joints.len() {
        if ends_with(BODY28.joints[joint], word) {
            return true;
        }
        joint += 1;
    }
    false
}

/// Whether `name` is `end`, or ends with `_` and `end`.
const fn ends_with(name: &str, end: &str) -> bool {
    let name = name.as_bytes();
    let end = end.as_bytes();
    if end.len() > name.len() {
        return false;
    }
    let start = name.len() - end.len();
    let mut at = 0;
    while at < end.len() {
        if name[start + at] != end[at] {
            return false;
        }
        at += 1;
    }
    start == 0 || name[start - 1] == b'_'
}

const fn has_underscore(word: &str) -> bool {
    let word = word.as_bytes();
    let mut at = 0;
    while at < word.len() {
        if word[at] == b'_' {
            return true;
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_names_at_an_underscore() {
        for word in ["hip", "left_hip", "big_toe", "nose", "neck_nose"] {
            assert!(ends_a_joint(word), "{word}");
        }
        for word in ["ip", "nee", "elbwo", "left_hips", ""] {
            assert!(!ends_a_joint(word), "{word}");
        }
    }
}
