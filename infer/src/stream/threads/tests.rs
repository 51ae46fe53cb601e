use super::*;
use crate::format::StreamInfo;
use std::sync::Mutex;
use std::thread::{ThreadId, current};

/// Six frames without numbers, the fourth of which arrives before the third is lifted.
struct Reader {
    info: StreamInfo,
    read: u64,
    read_on: Arc<Mutex<Vec<ThreadId>>>,
}

impl FrameReader for Reader {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        self.read_on.lock().unwrap().push(current().id());
        self.read += 1;
        Ok((self.read <= 6).then(|| Frame { index: self.read - 1, ..Frame::default() }))
    }

    fn has_more(&mut self) -> bool {
        self.read >= 3
    }
}

#[test]
fn reading_gets_its_own_thread_once_there_is_a_backlog() {
    let read_on = Arc::new(Mutex::new(Vec::new()));
    let info = StreamInfo { fps: Some(2.0), ..StreamInfo::default() };
    let reader = Box::new(Reader { info, read: 0, read_on: Arc::clone(&read_on) });
    let options = StreamOptions { size: Some([8, 6]), ..StreamOptions::default() };
    let mut reader = ReaderThread::new(reader, 10, options, Arc::default());
    let mut frames = Vec::new();
    loop {
        let read = reader.take(10).unwrap();
        if read.is_empty() {
            break;
        }
        frames.extend(read.into_iter().map(|read| read.frame));
    }
    assert_eq!(frames.iter().map(|frame| frame.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert!(frames.iter().all(|frame| frame.time == Some(frame.index as f64 / 2.0) && frame.size == Some([8, 6])));
    let here: Vec<_> = read_on.lock().unwrap().iter().map(|&thread| thread == current().id()).collect();
    assert_eq!(here, [true, true, true, false, false, false, false]);
}

#[test]
fn live_frames_without_times_have_those_of_their_arrival() {
    let read = |info| {
        let reader = Box::new(Reader { info, read: 0, read_on: Arc::default() });
        let mut reader = ReaderThread::new(reader, 10, StreamOptions::default(), Arc::default());
        let mut times = Vec::new();
        loop {
            let read = reader.take(10).unwrap();
            if read.is_empty() {
                return times;
            }
            times.extend(read.into_iter().map(|read| read.frame.time));
        }
    };
    let live = StreamInfo { is_live: true, ..StreamInfo::default() };
    let times: Vec<f64> = read(live.clone()).into_iter().flatten().collect();
    assert!(times.len() == 6 && times[0] == 0.0 && times.is_sorted(), "{times:?}");
    assert_eq!(read(StreamInfo { fps: Some(2.0), ..live })[..2], [Some(0.0), Some(0.5)]);
    assert_eq!(read(StreamInfo::default())[0], None);
    let mut own = Arrivals::default();
    assert_eq!([own.time_of(Some(7.0)), own.time_of(None)], [Some(7.0), None]);
}

/// Gives two frames, then panics.
struct BrokenReader(StreamInfo, u64);

impl FrameReader for BrokenReader {
    fn info(&self) -> &StreamInfo {
        &self.0
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        self.1 += 1;
        if self.1 > 2 {
            std::panic::resume_unwind(Box::new("a bug"));
        }
        Ok(Some(Frame::default()))
    }

    fn has_more(&mut self) -> bool {
        true
    }
}

#[test]
fn a_reading_thread_that_panics_ends_the_stream_with_an_error() {
    let reader = Box::new(BrokenReader(StreamInfo::default(), 0));
    let mut reader = ReaderThread::new(reader, 10, StreamOptions::default(), Arc::default());
    let mut frames = 0;
    let error = loop {
        match reader.take(10) {
            Ok(read) if read.is_empty() => panic!("the stream did not end well"),
            Ok(read) => frames += read.len(),
            Err(error) => break error,
        }
    };
    assert_eq!((frames, error.to_string().as_str()), (2, "the reading thread broke down"));
}
