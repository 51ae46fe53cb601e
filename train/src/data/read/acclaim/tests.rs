//! Known angles put bones at known places, and errors name what is wrong with either file.

use approx::assert_relative_eq;
use nalgebra::Vector3;
use proptest::prelude::*;

use super::*;
use crate::data::body::kinematics::{Placement, place};

/// An arm of two bones on a chest; `upper`'s axes are turned by 90° about z, so that its x points up.
const ASF: &str = "# by hand
:version 1.10
:name ARM
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   any words, even :odd ones
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 1
   orientation 0 0 0
:bonedata
  begin
     id 1
     name chest
     direction 0 1 0
     length 2
     axis 0 0 0 XYZ
  end
  begin
     id 2
     name upper
     direction 1 0 0
     length 3
     axis 0 0 90 XYZ
    dof rx ry rz
    limits (-60.0 90.0)
           (-90.0 90.0)
           (-90.0 90.0)
  end
  begin
     id 3
     name fore
     direction 1 0 0
     length 4
     axis 90 0 90 XYZ
    dof rz
    limits (-10.0 170.0)
  end
:hierarchy
  begin
    root chest
    chest upper
    upper fore
  end
";

/// At rest; a turn of `upper` about its x, of `fore` about its z; a turn of the root.
const AMC: &str = "#!OML:ASF arm.asf
:FULLY-SPECIFIED
:DEGREES
1
root 0 0 0 0 0 0
upper 0 0 0
fore 0
2
fore 90
root 0 0 0 0 0 0
upper 90 0 0
3
root 5 6 7 90 0 90
upper 0 0 0
fore 0
4
root 0 0 0 0 0 0
upper 90 0 90
fore 0
";

fn parse(asf: &str, amc: &str) -> Result<Take> {
    let skeleton = asf::parse(asf)?;
    let frames = amc::parse(amc, &skeleton)?;
    Ok(super::take(skeleton, frames))
}

/// The joints of one frame: root, chest, upper, fore.
fn placed(take: &Take, frame: usize) -> Vec<Placement> {
    let mut placements = Vec::new();
    place(take, take.frames.row(frame), &mut placements);
    placements
}

/// Where `upper` and `fore` begin and `fore` ends.
fn arm(take: &Take, frame: usize) -> [Vector3<f64>; 3] {
    let placements = placed(take, frame);
    [placements[2].position, placements[3].position, placements[3].point(&take.joints[3].end_site.unwrap())]
}

#[test]
fn known_angles_put_bones_at_known_places() {
    let take = parse(ASF, AMC).unwrap();
    let names: Vec<_> = take.joints.iter().map(|joint| (joint.name.as_str(), joint.parent)).collect();
    assert_eq!(names, [("root", None), ("chest", Some(0)), ("upper", Some(1)), ("fore", Some(2))]);
    assert_eq!((take.frames.dim(), take.unit_metres), ((4, 10), Some(0.0254 / 0.45)));
    assert_relative_eq!(take.frame_seconds, 1.0 / 120.0);
    for (frame, expected) in [
        (0, [[0.0, 2.0, 1.0], [3.0, 2.0, 1.0], [7.0, 2.0, 1.0]]),
        // C turns x to y: `upper` turns 90° about y, from +x to −z. For `fore`, C = Rz(90)·Rx(90) takes z to
        // Rz(90)·(0,−1,0) = +x: it turns about its own length and keeps its direction.
        (1, [[0.0, 2.0, 1.0], [0.0, 2.0, -2.0], [0.0, 2.0, -6.0]]),
        // Rx first, then Rz: the chest (0,2,0) → (0,0,2) → the same; the arm (7,0,0) → the same → (0,7,0).
        (2, [[5.0, 6.0, 10.0], [5.0, 9.0, 10.0], [5.0, 13.0, 10.0]]),
        // C·Rz(90)·Rx(90)·C⁻¹·(1,0,0): C⁻¹ takes it to −y, Rx to −z, which Rz leaves, and C too.
        (3, [[0.0, 2.0, 1.0], [0.0, 2.0, -2.0], [0.0, 2.0, -6.0]]),
    ] {
        for (found, expected) in arm(&take, frame).into_iter().zip(expected) {
            assert_relative_eq!(found, Vector3::from(expected), epsilon = 1e-12);
        }
    }
}

#[test]
fn a_bend_turns_about_the_bones_own_axes() {
    // `fore`'s axes without the turn about x: its z is the world's, and 90° about it bend the elbow upward.
    let take = parse(&ASF.replace("axis 90 0 90 XYZ", "axis 0 0 90 XYZ"), &AMC.replace("fore 90", "fore 30")).unwrap();
    let [_, elbow, hand] = arm(&take, 1);
    // Before `upper` turns, (cos 30, sin 30, 0)·4; its turn takes x to −z.
    assert_relative_eq!(hand - elbow, Vector3::new(0.0, 2.0, -12_f64.sqrt()), epsilon = 1e-12);
}

#[test]
fn units_line_ends_and_the_order_of_dof_are_the_files_own() {
    let degrees = parse(ASF, AMC).unwrap();
    let crlf = parse(&ASF.replace('\n', "\r\n"), &AMC.replace('\n', "\r\n")).unwrap();
    assert_eq!(crlf, degrees);
    let quarter = std::f64::consts::FRAC_PI_2.to_string();
    let radians = AMC.replace("90", &quarter).replace(":DEGREES", ":RADIANS");
    let by_asf = AMC.replace("90", &quarter).replace(":DEGREES\n", "");
    let asf = ASF.replace("deg", "rad").replace("90 0 90 XYZ", &format!("{quarter} 0 {quarter} XYZ"));
    let asf = asf.replace("0 0 90 XYZ", &format!("0 0 {quarter} XYZ"));
    let inches = parse(&asf.replace("0.45", "1.0"), &by_asf).unwrap();
    assert_eq!(inches.unit_metres, Some(0.0254));
    let swapped =
        parse(&ASF.replace("TX TY TZ RX RY RZ", "RX RY RZ TX TY TZ"), &AMC.replace("5 6 7 90 0 90", "90 0 90 5 6 7"));
    for other in [parse(ASF, &radians).unwrap(), inches, swapped.unwrap()] {
        for frame in 0..4 {
            for (found, expected) in arm(&other, frame).into_iter().zip(arm(&degrees, frame)) {
                assert_relative_eq!(found, expected, epsilon = 1e-9);
            }
        }
    }
}

#[test]
fn what_is_wrong_with_a_skeleton_is_named_by_line() {
    for (from, to, line, expected) in [
        (":units", ":unit", 4, "unknown section ':unit'"),
        ("length 0.45", "length 0", 6, "a unit of length of 0, expected a number over 0"),
        ("angle deg", "angle gon", 7, "angles in 'gon', expected deg or rad"),
        ("RX RY RZ", "RX RX RZ", 11, "'RX' a second time"),
        ("RX RY RZ", "RX RY RW", 11, "found 'RW', expected tx, ty, tz, rx, ry or rz"),
        ("   order TX TY TZ RX RY RZ\n", "", 10, "without 'order' in :root"),
        ("   axis XYZ\n", "", 10, "bone 'root' without its axis"),
        ("axis XYZ\n", "axis XXZ\n", 12, "axes in order 'XXZ'"),
        ("orientation 0 0 0", "orientation 0 9 0", 14, "orientation 0 9 0, expected 0 0 0"),
        ("name chest", "called chest", 18, "found 'called' and 1 words"),
        ("direction 0 1 0", "direction 0 1", 19, "found 2 numbers, expected 3"),
        ("direction 0 1 0", "direction 0 0 0", 16, "bone 'chest' points nowhere"),
        ("length 2", "length two", 20, "found 'two', expected a number"),
        ("length 2", "length inf", 20, "expected a finite number"),
        ("     length 2\n", "", 16, "bone 'chest' without its length"),
        ("     name chest\n", "", 16, "a bone without a name"),
        ("axis 0 0 0 XYZ\n  end", "axis 0 0 0 XYZ", 22, "found 'begin' inside a bone, expected end"),
        ("dof rx ry rz", "dof rx ry l", 29, "dof 'l', expected rx, ry or rz"),
        ("dof rx ry rz", "dof rx ry tz", 29, "dof 'tz', expected rx, ry or rz"),
        ("name fore", "name upper", 34, "bone 'upper' a second time"),
        ("upper fore", "upper fist", 47, "'fist' in :hierarchy, expected a bone of :bonedata"),
        ("upper fore", "upper fore chest", 47, "'chest' has two parents"),
        ("    upper fore\n", "", 34, "bone 'fore' does not hang on the root"),
        ("root chest\n    chest upper", "chest upper\n    fore chest", 16, "bone 'chest' does not hang on the root"),
    ] {
        assert!(ASF.contains(from), "{from}");
        let error = asf::parse(&ASF.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(expected), "{to}: {error}");
        assert_eq!(error.place().line, Some(line), "{to}: {error}");
    }
    for (end, expected) in [
        (":units", "without :root"),
        (":bonedata", "without :bonedata"),
        (":hierarchy", "without :hierarchy"),
        ("limits", "without the end of bone 'upper'"),
    ] {
        let error = asf::parse(&ASF[..ASF.find(end).unwrap()]).unwrap_err();
        assert!(error.to_string().contains(expected) && error.hint_text().is_some(), "{end}: {error}");
    }
    let error = asf::parse(&ASF.replace("  length 0.45\n", "")).unwrap_err();
    assert!(error.to_string().contains("without 'length' in :units"), "{error}");
}

#[test]
fn what_is_wrong_with_a_take_is_named_by_line() {
    let skeleton = asf::parse(ASF).unwrap();
    for (from, to, line, expected) in [
        (":DEGREES", ":GRADES", 3, "found ':GRADES', expected :FULLY-SPECIFIED"),
        ("1\nroot", "root", 4, "bone 'root' before any frame"),
        ("upper 0 0 0", "elbow 0 0 0", 6, "found 'elbow', expected a frame's number or a bone that moves"),
        ("upper 0 0 0", "chest 0 0 0", 6, "found 'chest'"),
        ("upper 0 0 0", "upper 0 0", 6, "bone 'upper' with 2 numbers, expected 3"),
        ("upper 0 0 0", "upper 0 0 0 0", 6, "bone 'upper' with 4 numbers, expected 3"),
        ("upper 0 0 0", "upper 0 x 0", 6, "found 'x', expected a number"),
        ("upper 0 0 0", "fore 0", 7, "bone 'fore' a second time in frame 1"),
        ("2\nfore", "3\nfore", 8, "frame 3 behind frame 1, expected the next number"),
        ("upper 90 0 0\n", "", 11, "frame 2 ends without bone 'upper'"),
        ("2\nfore", ":RADIANS\n2\nfore", 8, "before the first frame"),
    ] {
        assert!(AMC.contains(from), "{from}");
        let error = amc::parse(&AMC.replacen(from, to, 1), &skeleton).unwrap_err();
        assert!(error.to_string().contains(expected), "{to}: {error}");
        assert_eq!(error.place().line, Some(line), "{to}: {error}");
    }
    let cut = amc::parse(AMC.strip_suffix("fore 0\n").unwrap(), &skeleton).unwrap_err();
    assert!(cut.to_string().contains("frame 4 ends without bone 'fore'") && cut.hint_text().is_some(), "{cut}");
    assert!(amc::parse(":DEGREES\n", &skeleton).unwrap_err().to_string().contains("without a frame"));
}

#[test]
fn a_take_finds_the_skeleton_of_its_person() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let found = |amc: &str| skeleton_file(&at(amc));
    let error = found("02_01.amc").unwrap_err();
    assert!(
        error.to_string().contains("0 skeletons (.asf)") && error.to_string().contains("expected 02.asf"),
        "{error}"
    );
    std::fs::write(at("anna.asf"), ASF).unwrap();
    assert_eq!(found("02_01.amc").unwrap(), at("anna.asf"));
    std::fs::write(at("2.ASF"), ASF).unwrap();
    for (amc, asf) in
        [("2_01.amc", "2.ASF"), ("anna.amc", "anna.asf"), ("anna3.amc", "anna.asf"), ("anna-3.amc", "anna.asf")]
    {
        assert_eq!(found(amc).unwrap(), at(asf), "{amc}");
    }
    for amc in ["21_01.amc", "21.amc", "annabel.amc", "02_01.amc"] {
        let error = found(amc).unwrap_err();
        assert!(error.to_string().contains("2 skeletons (.asf)"), "{error}");
    }
}

#[test]
fn an_error_names_the_file_that_it_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let (asf, amc) = (folder.path().join("a.asf"), folder.path().join("a_1.amc"));
    std::fs::write(&asf, ASF).unwrap();
    std::fs::write(&amc, AMC.replace("fore 90", "fore")).unwrap();
    assert_eq!(from_files(&asf, &amc).unwrap_err().place().path.as_ref(), Some(&amc));
    std::fs::write(&asf, ASF.replace("length 4", "length")).unwrap();
    assert_eq!(from_files(&asf, &amc).unwrap_err().place().path.as_ref(), Some(&asf));
}

proptest! {
    #[test]
    fn bytes_gone_wrong_never_panic(at in 0..ASF.len(), byte: u8, cut in 0..AMC.len(), word in "\\PC{0,6}") {
        let mut bytes = ASF.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = parse(&String::from_utf8_lossy(&bytes), AMC);
        let _ = asf::parse(&format!("{}{word}{}", &ASF[..at], &ASF[at..]));
        let _ = parse(ASF, &format!("{}{word}{}", &AMC[..cut], &AMC[cut..]));
        prop_assert!(asf::parse(&ASF[..at.min(ASF.find(":hierarchy").unwrap())]).is_err());
    }
}
