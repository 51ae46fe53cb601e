//! One self-contained HTML page: the 2D key points next to the 3D skeletons and their joint angles, to play, scrub and
//! rotate.
//!
//! Nothing is kept in memory: the page's head is written first, then one line of data per frame. The data block is
//! the last part of the file, so a page whose writer was killed still opens and shows every written frame.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::data::{self, PageInfo};
use super::rows::RowEncoder;
use crate::error::{Error, Result};
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// The page without its data; `{{css}}`, `{{script}}` and `{{title}}` are filled in.
const TEMPLATE: &str = include_str!("page/page.html");

const STYLE: &str = include_str!("page/page.css");

/// The page's script, in the order of use; the pieces share one scope.
const SCRIPTS: [&str; 9] = [
    include_str!("page/rows.js"),
    include_str!("page/clip.js"),
    include_str!("page/paint.js"),
    include_str!("page/image.js"),
    include_str!("page/scene.js"),
    include_str!("page/space.js"),
    include_str!("page/charts.js"),
    include_str!("page/words.js"),
    include_str!("page/player.js"),
];

/// Closes the elements that [`TEMPLATE`] leaves open.
const END: &str = "</script>\n</body>\n</html>\n";

/// Writes frames and their poses into one HTML page.
///
/// ```
/// use poselift::format::{PoseInfo, PoseWriter};
/// use poselift::pose::{Frame, LiftedFrame};
/// use poselift::skeleton::COCO17;
/// use poselift::view::{PageInfo, PageWriter, PoseSet};
///
/// let poses = PoseInfo {
///     skeleton: "h36m17".into(),
///     joints: vec!["hip".into()],
///     parents: vec![-1],
///     unit: poselift::pose::Unit::Metres,
///     axes: poselift::pose::Axes::Camera,
///     fps: Some(30.0),
///     stature: None,
///     is_level: None,
///     model: "coco17".into(),
/// };
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("poses.html");
/// let sets = [PoseSet { name: "walk", poses: &poses, device: "CPU, 2 threads" }];
/// let info = PageInfo { title: "walk", sets: &sets, layout: Some(&COCO17), notes: &[] };
/// let mut page = Box::new(PageWriter::create(&path, &info)?);
/// page.write(&Frame::default(), &LiftedFrame::default())?;
/// page.finish()?;
/// # Ok::<(), poselift::Error>(())
/// ```
#[derive(Debug)]
pub struct PageWriter<W = BufWriter<File>> {
    out: W,
    name: PathBuf,
    rows: RowEncoder,
    line: String,
}

impl PageWriter {
    /// Creates the file and writes everything except the frames.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn create(path: &Path, info: &PageInfo<'_>) -> Result<Self> {
        let file = File::create(path).map_err(|e| Error::io("cannot create", path, e))?;
        Self::new(BufWriter::new(file), path, info)
    }
}

impl<W: Write> PageWriter<W> {
    /// Writes everything except the frames to `out`, which errors call `name`.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn new(out: W, name: &Path, info: &PageInfo<'_>) -> Result<Self> {
        let rows = RowEncoder::new(info.sets.iter().map(|set| set.poses));
        let mut page = Self { out, name: name.to_owned(), rows, line: String::new() };
        page.put(&head(info.title))?;
        page.put(&data::header(info))?;
        Ok(page)
    }

    /// Writes a frame with its poses in each of the page's streams.
    ///
    /// # Errors
    /// The page cannot be written.
    ///
    /// # Panics
    /// There are not as many `sets` as the page has streams.
    pub fn write_sets(&mut self, frame: &Frame, sets: &[&LiftedFrame]) -> Result<()> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        data::append_row_line(self.rows.encode(frame, sets), &mut line);
        let written = self.put(&line);
        self.line = line;
        written
    }

    /// Adds a note to those that the page shows.
    ///
    /// # Errors
    /// The page cannot be written.
    pub fn write_note(&mut self, note: &str) -> Result<()> {
        self.put(&data::note_line(note))
    }

    /// Completes the page.
    ///
    /// # Errors
    /// The page cannot be written.
    pub fn close(mut self) -> Result<()> {
        self.put(END)?;
        self.flush_out()
    }

    fn flush_out(&mut self) -> Result<()> {
        self.out.flush().map_err(|e| Error::io("cannot write", &self.name, e))
    }

    fn put(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes()).map_err(|e| Error::io("cannot write", &self.name, e))
    }
}

impl<W: Write + Send> PoseWriter for PageWriter<W> {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        self.write_sets(frame, &[lifted])
    }

    fn flush(&mut self) -> Result<()> {
        self.flush_out()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.close()
    }
}

/// The page up to its data.
fn head(title: &str) -> String {
    // The title comes last, so that nothing in it is mistaken for a placeholder.
    TEMPLATE
        .trim_end()
        .replace("{{css}}", STYLE)
        .replace("{{script}}", &SCRIPTS.concat())
        .replace("{{title}}", &escaped(title))
        + "\n"
}

/// `text` as the content of an HTML element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_filled_and_left_open_for_data() {
        let head = head("<b> & {{css}}");
        assert!(head.contains("<title>&lt;b&gt; &amp; {{css}} – poselift</title>"));
        assert_eq!(head.matches("{{").count(), 1, "only the title's own braces are left");
        assert!(head.ends_with("<script type=\"text/plain\" id=\"clip\">\n"));
        assert_eq!(head.matches("<script").count(), 2);
        assert_eq!(head.matches("</script").count(), 1);
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let head = head("clip").to_lowercase();
        for word in ["http:", "https:", "src=", "@import", "url(", "fetch(", "xmlhttprequest", "import(", "eval("] {
            assert!(!head.contains(word), "the page holds '{word}'");
        }
        assert!(head.contains("default-src 'none'"));
    }
}
