//! What other programs call joints.

/// The marker's name in motion capture's manner: `right_knee` is `RKnee`, `neck_nose` is `NeckNose`.
pub(super) fn marker_name(joint: &str) -> String {
    let (side, rest) = match joint.split_once('_') {
        Some(("left", rest)) => ("L", rest),
        Some(("right", rest)) => ("R", rest),
        _ => ("", joint),
    };
    let words = rest.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    std::iter::once(side.to_owned()).chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the markers of Pose2Sim's OpenSim models.
    #[test]
    fn feet_are_called_as_in_openpose() {
        let names = crate::skeleton::H36M23.joints[17..].iter().map(|joint| marker_name(joint)).collect::<Vec<_>>();
        assert_eq!(names, ["LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel"]);
    }

    #[test]
    fn sides_are_a_letter() {
        for (joint, expected) in
            [("right_knee", "RKnee"), ("left_hip", "LHip"), ("hip", "Hip"), ("neck_nose", "NeckNose"), ("", "")]
        {
            assert_eq!(marker_name(joint), expected);
        }
    }
}
