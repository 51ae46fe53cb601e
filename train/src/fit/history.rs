//! The measurements of a run: one row per iteration, one score per epoch.
//!
//! The rows are in `history.csv` and are written as they come, so that a killed run keeps them; a resumed run first
//! cuts the file back to its checkpoint.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use poselift::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize};

/// The first line of `history.csv`.
pub const HISTORY_HEADER: &str = "iteration,epoch,train_mpjpe,val_mpjpe,seconds";

/// One training step's figures. MPJPE in millimetres, or in the data's own unit if that is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// One-based step number.
    pub iteration: u64,
    /// One-based epoch that the step belongs to.
    pub epoch: u32,
    /// MPJPE of the step's batch, in training mode (with dropout).
    pub train_mpjpe: f64,
    /// MPJPE of the validation split after this step, where it was measured.
    pub val_mpjpe: Option<f64>,
    /// Seconds of training since the run began (time before a resume included).
    pub seconds: f64,
}

/// The network's scores at the end of an epoch, in evaluation mode on both splits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochScore {
    /// One-based epoch.
    pub epoch: u32,
    /// Steps done by then.
    pub iteration: u64,
    /// MPJPE on (a fixed part of) the training split, dropout off; NaN (JSON `null`) if the run diverged.
    #[serde(deserialize_with = "nan_for_null")]
    pub train_mpjpe: f64,
    /// MPJPE on the validation split; NaN (JSON `null`) if the run diverged.
    #[serde(deserialize_with = "nan_for_null")]
    pub val_mpjpe: f64,
}

/// The result of a finished run; saved as `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// `mm` or the data's own unit.
    pub unit: String,
    /// A score for each epoch.
    pub epochs: Vec<EpochScore>,
    /// Samples used in training, each counted as often as it was used.
    pub samples: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Training samples.
    pub train_size: usize,
    /// Validation samples.
    pub val_size: usize,
    /// `cpu` or `cuda:N`.
    pub device: String,
}

/// JSON has no NaN: `serde_json` writes `null`, and this reads it back.
fn nan_for_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// Appends rows to a `history.csv`.
#[derive(Debug)]
pub struct HistoryWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl HistoryWriter {
    /// Starts a new history; an existing one is replaced.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|e| Error::io("cannot create", path, e))?;
        let mut writer = Self { path: path.to_owned(), file: BufWriter::new(file) };
        writer.line(HISTORY_HEADER)?;
        writer.flush()?;
        Ok(writer)
    }

    /// Continues a history after `iteration`: later rows are removed, and so is a line that was cut off by a kill.
    ///
    /// # Errors
    /// The file cannot be read, is not a history, or ends before `iteration`.
    pub fn resume(path: &Path, iteration: u64) -> Result<Self> {
        if iteration == 0 {
            return Self::create(path);
        }
        let file = OpenOptions::new().read(true).write(true).open(path);
        let mut file = file.map_err(|e| Error::io("cannot resume", path, e))?;
        let kept_bytes = bytes_through(&file, path, iteration)?;
        let cut = file.set_len(kept_bytes).and_then(|()| file.seek(SeekFrom::End(0)));
        cut.map_err(|e| Error::io("cannot resume", path, e))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Adds one row; it reaches the disk with [`Self::flush`] or when the buffer is full.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, row: &HistoryRow) -> Result<()> {
        let val = row.val_mpjpe.map(seven_digits).unwrap_or_default();
        let train = seven_digits(row.train_mpjpe);
        self.line(&format!("{},{},{train},{val},{:.3}", row.iteration, row.epoch, row.seconds))
    }

    /// Hands everything to the operating system. Must be called before a checkpoint is saved, so that no checkpoint
    /// is ahead of its history.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|e| Error::io("cannot write", &self.path, e))
    }

    fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.file, "{text}").map_err(|e| Error::io("cannot write", &self.path, e))
    }
}

/// Seven significant digits, all that an f32 holds, in the plain decimal form.
fn seven_digits(value: f64) -> String {
    format!("{value:.6e}").parse::<f64>().map_or_else(|_| value.to_string(), |rounded| rounded.to_string())
}

/// Reads a whole `history.csv`.
///
/// # Errors
/// The file cannot be read, or a line is not a row: the message has its number.
pub fn read_history(path: &Path) -> Result<Vec<HistoryRow>> {
    let file = File::open(path).map_err(|e| Error::io("cannot read", path, e))?;
    let mut rows: Vec<HistoryRow> = Vec::new();
    each_row(BufReader::new(file), path, |row, _| {
        rows.push(row);
        true
    })?;
    Ok(rows)
}

/// Length in bytes of the header and the rows up to `iteration`.
fn bytes_through(file: &File, path: &Path, iteration: u64) -> Result<u64> {
    let mut last = 0;
    let mut length = None;
    each_row(BufReader::new(file), path, |row, end| {
        last = row.iteration;
        length = (last == iteration).then_some(end);
        last < iteration
    })?;
    length.ok_or_else(|| {
        Error::input(format!("the history ends at iteration {last}, expected {iteration}, where the checkpoint is"))
            .at(path)
    })
}

/// Calls `visit` with each row and the byte offset of its end, until it returns false.
fn each_row(mut text: BufReader<impl Read>, path: &Path, mut visit: impl FnMut(HistoryRow, u64) -> bool) -> Result<()> {
    let mut line = String::new();
    let mut end = 0;
    let mut last_iteration = 0;
    for number in 1.. {
        line.clear();
        end += text.read_line(&mut line).map_err(|e| Error::io("cannot read", path, e).line(number))? as u64;
        let content = line.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let complaint = match (content, number) {
            (None, 2..) if line.is_empty() => return Ok(()),
            (Some(HISTORY_HEADER), 1) => continue,
            (_, 1) => format!("found {:?}, expected the header {HISTORY_HEADER:?}", line.trim_end()),
            (None, _) => "the line is cut off".to_owned(),
            (Some(content), _) => match parse_row(content) {
                Ok(row) if row.iteration <= last_iteration => {
                    format!("iteration {} follows iteration {last_iteration}", row.iteration)
                }
                Ok(row) => {
                    last_iteration = row.iteration;
                    if visit(row, end) {
                        continue;
                    }
                    return Ok(());
                }
                Err(complaint) => complaint,
            },
        };
        return Err(Error::input(complaint).at(path).line(number));
    }
    Ok(())
}

fn parse_row(line: &str) -> Result<HistoryRow, String> {
    let cells: Vec<&str> = line.split(',').collect();
    let &[iteration, epoch, train, val, seconds] = cells.as_slice() else {
        return Err(format!("found {} cells, expected 5 ({HISTORY_HEADER})", cells.len()));
    };
    Ok(HistoryRow {
        iteration: cell("iteration", iteration)?,
        epoch: cell("epoch", epoch)?,
        train_mpjpe: cell("train_mpjpe", train)?,
        val_mpjpe: if val.is_empty() { None } else { Some(cell("val_mpjpe", val)?) },
        seconds: cell("seconds", seconds)?,
    })
}

fn cell<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} is {text:?}, expected a number"))
}

#[cfg(test)]
mod tests {
    // A failed unwrap is a failed test.
    use std::fs;

    use super::*;

    fn row(iteration: u64) -> HistoryRow {
        let val_mpjpe = iteration.is_multiple_of(2).then_some(50.25);
        HistoryRow { iteration, epoch: 1, train_mpjpe: 100.0 / iteration as f64, val_mpjpe, seconds: 0.125 }
    }

    fn written(path: &Path, rows: u64) {
        let mut writer = HistoryWriter::create(path).unwrap();
        (1..=rows).for_each(|i| writer.append(&row(i)).unwrap());
        writer.flush().unwrap();
    }

    #[test]
    fn survives_the_round_trip_to_seven_digits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        written(&path, 3);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{HISTORY_HEADER}\n1,1,100,,0.125\n2,1,50,50.25,0.125\n3,1,33.33333,,0.125\n"));
        let rows = read_history(&path).unwrap();
        assert_eq!(rows[1], row(2));
        assert!((rows[2].train_mpjpe - 100.0 / 3.0).abs() < 1e-5);
    }

    #[test]
    fn a_score_that_is_no_number_is_kept_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        let mut writer = HistoryWriter::create(&path).unwrap();
        let lost = HistoryRow { train_mpjpe: f64::NAN, val_mpjpe: Some(f64::INFINITY), ..row(1) };
        writer.append(&lost).unwrap();
        writer.flush().unwrap();
        let rows = read_history(&path).unwrap();
        assert!(rows[0].train_mpjpe.is_nan());
        assert_eq!(rows[0].val_mpjpe, Some(f64::INFINITY));
    }

    #[test]
    fn a_resumed_history_equals_an_unbroken_one() {
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("broken.csv");
        let whole = folder.path().join("whole.csv");
        written(&whole, 9);
        for (done, checkpoint) in [(7, 5), (5, 5), (4, 0)] {
            written(&broken, done);
            // The kill came in the middle of a line.
            fs::OpenOptions::new().append(true).open(&broken).unwrap().write_all(b"8,1,1").unwrap();
            let mut writer = HistoryWriter::resume(&broken, checkpoint).unwrap();
            (checkpoint + 1..=9).for_each(|i| writer.append(&row(i)).unwrap());
            writer.flush().unwrap();
            assert_eq!(fs::read(&broken).unwrap(), fs::read(&whole).unwrap(), "{done} {checkpoint}");
        }
    }

    #[test]
    fn a_history_behind_its_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        written(&path, 4);
        let message = HistoryWriter::resume(&path, 6).unwrap_err().to_string();
        assert!(message.ends_with("the history ends at iteration 4, expected 6, where the checkpoint is"), "{message}");
        assert_eq!(read_history(&path).unwrap().len(), 4, "a refusal changes nothing");
    }

    #[test]
    fn bad_lines_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        for (lines, expected) in [
            ("", ":1: found \"\", expected the header"),
            ("a,b\n", ":1: found \"a,b\", expected the header"),
            ("HEADER\n1,1,5,,1\n2,1,5\n", ":3: found 3 cells, expected 5"),
            ("HEADER\n1,1,five,,1\n", ":2: train_mpjpe is \"five\", expected a number"),
            ("HEADER\n1,1,5,,1\n1,1,5,,1\n", ":3: iteration 1 follows iteration 1"),
            ("HEADER\n1,1,5,,1\n2,1,5,,1", ":3: the line is cut off"),
        ] {
            fs::write(&path, lines.replace("HEADER", HISTORY_HEADER)).unwrap();
            let message = read_history(&path).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_diverged_score_survives_json() {
        let score = EpochScore { epoch: 1, iteration: 9, train_mpjpe: f64::NAN, val_mpjpe: 3.0 };
        let back: EpochScore = serde_json::from_str(&serde_json::to_string(&score).unwrap()).unwrap();
        assert!(back.train_mpjpe.is_nan());
        assert_eq!(back.val_mpjpe, 3.0);
    }
}
