//! Errors name what is wrong with a file, and nothing panics.

use proptest::prelude::*;

use super::*;

const GOOD: &str = "HIERARCHY
ROOT Hips
{
\tOFFSET 0.0 1.0 0.0
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
\tJOINT Spine
\t{
\t\tOFFSET 0 2e-1 0
\t\tCHANNELS 2 Xrotation Zrotation
\t\tJOINT Fixed
\t\t{
\t\t\tOFFSET 0 0 0
\t\t\tCHANNELS 0
\t\t\tEnd Site
\t\t\t{
\t\t\t\tOFFSET 0 0.1 0
\t\t\t}
\t\t}
\t}
}
MOTION
Frames: 2
Frame Time:\t.0083333
0 1 2 3 4 5 6 7
1 1 2 3 4 5 6 -7e0
";

#[test]
fn reads_joints_channels_and_frames() {
    let bvh = parse(GOOD).unwrap();
    let joints: Vec<_> =
        bvh.joints.iter().map(|j| (j.name.as_str(), j.parent, j.first_channel, j.channels.len())).collect();
    assert_eq!(joints, [("Hips", None, 0, 6), ("Spine", Some(0), 6, 2), ("Fixed", Some(1), 8, 0)]);
    assert_eq!(bvh.joints[1].channels, [Channel::Rotation(Axis::X), Channel::Rotation(Axis::Z)]);
    assert_eq!(bvh.joints[2].end_site, Some(Vector3::new(0.0, 0.1, 0.0)));
    assert_eq!((bvh.frame_seconds, bvh.frames.dim(), bvh.frames[[1, 7]]), (0.008_333_3, (2, 8), -7.0));
}

#[test]
fn line_ends_blank_lines_braces_and_prefixes_do_not_matter() {
    let good = parse(GOOD).unwrap();
    for variant in [
        GOOD.replace('\n', "\r\n"),
        GOOD.replace('\n', "\n\n"),
        GOOD.replace("\n{", " {").replace("Spine\n\t{", "Spine {").replace("Site\n\t\t\t{", "Site {"),
        format!("\u{feff}{GOOD}"),
        GOOD.replace("Xposition", "xPosition"),
    ] {
        assert_eq!(parse(&variant).unwrap(), good, "{variant}");
    }
    let prefixed = parse(&GOOD.replace("JOINT ", "JOINT man:")).unwrap();
    assert_eq!(prefixed.position("Spine"), Some(1));
}

#[test]
fn faults_are_named_by_line_with_found_and_expected() {
    for (from, to, line, expected) in [
        ("HIERARCHY", "<html>", Some(1), "found '<html>', expected HIERARCHY"),
        ("ROOT Hips", "ROOT", Some(2), "a joint without a name"),
        ("\tJOINT Spine\n\t{", "\tJOINT Spine\n", Some(8), "expected '{' behind a joint's name"),
        ("OFFSET 0 2e-1 0", "OFFSET 0 2e-1", Some(8), "OFFSET without its z"),
        ("OFFSET 0 2e-1 0", "OFFSET 0 tall 0", Some(8), "found 'tall', expected a number"),
        ("OFFSET 0 2e-1 0", "OFFSET 0 nan 0", Some(8), "expected a finite number"),
        ("CHANNELS 2 X", "CHANNELS 3 X", Some(9), "2 channel names, expected 3"),
        ("CHANNELS 2 X", "CHANNELS 1000000000 X", Some(9), "expected 0 to 6"),
        ("CHANNELS 2 Xrotation", "CHANNELS 2 Wrotation", Some(9), "unknown channel 'Wrotation'"),
        ("\t\t\t\tOFFSET 0 0.1 0", "\t\t\t\tCHANNELS 1 Xrotation", Some(16), "CHANNELS outside a joint"),
        ("\t}\n}\nMOTION", "\t}\nMOTION", Some(20), "MOTION while 'Hips' is not closed"),
        ("\t}\n}\nMOTION", "\t}\n}\n}\nMOTION", Some(21), "found '}' with no '{'"),
        ("MOTION", "", Some(22), "found 'Frames:'"),
        ("Frames: 2", "Frames: two", Some(22), "expected 'Frames: N'"),
        ("Frame Time:\t.0083333", "Frame Time: 0", Some(23), "expected 'Frame Time: SECONDS'"),
        ("0 1 2 3 4 5 6 7", "0 1 2 3 4 5 6", Some(24), "a frame of 7 numbers, expected 8, one for each channel"),
        ("0 1 2 3 4 5 6 7", "0 1 2 3 4 5 6 7 8", Some(24), "a frame of 9 numbers, expected 8"),
        ("0 1 2 3 4 5 6 7", "0 1 2 x 4 5 6 7", Some(24), "found 'x', expected a number"),
        ("Frames: 2", "Frames: 9", None, "2 frames of motion, expected 9"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let error = parse(&text).unwrap_err();
        assert!(error.to_string().contains(expected), "{error} instead of {expected}");
        assert_eq!(error.place().line, line, "{error}");
    }
}

#[test]
fn a_file_that_ends_early_is_cut_off() {
    // The last line may lose its last digits unnoticed; every shorter file is refused.
    for end in 0..GOOD.len() - 4 {
        assert!(parse(&GOOD[..end]).is_err(), "{end}");
    }
}

#[test]
fn deep_trees_do_not_exhaust_the_stack() {
    let depth = 20_000;
    let open = |n: usize| format!("{} j{n}\n{{\nOFFSET 0 0 0\n", if n == 0 { "ROOT" } else { "JOINT" });
    let text = format!(
        "HIERARCHY\n{}{}MOTION\nFrames: 0\nFrame Time: 1\n",
        (0..depth).map(open).collect::<String>(),
        "}\n".repeat(depth)
    );
    assert_eq!(parse(&text).unwrap().joints.len(), depth);
}

proptest! {
    #[test]
    fn mutations_never_panic(edits in prop::collection::vec((0..GOOD.len(), any::<u8>()), 1..8), cut in 0..GOOD.len()) {
        let mut bytes = GOOD.as_bytes().to_vec();
        for (at, byte) in edits {
            bytes[at] = byte;
        }
        bytes.truncate(cut.max(1));
        let _ = parse(&String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(GOOD.as_bytes());
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn words_in_any_order_never_panic(order in prop::collection::vec(0usize..64, 0..40)) {
        let words: Vec<_> = GOOD.split_inclusive(['\n', ' ']).collect();
        let text: String = order.iter().map(|&index| words[index % words.len()]).collect();
        let _ = parse(&format!("HIERARCHY\n{text}"));
    }
}
