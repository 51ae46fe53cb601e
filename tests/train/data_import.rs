//! `poselift-train data` as a user runs it.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::path::Path;
use std::process::{Command, Output};

fn data(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_poselift-train")).arg("data").args(args).current_dir(folder).output().unwrap()
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn an_import_can_be_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let import = data(&["import", "synthetic:300", "-o", "clips.npz", "--seed", "7"], folder.path());
    assert_eq!((import.status.code(), words(&import.stdout).as_str()), (Some(0), ""), "{}", words(&import.stderr));
    assert!(words(&import.stderr).contains("clips.npz: 3 clips, 300 frames at 25 Hz"), "{}", words(&import.stderr));

    let info = data(&["info", "clips.npz"], folder.path());
    let text = words(&info.stdout);
    assert_eq!(info.status.code(), Some(0));
    for expected in ["source    synthetic", "licence   none needed", "3 clips, 300 frames", "p000 300", "thigh "] {
        assert!(text.contains(expected), "{text}");
    }

    let first = std::fs::read(folder.path().join("clips.npz")).unwrap();
    data(&["import", "synthetic:300", "-o", "clips.npz", "--seed", "7"], folder.path());
    assert_eq!(std::fs::read(folder.path().join("clips.npz")).unwrap(), first, "the same import gives the same bytes");
}

#[test]
fn a_folder_of_bvh_keeps_its_licence() {
    let folder = tempfile::tempdir().unwrap();
    let takes = folder.path().join("lab/deep/down");
    std::fs::create_dir_all(&takes).unwrap();
    std::fs::write(takes.join("anna_01.bvh"), bvh(60)).unwrap();
    std::fs::write(takes.join("notes.txt"), "not motion").unwrap();

    let import = data(&["import", "lab", "-o", "clips.npz", "--licence", "CC0", "--name", "our lab"], folder.path());
    assert_eq!(import.status.code(), Some(0), "{}", words(&import.stderr));
    assert!(words(&import.stderr).contains("rig motionbuilder, unit cm, by the thigh"), "{}", words(&import.stderr));
    let info = words(&data(&["info", "clips.npz"], folder.path()).stdout);
    assert!(info.contains("our lab") && info.contains("CC0") && info.contains("anna 25"), "{info}");
}

#[test]
fn a_missing_channel_is_named_by_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = bvh(60);
    let (most, last) = text.trim_end().rsplit_once('\n').unwrap();
    std::fs::write(folder.path().join("a_01.bvh"), format!("{most}\n{}\n", last.rsplit_once(' ').unwrap().0)).unwrap();
    let import = data(&["import", ".", "-o", "clips.npz"], folder.path());
    let message = words(&import.stderr);
    assert_eq!(import.status.code(), Some(2), "{message}");
    let line = text.lines().count();
    assert!(message.contains(&format!("a_01.bvh:{line}: a frame of ")) && message.contains("expected "), "{message}");
    assert!(!folder.path().join("clips.npz").exists());
}

#[test]
fn what_cannot_be_imported_exits_2_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    std::fs::write(folder.path().join("a.npz"), "no zip").unwrap();
    for (args, expected) in [
        (&["import", "empty", "-o", "x.npz"][..], "no motion capture in this folder"),
        (&["import", "absent", "-o", "x.npz"], "absent: cannot read"),
        (&["import", "synthetic:9", "-o", "no/such/folder/x.npz"], "cannot write"),
        (&["import", "synthetic:9", "-o", "x.npz", "--rate", "0"], "a rate of 0"),
        (&["info", "a.npz"], "a.npz"),
    ] {
        let output = data(args, folder.path());
        let message = words(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
        assert!(message.contains(expected) && !message.contains("panicked"), "{message}");
    }
}

/// A person in centimetres on MotionBuilder's rig, 60 frames a second, walking sideways.
fn bvh(frames: usize) -> String {
    let mut text = String::from("HIERARCHY\n");
    let mut depth = 0;
    let mut joints = 0;
    let mut joint = |level: usize, name: &str, offset: &str| {
        text.push_str(&"}\n".repeat(depth - level));
        let keyword = if level == 0 { "ROOT" } else { "JOINT" };
        let channels = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation";
        let channels = if level == 0 { channels } else { "CHANNELS 3 Zrotation Xrotation Yrotation" };
        text.push_str(&format!("{keyword} {name}\n{{\nOFFSET {offset}\n{channels}\n"));
        (depth, joints) = (level + 1, joints + 1);
    };
    joint(0, "Hips", "0 0 0");
    for (side, x) in [("Left", 9), ("Right", -9)] {
        joint(1, &format!("{side}UpLeg"), &format!("{x} -4 0"));
        joint(2, &format!("{side}Leg"), "0 -42 0");
        joint(3, &format!("{side}Foot"), "0 -41 0");
    }
    for (level, name, up) in [(1, "Spine", 10), (2, "Spine1", 12), (3, "Spine2", 12), (4, "Neck", 20), (5, "Head", 9)] {
        joint(level, name, &format!("0 {up} 0"));
    }
    for (side, x) in [("Left", 1), ("Right", -1)] {
        joint(4, &format!("{side}Shoulder"), &format!("{} 15 0", 4 * x));
        joint(5, &format!("{side}Arm"), &format!("{} 0 0", 13 * x));
        joint(6, &format!("{side}ForeArm"), &format!("{} 0 0", 28 * x));
        joint(7, &format!("{side}Hand"), &format!("{} 0 0", 25 * x));
    }
    text.push_str(&"}\n".repeat(depth));
    text.push_str(&format!("MOTION\nFrames: {frames}\nFrame Time: 0.0166667\n"));
    for frame in 0..frames {
        let turns = " 2".repeat(joints * 3);
        text.push_str(&format!("{} 95 0{turns}\n", frame as f64 * 0.3));
    }
    text
}
