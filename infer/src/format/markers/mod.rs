//! Positions of named markers or joint centres over time, as motion capture writes them: TRC, C3D and a small JSON.

mod c3d;
mod json;
mod trc;

use std::path::Path;

use ndarray::Array3;

use crate::error::{Error, Result};

/// A recording of markers.
#[derive(Debug, Clone, PartialEq)]
pub struct Markers {
    /// `[J]` the markers' names as the file has them.
    pub names: Vec<String>,
    /// `[T]` seconds, rising.
    pub times: Vec<f64>,
    /// `[T, J, 3]` metres in the file's axes; NaN where a marker was not seen.
    pub positions: Array3<f64>,
}

impl Markers {
    /// Reads the `.trc`, `.c3d` or `.json` at `path`, told apart by content.
    ///
    /// JSON is an object of `joints` (J names), `positions` `[T, J, 3]` with `null` where there is none, `time` (T
    /// seconds) or `fps`, and `unit` (`m`, `cm` or `mm`).
    ///
    /// # Errors
    /// A file that cannot be read, is of neither kind, or contradicts itself: place, found, expected.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
        let markers = match bytes.as_slice() {
            [_, 0x50, ..] => c3d::parse(&bytes),
            [b'P', b'a', b't', b'h', b'F', b'i', b'l', b'e', ..] => trc::parse(&String::from_utf8_lossy(&bytes)),
            _ if bytes.trim_ascii_start().starts_with(b"{") => json::parse(&bytes),
            _ => Err(Error::input("is no recording of markers, expected TRC, C3D or JSON")),
        };
        markers.and_then(Self::checked).map_err(|e| e.at(path))
    }

    fn checked(self) -> Result<Self> {
        if self.times.is_empty() {
            return Err(Error::input("holds no frames"));
        }
        if let Some(at) = self.times.windows(2).position(|pair| pair[1].partial_cmp(&pair[0]).is_none_or(|o| o.is_le()))
        {
            let [before, after] = [self.times[at], self.times[at + 1]];
            return Err(Error::input(format!("frame {}: time {after} after {before}, expected rising times", at + 1)));
        }
        Ok(self)
    }
}

/// Metres of one `unit`.
fn metres_of(unit: &str) -> Result<f64> {
    match unit.trim().trim_matches('\0').to_ascii_lowercase().as_str() {
        "m" | "meters" | "metres" => Ok(1.0),
        "cm" => Ok(0.01),
        "mm" => Ok(0.001),
        other => Err(Error::input(format!("unit '{other}', expected m, cm or mm"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, bytes: &[u8]) -> Result<Markers> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Markers::read(&path)
    }

    const TRC: &str = "PathFileType\t4\t(X/Y/Z)\tclip.trc\n\
        DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n\
        50.0\t50.0\t2\t2\tmm\t50.0\t1\t2\n\
        Frame#\tTime\tRHip\t\t\tLHip\t\t\n\
        \t\tX1\tY1\tZ1\tX2\tY2\tZ2\n\
        \n\
        1\t0.00\t1000\t2000\t3000\t\t\t\n\
        2\t0.02\t-1\t0\t1\t4\t5\t6\n";

    #[test]
    fn trc_has_units_and_blanks() {
        let markers = read("a.trc", TRC.as_bytes()).unwrap();
        assert_eq!((markers.names, markers.times), (vec!["RHip".to_owned(), "LHip".to_owned()], vec![0.0, 0.02]));
        let rows: Vec<f64> = markers.positions.iter().copied().collect();
        assert_eq!(rows[..3], [1.0, 2.0, 3.0]);
        assert!(rows[3..6].iter().all(|x| x.is_nan()));
        assert!(rows[6..].iter().zip([-0.001, 0.0, 0.001, 0.004, 0.005, 0.006]).all(|(a, b)| (a - b).abs() < 1e-12));
        let crlf = TRC.replace('\n', "\r\n");
        assert_eq!(read("a.trc", crlf.as_bytes()).unwrap().times, [0.0, 0.02]);
    }

    #[test]
    fn trc_that_contradicts_itself_is_refused() {
        for (from, to, expected) in [
            ("mm\t50", "inch\t50", "line 3: unit 'inch', expected m, cm or mm"),
            ("2\t0.02\t-1", "2\t0.02\tx", "line 8: 'x', expected a number"),
            ("2\t0.02", "2\t0.00", "frame 1: time 0 after 0, expected rising times"),
            ("\tLHip", "\t", "line 3: 2 markers, expected the 1 that line 4 names"),
        ] {
            let message = read("a.trc", TRC.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn json_has_times_or_a_rate() {
        let text = r#"{"joints":["left_hip"],"unit":"cm","fps":10,"positions":[[[100,0,-50]],[null]]}"#;
        let markers = read("a.json", text.as_bytes()).unwrap();
        assert_eq!(markers.times, [0.0, 0.1]);
        assert_eq!(markers.positions.iter().take(3).copied().collect::<Vec<_>>(), [1.0, 0.0, -0.5]);
        assert!(markers.positions[[1, 0, 0]].is_nan());
        let message = read("a.json", text.replace("\"fps\":10,", "").as_bytes()).unwrap_err().to_string();
        assert!(message.contains("neither time nor fps"), "{message}");
        let message = read("a.json", text.replace("[null]", "[null,null]").as_bytes()).unwrap_err().to_string();
        assert!(message.contains("frame 1: 2 joints, expected 1"), "{message}");
    }

    #[test]
    fn what_is_neither_is_refused() {
        assert!(read("a.trc", b"hello").unwrap_err().to_string().contains("expected TRC, C3D or JSON"));
        assert!(read("a.c3d", &[2, 0x50, 0, 0]).is_err());
    }
}
