//! From a path, or none, to a reader or a writer of the right format.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::detector::{SequenceReader, common_name, is_frame_file, numbered_files};
use super::jsonl::{PoseLines, PoseLinesWriter};
use super::npy::ArrayWriter;
use super::npz::is_zip;
use super::pose_arrays::PoseArrays;
use super::size_limit::read_whole;
use super::unpack::unpacked;
use super::{Extras, Format, FrameReader, InputFormat, PoseInfo, PoseReader, PoseWriter, content};
use crate::error::{Error, Result};
use crate::skeleton::Layout;

/// Bytes asked for at once; more than a pipe holds, so that a fast writer is emptied in one go.
const READ_AHEAD: usize = 128 << 10;

/// Where a stream comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// One file.
    File(PathBuf),
    /// A folder whose files are frames of one clip.
    Folder {
        /// The folder, or for one of several clips in it the folder and their common name.
        path: PathBuf,
        /// The files with their frames' numbers, in order.
        files: Vec<(u64, PathBuf)>,
    },
    /// One of several clips in a file of arrays.
    Part {
        /// The file.
        path: PathBuf,
        /// Which: the way to it in VideoPose3D's archive (`S1/Walking/0`, or what of it is enough), or the number of a camera.
        part: String,
    },
    /// What opens itself: a socket, a growing file.
    Live(LiveSource),
}

/// A live source that knows how it is opened.
#[derive(Clone)]
pub struct LiveSource {
    name: PathBuf,
    open: Arc<OpenLive>,
}

/// Opens a live source in a format and a layout, where these are given.
type OpenLive = dyn Fn(Option<InputFormat>, Option<&'static Layout>) -> Result<Box<dyn FrameReader>> + Send + Sync;

impl LiveSource {
    /// The source called `name`, which `open` opens.
    pub fn new(
        name: impl Into<PathBuf>,
        open: impl Fn(Option<InputFormat>, Option<&'static Layout>) -> Result<Box<dyn FrameReader>> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), open: Arc::new(open) }
    }
}

impl std::fmt::Debug for LiveSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LiveSource").field(&self.name).finish()
    }
}

impl PartialEq for LiveSource {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for LiveSource {}

impl Source {
    /// The clips in a folder whose files are frames, by what their names have in common; none where its files are no
    /// frames.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn clips_of_frames(folder: &Path) -> Result<Vec<Self>> {
        let mut clips = numbered_files(folder)?;
        clips.retain(|files| are_frames(files));
        let is_one = clips.len() == 1;
        let mut sources = Vec::with_capacity(clips.len());
        for files in clips {
            let path = if is_one { folder.to_path_buf() } else { folder.join(common_name(&files[0].1)) };
            sources.push(Self::Folder { path, files });
        }
        Ok(sources)
    }

    /// The name that errors give the source: the path, or `<stdin>`.
    pub fn name(&self) -> &Path {
        match self {
            Self::Stdin => Path::new("<stdin>"),
            Self::File(path) | Self::Folder { path, .. } | Self::Part { path, .. } => path,
            Self::Live(live) => &live.name,
        }
    }

    fn open(&self) -> Result<Box<dyn BufRead + Send>> {
        Ok(match self {
            // Stdin's own lock cannot be sent to another thread; reads this long pass its own buffer by.
            Self::Stdin => Box::new(BufReader::with_capacity(READ_AHEAD, std::io::stdin())),
            Self::File(path) | Self::Folder { path, .. } | Self::Part { path, .. } => {
                Box::new(BufReader::with_capacity(READ_AHEAD, open_file(path)?))
            }
            Self::Live(live) => {
                return Err(Error::usage("a live source gives frames, expected a file or a pipe").at(&live.name));
            }
        })
    }
}

/// Whether files are frames of a clip: some of them are looked at, from the middle on, since one may be empty or cut off.
fn are_frames(files: &[(u64, PathBuf)]) -> bool {
    const LOOKS: usize = 9;
    let count = files.len();
    let looks = count.min(LOOKS);
    (0..looks).map(|look| (count / 2 + look * count / looks) % count).any(|place| is_frame_file(&files[place].1))
}

/// Opens a file for reading, and only a file.
///
/// # Errors
/// It does not exist, may not be read, or is a directory.
pub(super) fn open_file(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|e| Error::io("cannot open", path, e))?;
    let found = file.metadata().map_err(|e| Error::io("cannot open", path, e))?;
    if found.is_dir() {
        return Err(Error::input("is a directory, expected a file").at(path));
    }
    Ok(file)
}

/// The first two bytes of a file, which tell whether it is an archive, or as many as it has.
///
/// # Errors
/// As [`open_file`], or it cannot be read.
pub(super) fn first_bytes(path: &Path) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    open_file(path)?.take(2).read_to_end(&mut start).map_err(|e| Error::io("cannot read", path, e))?;
    Ok(start)
}

/// Where a stream goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// One file, made new.
    File(PathBuf),
}

impl Target {
    /// The name that errors give the target: the path, or `<stdout>`.
    pub fn name(&self) -> &Path {
        match self {
            Self::Stdout => Path::new("<stdout>"),
            Self::File(path) => path,
        }
    }
}

/// Opens a 2D stream, in the format `from` or in the one that its content shows: first bytes, first JSON value, first line.
///
/// With a `layout`, it is the stream's layout whatever its header says; where either names one, each person's number
/// of key points is checked against it. Waits for the first line of a pipe, and for no more. What is packed around it, gzip
/// or zstd, and text in UTF-16 are unpacked on the way.
///
/// Arrays of one person a frame give them the id 0; a row in which every joint is missing is a frame without people.
///
/// # Errors
/// A source that cannot be opened, holds nothing, or is in no known format.
pub fn open_reader(
    source: &Source,
    from: Option<InputFormat>,
    layout: Option<&'static Layout>,
) -> Result<Box<dyn FrameReader>> {
    if let Source::Folder { path, files } = source {
        return Ok(Box::new(SequenceReader::new(path, files.clone(), from, layout)?));
    }
    if let Source::Live(live) = source {
        return (live.open)(from, layout);
    }
    content::open(unpacked(source.open()?, source.name())?, source, from, layout)
}

/// Opens a 3D stream as [`create_writer`]'s writers leave it: in JSON Lines, npy or npz, told apart by its first bytes, also
/// where it is packed by gzip or zstd. Arrays hold poses of Human3.6M-17, with or without feet, of one person, who gets the id 0.
///
/// # Errors
/// A source that cannot be opened, or is no 3D stream.
pub fn open_pose_reader(source: &Source) -> Result<Box<dyn PoseReader>> {
    let name = source.name();
    let mut input = unpacked(source.open()?, name)?;
    let start = input.fill_buf().map_err(|e| Error::io("cannot read", name, e))?;
    Ok(match start {
        [0x93, ..] => Box::new(PoseArrays::npy(&read_whole(input, name)?, name)?),
        _ if is_zip(start) => Box::new(PoseArrays::npz(Box::new(Cursor::new(read_whole(input, name)?)), name)?),
        // A table, or a motion file: JSON begins with a brace.
        [b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9', ..] => {
            return Err(Error::input("is no 3D stream, expected JSON Lines, npy or npz")
                .at(name)
                .hint("`run -o poses.jsonl` writes one; tables and motion files are written, and not read"));
        }
        _ => Box::new(PoseLines::new(input, name)?),
    })
}

/// Creates a 3D stream, in the format `to`, else in the one that the extension names, else (to stdout) JSON Lines.
///
/// An existing file is replaced at once: a caller that also reads must see to it that it is not the same file.
/// Arrays hold one person a frame; [`PoseWriter::write`] refuses a frame with more. npz calls its array `poses`.
///
/// Sigma, where `extras` asks for it, must be there: it is written in JSON Lines beside the joints, followed by the joints that
/// were not seen; in npz as an array `[T, J]` of that name once the stream is complete. Roots and angles are written in JSON
/// Lines alone, angles rounded to a hundredth of a degree.
///
/// # Errors
/// A target that cannot be made, an extension that names no format, arrays to stdout or a pipe, extras that the format has no
/// room for.
pub fn create_writer(
    target: &Target,
    to: Option<Format>,
    info: &PoseInfo,
    extras: Extras,
) -> Result<Box<dyn PoseWriter>> {
    let name = target.name();
    let format = check_target(target, to, extras)?;
    let Target::File(path) = target else {
        return Ok(Box::new(PoseLinesWriter::new(std::io::stdout(), info, name, extras)?));
    };
    let file = File::create(path).map_err(|e| Error::io("cannot create", path, e))?;
    Ok(match format {
        Format::JsonLines => Box::new(PoseLinesWriter::new(file, info, name, extras)?),
        Format::Npy => Box::new(ArrayWriter::npy(file, info, name)?),
        Format::Npz => Box::new(ArrayWriter::npz(file, info, name, extras)?),
    })
}

/// A 3D stream in JSON Lines to any `output`, which is called `name`: the header is written at once, and at each
/// [`PoseWriter::flush`] what was written since, by one call of [`Write::write_all`].
///
/// # Errors
/// The output cannot be written.
pub fn line_writer(
    output: impl Write + Send + 'static,
    info: &PoseInfo,
    name: &Path,
    extras: Extras,
) -> Result<Box<dyn PoseWriter>> {
    Ok(Box::new(PoseLinesWriter::new(output, info, name, extras)?))
}

/// As [`line_writer`], behind the frames of another stream with the same header, which stands there already.
pub fn continued_lines(
    output: impl Write + Send + 'static,
    info: &PoseInfo,
    name: &Path,
    extras: Extras,
) -> Box<dyn PoseWriter> {
    Box::new(PoseLinesWriter::without_header(output, info, name, extras))
}

/// The format that [`create_writer`] would write `target` in, without touching it.
///
/// # Errors
/// An extension that names no format, or a target or format with no room for what is to be written.
pub fn check_target(target: &Target, to: Option<Format>, extras: Extras) -> Result<Format> {
    let Target::File(path) = target else {
        return match to {
            None | Some(Format::JsonLines) => Ok(Format::JsonLines),
            Some(format) => {
                Err(Error::usage(format!("{format} cannot be written to a pipe")).hint("name a file with -o"))
            }
        };
    };
    let format = match to.or_else(|| Format::by_extension(path)) {
        Some(format) => format,
        None => {
            let known = Format::ALL.map(|format| format!(".{format}")).join(", ");
            return Err(Error::usage("its extension names no format").at(path).hint(format!("known are {known}")));
        }
    };
    if format != Format::JsonLines && (!extras.angles.is_empty() || extras.contacts) {
        let what = if extras.contacts { "contacts" } else { "angles" };
        return Err(Error::usage(format!("{format} has no room for {what} beside the poses"))
            .at(path)
            .hint("write .jsonl or .csv"));
    }
    if (extras.sigma || extras.root) && format == Format::Npy {
        let what = if extras.sigma { "sigma" } else { "roots" };
        return Err(Error::usage(format!("an npy file holds one array, and no room for {what} beside the poses"))
            .at(path)
            .hint("write .npz or .jsonl"));
    }
    Ok(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> String {
        let source = Source::File(path.to_path_buf());
        open_reader(&source, None, None).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(open(folder.path()).ends_with("is a directory, expected a file"));
        let absent = folder.path().join("absent.jsonl");
        assert!(open(&absent).starts_with(&format!("{}: cannot open: ", absent.display())));
        for (content, expected) in [
            (&b""[..], "no frames"),
            (b"\x80\x04}.", "the pickle holds no array"),
            (b"[{\"a\":1}]", "one JSON list, expected"),
            (b"[]\n[]", "no frames: empty lists alone"),
            (b"\xff\xfe[\x001\0]\0", "one JSON list, expected"),
            (b"frame,x,y\n", "'f' at the start, expected"),
            (b"PK\x03\x04 and no more", "zip archive"),
            (b"\x93NUMPY", "npy"),
        ] {
            let path = folder.path().join("input");
            std::fs::write(&path, content).unwrap();
            let found = open(&path);
            assert!(found.starts_with(path.to_str().unwrap()) && found.contains(expected), "{found}");
        }
    }

    /// The people of each frame of an input, and what is wrong with the others.
    fn read_all(text: &str) -> (Vec<usize>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.json");
        std::fs::write(&path, text).unwrap();
        let mut reader = open_reader(&Source::File(path), None, None).unwrap();
        let (mut people, mut wrong) = (Vec::new(), Vec::new());
        loop {
            match reader.read() {
                Ok(None) => return (people, wrong),
                Ok(Some(frame)) => people.push(frame.people.len()),
                Err(error) => wrong.push(error.to_string()),
            }
        }
    }

    #[test]
    fn frames_before_a_cut_are_read_and_the_cut_is_told() {
        let points = vec!["[1,2,0.5]"; 17].join(",");
        let own = format!(r#"{{"people":[{{"keypoints":[{points}]}}]}}"#);
        let tfjs = r#"[{"keypoints":[{"x":1,"y":2,"name":"nose"},{"x":1,"y":2,"name":"left_eye"}]}]"#;
        let coco = |image: u32| format!(r#"{{"image_id":{image},"keypoints":[{}]}}"#, vec!["3"; 51].join(","));
        for (text, frames) in [
            (format!("[{own},\n{own},\n{}", &own[..90]), 2),
            (format!("{{\"fps\":30,\"frames\":[{own},{own},{own},{}", &own[..9]), 3),
            (format!("[{tfjs},{tfjs},{}", &tfjs[..20]), 2),
            (format!("[{},{},{}", coco(1), coco(2), &coco(3)[..50]), 2),
        ] {
            let (people, wrong) = read_all(&text);
            assert_eq!(people, vec![1; frames], "{text}");
            assert!(matches!(&wrong[..], [one] if one.contains("cut off")), "{wrong:?}");
        }
    }

    #[test]
    fn a_first_line_that_is_cut_off_costs_no_other() {
        let points = vec!["[1,2,0.5]"; 17].join(",");
        let own = format!("{{\"people\":[{{\"keypoints\":[{points}]}}]}}");
        // A clip whose list goes on in the next lines is no such stream.
        let clip = format!("{{\"fps\":25,\"frames\":[\n{own}\n,{own}\n,{own}\n]}}\n");
        assert_eq!(read_all(&clip), (vec![1, 1, 1], Vec::new()));
        let (people, wrong) = read_all(&format!("{}\n{own}\n{own}\n", &own[..39]));
        assert_eq!((people, wrong.len()), (vec![1, 1], 1), "{wrong:?}");
        let openpose = format!(r#"{{"version":1.3,"people":[{{"pose_keypoints_2d":[{}]}}]}}"#, vec!["3"; 75].join(","));
        assert_eq!(read_all(&format!("{}\n{openpose}\n{openpose}\n", &openpose[..40])).0, [1, 1]);
    }

    #[test]
    fn frames_without_people_may_come_first() {
        let person = r#"[{"keypoints":[{"x":1,"y":2,"name":"nose"},{"x":1,"y":2,"name":"left_eye"}]}]"#;
        for first in ["[]\n[]\n", "null\n[]\n", "{}\nnull\n", "[],null,"] {
            assert_eq!(read_all(&format!("{first}{person}\n{person}\n")), (vec![0, 0, 1, 1], Vec::new()), "{first}");
        }
        assert_eq!(read_all(&format!("[null,[],{person}]")), (vec![0, 0, 1], Vec::new()));
    }

    #[test]
    fn a_target_needs_a_format_that_it_can_hold() {
        let info = PoseInfo {
            skeleton: "s".into(),
            joints: vec!["a".into()],
            parents: vec![-1],
            unit: crate::pose::Unit::Metres,
            axes: crate::pose::Axes::Camera,
            fps: None,
            stature: None,
            is_level: None,
            model: "m".into(),
        };
        let refused = |target: &Target, to| {
            create_writer(target, to, &info, Extras::default()).map(|_| ()).unwrap_err().to_string()
        };
        assert_eq!(refused(&Target::Stdout, Some(Format::Npy)), "npy cannot be written to a pipe");
        assert_eq!(refused(&Target::File("out.xyz".into()), None), "out.xyz: its extension names no format");
        let sigma =
            create_writer(&Target::File("out.npy".into()), None, &info, Extras { sigma: true, ..Extras::default() })
                .map(|_| ())
                .unwrap_err();
        assert!(sigma.to_string().starts_with("out.npy: an npy file holds one array"), "{sigma}");
        let nowhere = Target::File("/nonexistent-folder/out.npy".into());
        assert!(refused(&nowhere, None).starts_with("/nonexistent-folder/out.npy: cannot create: "));
    }
}
