//! Any bytes as training pairs: a pickle or an npz archive; and as arrays by name.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use poselift::format::{NamedArray, SeenPairs};
use poselift_fuzz::{bounded, is_about_input, with_file};

fuzz_target!(|bytes: &[u8]| {
    with_file(bytes, |path| {
        bounded(bytes.len(), || {
            pairs(path);
            named(path);
        });
    });
});

fn pairs(path: &Path) {
    let seen = match SeenPairs::from_file(path) {
        Ok(seen) => seen,
        Err(error) => {
            is_about_input(&error);
            return;
        }
    };
    let samples = seen.pairs.keypoints.dim().0;
    assert!(samples > 0 && samples == seen.pairs.poses.dim().0);
    assert!(seen.pairs.poses.iter().all(|number| number.is_finite()));
    for cameras in [seen.cameras(None, None), seen.cameras(Some([640, 480]), Some(700.0))] {
        assert!(cameras.len() <= 1 || cameras.len() == samples);
        assert!(cameras.iter().all(|camera| camera.focal.iter().all(|focal| *focal > 0.0)));
    }
}

fn named(path: &Path) {
    match NamedArray::all(path) {
        Ok(arrays) => {
            for array in arrays {
                assert_eq!(array.shape.iter().product::<usize>(), array.numbers.len(), "{:?}", array.path);
            }
        }
        Err(error) => {
            is_about_input(&error);
        }
    }
    let _ = NamedArray::names(path);
    let _ = NamedArray::shape(path);
}
