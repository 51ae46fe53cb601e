//! The examples in C, C++ and C# are compiled and run, and give what the library gives in Rust.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use poselift::model::Device;
use poselift::pose::{Frame, Keypoint, Person};
use poselift::skeleton::{COCO17, H36M17, MEDIAPIPE33};
use poselift::smooth::Smoothing;
use poselift::stream::{PushOptions, PushStream};
use poselift::{Lifter, LifterOptions};
use poselift_c::{Frame as CFrame, Model, Options, Person as CPerson, StreamOptions};
use serde_json::Value;

use crate::library::{CLIP, has, installed, program, run, source, stdout};

const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"];
const WRIST: usize = H36M17.joint("right_wrist");
/// Frames that the examples get: enough for smoothing and for a person to come and go.
const FRAMES: usize = 60;

/// The clip in COCO-17; in some frames a second person without an id stands beside the first, and one frame has no person.
fn frames() -> Vec<Frame> {
    let text = fs::read_to_string(CLIP).unwrap();
    let own: Vec<usize> = COCO17.joints.iter().map(|name| MEDIAPIPE33.position(name).unwrap()).collect();
    let parsed = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut frames: Vec<Frame> = parsed
        .filter_map(|frame| {
            let points: Vec<[f32; 3]> = serde_json::from_value(frame["people"][0]["keypoints"].clone()).ok()?;
            let person = |shift: f32| Person {
                id: None,
                keypoints: own
                    .iter()
                    .map(|&at| Keypoint {
                        x: f64::from(points[at][0] + shift),
                        y: f64::from(points[at][1]),
                        score: points[at][2],
                    })
                    .collect(),
            };
            let index = frame["frame"].as_u64()?;
            let shifts: &[f32] = if index % 20 > 10 { &[0.0, 500.0] } else { &[0.0] };
            Some(Frame {
                index,
                time: frame["time"].as_f64(),
                people: shifts.iter().map(|&shift| person(shift)).collect(),
                ..Frame::default()
            })
        })
        .take(FRAMES)
        .collect();
    frames[7].people.clear();
    for (index, frame) in frames.iter_mut().enumerate() {
        frame.index = index as u64;
    }
    frames
}

/// The examples' input.
fn lines(frames: &[Frame]) -> String {
    let mut text = String::new();
    for frame in frames {
        write!(text, "{} {}", frame.time.unwrap(), frame.people.len()).unwrap();
        for point in frame.people.iter().flat_map(|person| &person.keypoints) {
            write!(text, " {} {} {}", point.x as f32, point.y as f32, point.score).unwrap();
        }
        text.push('\n');
    }
    text
}

/// Frame, id, and the right wrist of each person.
type Wrist = (u64, i64, [f32; 3]);

/// What the library gives in Rust, on this machine's own kernels.
fn expected(frames: &[Frame]) -> Vec<Wrist> {
    let lifter = Lifter::bundled(&LifterOptions { device: Device::Cpu, ..LifterOptions::default() }).unwrap();
    let mut options = PushOptions { smoothing: Some(Smoothing::Live(2.0)), ..PushOptions::default() };
    options.read.layout = Some(&COCO17);
    options.read.size = Some([1768, 994]);
    let mut stream = PushStream::new(lifter.handle(), options);
    let mut lifted: Vec<_> = frames.iter().flat_map(|frame| stream.push(frame.clone()).unwrap()).collect();
    lifted.extend(stream.finish().unwrap());
    let people = lifted.iter().flat_map(|frame| frame.people.iter().map(move |person| (frame.index, person)));
    people.map(|(index, person)| (index, person.id.unwrap_or(-1), person.joints[WRIST])).collect()
}

fn parsed(text: &str) -> Vec<Wrist> {
    let wrist = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words.len(), 5, "{line}");
        let axis = |at: usize| words[at].parse().unwrap();
        (words[0].parse().unwrap(), words[1].parse().unwrap(), [axis(2), axis(3), axis(4)])
    };
    text.lines().map(wrist).collect()
}

/// The same people in the same frames, each wrist within `tolerance` metres.
fn assert_close(found: &[Wrist], expected: &[Wrist], tolerance: f32) {
    let who = |wrists: &[Wrist]| wrists.iter().map(|(frame, id, _)| (*frame, *id)).collect::<Vec<_>>();
    assert_eq!(who(found), who(expected));
    for (found, expected) in found.iter().zip(expected) {
        let apart = found.2.iter().zip(expected.2).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart <= tolerance, "{found:?}, expected {expected:?}");
    }
}

fn compile(compiler: &str, standard: &str, example: &str, link: &[&str]) -> PathBuf {
    let name = format!("{example}.{}", if link.contains(&"-lposelift") { "shared" } else { "static" });
    let to = installed().join(name);
    run(Command::new(compiler)
        .args(["-O1", "-g", standard])
        .args(WARNINGS)
        .arg(source("examples").join(example))
        .arg("-I")
        .arg(installed().join("include"))
        .arg("-L")
        .arg(installed().join("lib"))
        .args(link)
        .arg("-lm")
        .arg("-o")
        .arg(&to));
    to
}

/// Runs an example on the lines of a file, under `tool` if there is one.
fn lifted(command: &mut Command, input: &Path) -> Vec<Wrist> {
    parsed(&stdout(&run(command.stdin(Stdio::from(File::open(input).unwrap())))))
}

fn input(name: &str, frames: &[Frame]) -> PathBuf {
    let path = installed().join(name);
    fs::write(&path, lines(frames)).unwrap();
    path
}

/// valgrind's word that no byte was lost or misused; it knows AVX2, and no newer kernels.
fn valgrind() -> Command {
    let mut command = program("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command
}

#[test]
fn c_gives_what_rust_gives_shared_and_static() {
    if !has("cc", "gcc") {
        return;
    }
    let shared = compile("cc", "-std=c99", "lift.c", &["-lposelift"]);
    let text = stdout(&run(&mut program(&shared)));
    let rows: Vec<&str> = text.lines().collect();
    let names: Vec<&str> = rows.iter().map(|row| row.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, H36M17.joints);
    let number = |row: usize, at: usize| rows[row].split_whitespace().nth(at).unwrap().parse::<f32>().unwrap();
    // The hip is the origin; the person stands upright, y down: knees, then feet below it, the head above.
    assert!((1..4).all(|axis| number(0, axis) == 0.0), "{text}");
    assert!(number(2, 2) > 0.3 && number(3, 2) > number(2, 2) + 0.2 && number(10, 2) < -0.5, "{text}");
    let unshared = compile("cc", "-std=c99", "lift.c", &["-l:libposelift.a", "-lpthread", "-ldl"]);
    let mut bare = program(&unshared);
    assert_eq!(stdout(&run(bare.env_remove("LD_LIBRARY_PATH"))), text);
}

#[test]
fn cpp_gives_what_rust_gives() {
    if !has("c++", "g++") {
        return;
    }
    let frames = frames();
    let stream = compile("c++", "-std=c++17", "stream.cpp", &["-lposelift"]);
    let found = lifted(&mut program(stream), &input("cpp.txt", &frames));
    let expected = expected(&frames);
    assert!(expected.len() > FRAMES && expected.iter().any(|(_, id, _)| *id == 1), "{expected:?}");
    assert_close(&found, &expected, 1e-6);
}

#[test]
fn no_byte_is_lost_or_misused() {
    if !has("valgrind", "valgrind") || !has("cc", "gcc") || !has("c++", "g++") {
        return;
    }
    let lift = compile("cc", "-std=c11", "lift.c", &["-lposelift"]);
    run(valgrind().arg(lift));
    let frames = &frames()[..24];
    let stream = compile("c++", "-std=c++20", "stream.cpp", &["-lposelift"]);
    let found = lifted(valgrind().arg(stream), &input("valgrind.txt", frames));
    // Other kernels, with roundings of their own in int8.
    assert_close(&found, &expected(frames), 2e-3);
}

#[test]
fn c_sharp_gives_what_rust_gives() {
    if !has("mcs", "mono-mcs") || !has("mono", "mono-runtime") {
        return;
    }
    let to = installed().join("stream.exe");
    run(Command::new("mcs")
        .args(["-warnaserror", "-langversion:7"])
        .arg(installed().join("unity/Poselift.cs"))
        .arg(source("examples/Stream.cs"))
        .arg(format!("-out:{}", to.display())));
    let frames = frames();
    let found = lifted(program("mono").arg(to), &input("mono.txt", &frames));
    assert_close(&found, &expected(&frames), 1e-6);
}

/// Options and what is read of a model lie in C# where they lie in C; wrong lengths are told apart.
#[test]
fn c_sharp_lays_structures_out_as_c_does() {
    if !has("mcs", "mono-mcs") || !has("mono", "mono-runtime") {
        return;
    }
    let to = installed().join("layout.exe");
    let code = installed().join("Layout.cs");
    fs::write(&code, LAYOUT).unwrap();
    run(Command::new("mcs")
        .args(["-warnaserror", "-langversion:7"])
        .arg(installed().join("unity/Poselift.cs"))
        .arg(&code)
        .arg(format!("-out:{}", to.display())));
    let options = (size_of::<Options>(), size_of::<StreamOptions>());
    let places = (offset_of!(StreamOptions, contacts), offset_of!(StreamOptions, keep_sides));
    let frames = (size_of::<CPerson>(), size_of::<CFrame>(), size_of::<Model>());
    let expected =
        format!("{options:?} {places:?} {frames:?}\nm\n1 ids for 2 people, expected one for each, or null\n");
    assert_eq!(stdout(&run(program("mono").arg(to))), expected);
}

const LAYOUT: &str = r#"
using System;
using System.Runtime.InteropServices;
using Poselift;

public static class Layout
{
    private static int At(string field)
    {
        return (int)Marshal.OffsetOf(typeof(StreamOptions), field);
    }

    public static void Main()
    {
        var options = "(" + Marshal.SizeOf(typeof(Options)) + ", " + Marshal.SizeOf(typeof(StreamOptions)) + ")";
        var places = "(" + At("contacts") + ", " + At("keep_sides") + ")";
        var frames = "(" + Marshal.SizeOf(typeof(NativePerson)) + ", " + Marshal.SizeOf(typeof(NativeFrame));
        Console.WriteLine(options + " " + places + " " + frames + ", " + Marshal.SizeOf(typeof(NativeModel)) + ")");
        using (var lifter = new Lifter())
        using (var stream = new PoseStream(lifter, new StreamOptions { keep_sides = true }))
        {
            Console.WriteLine(lifter.Unit);
            try
            {
                stream.Push(0.0, new float[2 * 17 * 3], 2, 17, new long[1]);
            }
            catch (ArgumentException error)
            {
                Console.WriteLine(error.Message);
            }
        }
    }
}
"#;

/// The README's command for C, as it stands there.
#[test]
fn the_readmes_command_runs() {
    if !has("cc", "gcc") {
        return;
    }
    let readme = fs::read_to_string(source("../README.md")).unwrap();
    let command = readme.lines().find(|line| line.starts_with("cc ")).expect("README.md has a line for C");
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(installed(), folder.path().join("c-library")).unwrap();
    std::os::unix::fs::symlink(source(""), folder.path().join("c")).unwrap();
    let output = run(program("sh").args(["-c", command]).current_dir(&folder));
    assert_eq!(stdout(&output).lines().count(), H36M17.len());
}
