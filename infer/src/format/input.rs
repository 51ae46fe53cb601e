//! The formats that 2D streams are read in, by name.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A format that a 2D stream is read in, named after the program that writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputFormat {
    /// This project's own JSON Lines: one frame a line, every person in it.
    JsonLines,
    /// One NumPy array: `[T, J, 2 or 3]`, `[T, 2 J or 3 J]`, `[T, P, J, 2 or 3]`.
    Npy,
    /// A zip archive of NumPy arrays: `keypoints`, perhaps `scores`; VideoPose3D's and Detectron2's `positions_2d`.
    Npz,
    /// OpenPose JSON, a file a frame, as RTMPose through Pose2Sim and AlphaPose write it too.
    OpenPose,
    /// COCO key-point results, or annotations: detectron2, MMPose, YOLO's `save_json`.
    Coco,
    /// AlphaPose's results: a list, or an object by image name.
    AlphaPose,
    /// What MMPose's inferencer and demo scripts write.
    MmPose,
    /// MMSkeleton's clips, as of HRNet.
    MmSkeleton,
    /// easy_ViTPose's JSON.
    VitPose,
    /// Ultralytics' `to_json`.
    Ultralytics,
    /// Ultralytics' `save_txt` labels, a text file a frame.
    YoloLabels,
    /// MediaPipe Pose landmarks, legacy or tasks, alone or in frames.
    MediaPipe,
    /// `estimatePoses` of TensorFlow.js: MoveNet, PoseNet, BlazePose.
    TfJs,
    /// DeepLabCut's CSV.
    DeepLabCutCsv,
    /// DeepLabCut's HDF5.
    DeepLabCutH5,
    /// SLEAP's analysis HDF5.
    Sleap,
    /// Any other CSV whose header names its columns.
    Csv,
    /// MoveNet's tensors as npy or npz, `[T, 17, 3]` of y, x, score, or MultiPose's `[T, 6, 56]`.
    MoveNet,
}

impl InputFormat {
    /// Every format.
    pub const ALL: [Self; 18] = [
        Self::JsonLines,
        Self::Npy,
        Self::Npz,
        Self::OpenPose,
        Self::Coco,
        Self::AlphaPose,
        Self::MmPose,
        Self::MmSkeleton,
        Self::VitPose,
        Self::Ultralytics,
        Self::YoloLabels,
        Self::MediaPipe,
        Self::TfJs,
        Self::DeepLabCutCsv,
        Self::DeepLabCutH5,
        Self::Sleap,
        Self::Csv,
        Self::MoveNet,
    ];

    /// The name used in options, `openpose`.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::OpenPose => "openpose",
            Self::Coco => "coco",
            Self::AlphaPose => "alphapose",
            Self::MmPose => "mmpose",
            Self::MmSkeleton => "mmskeleton",
            Self::VitPose => "vitpose",
            Self::Ultralytics => "ultralytics",
            Self::YoloLabels => "yolo-labels",
            Self::MediaPipe => "mediapipe",
            Self::TfJs => "tfjs",
            Self::DeepLabCutCsv => "deeplabcut-csv",
            Self::DeepLabCutH5 => "deeplabcut-h5",
            Self::Sleap => "sleap",
            Self::Csv => "csv",
            Self::MoveNet => "movenet",
        }
    }

    /// All names, for messages and help.
    pub fn known() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for InputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for InputFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::usage(format!("unknown format '{name}', expected one of {}", Self::known())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for format in InputFormat::ALL {
            assert_eq!(format.name().parse::<InputFormat>().unwrap(), format);
        }
        assert!("trc".parse::<InputFormat>().unwrap_err().to_string().contains("unknown format 'trc'"));
    }
}
