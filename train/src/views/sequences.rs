//! Windows of motion as one camera and one detector see them, for networks that remember.

use poselift::place::MODEL_STATURE;
use tch::Tensor;

use super::detector::{Footage, SequenceDetection};
use super::{Cameras, MIN_DEPTH, Seen, ViewOptions, Viewer, each_frame};

/// Least distance of a joint in front of the camera, metres: who walks past a camera does not walk through it.
const CLEARANCE: f64 = 0.7;
/// How much wider than the person's way the image is at the least.
const ROOM: f64 = 1.1;

/// Frames of B windows of T steps.
#[derive(Debug)]
pub struct Windows {
    /// `[B, T]` the frames, by their index among a viewer's.
    pub index: Tensor,
    /// `[B, T]` seconds since the frame before.
    pub dt: Tensor,
}

impl Viewer {
    /// The windows, each of a new body seen by a new one of `cameras` and one detector; all `[B·T, …]`, frame by frame.
    pub fn watch(&self, cameras: &Cameras, windows: &Windows, draw: ViewOptions) -> Seen {
        tch::no_grad(|| {
            tch::manual_seed(draw.seed as i64);
            let count = windows.index.size()[0];
            let steps = windows.index.size()[1];
            let moving = self.bodies.draw_moving(&windows.index, draw.reshape);
            let placed = cameras.place(count, moving.bodies.device());
            let turn = placed.camera_from_world.transpose(1, 2);
            let in_camera = moving.bodies.bmm(&each_frame(&turn, steps));
            let path = moving.path.bmm(&turn);
            let about = (&in_camera + path.reshape([-1, 1, 3])).view([count, -1, 3]);
            let root = &placed.root * away(&about, &placed.root, &placed.focal, &placed.size);
            let roots = (path + root).reshape([-1, 1, 3]);
            let bodies = &in_camera + &roots;
            let points = bodies.index_select(1, &self.seen);
            let footage = Footage { axes: self.limb_axes.of(&bodies), bodies, points };
            let detection = SequenceDetection::new(draw.detector, &self.joints, &windows.dt);
            let points = detection.misplaced(&footage);
            let focal = each_frame(&placed.focal, steps);
            let size = each_frame(&placed.size, steps);
            let depth = points.narrow(2, 2, 1).clamp_min(MIN_DEPTH);
            let pixels = points.narrow(2, 0, 2) / depth * focal.view([-1, 1, 1]) + (&size / 2.0).unsqueeze(1);
            let stature = &focal * MODEL_STATURE / roots.select(2, 2).squeeze_dim(1).clamp_min(MIN_DEPTH);
            let keypoints = detection.observed(&footage, &pixels, &stature, &size);
            Seen { keypoints, poses: in_camera.index_select(1, &self.lifted), focal, size }
        })
    }
}

/// `[B, 1, 1]` how many times as far as `root` `[B, 1, 3]` a camera must stand to have a whole window, `[B, N, 3]` about the
/// root's place, in front of it and about in its image.
fn away(about: &Tensor, root: &Tensor, focal: &Tensor, size: &Tensor) -> Tensor {
    let distance = root.select(2, 2);
    let reach = about.abs().amax(&[1i64][..], false);
    let behind = reach.select(1, 2).unsqueeze(1) + CLEARANCE;
    let half = size / 2.0 / focal.unsqueeze(1);
    let wide = (reach.narrow(1, 0, 2) * ROOM / half).amax(&[1i64][..], true);
    let least = behind.maximum(&wide);
    (least / &distance).clamp_min(1.0).unsqueeze(2)
}

#[cfg(test)]
mod tests {
    use poselift::skeleton::COCO17;
    use tch::{Device, Kind};

    use super::*;
    use crate::data::{OpenOptions, TrainingData, generator};
    use crate::views::Detector;

    fn watched(detector: Detector) -> (Seen, i64) {
        let options = OpenOptions { rate: 30.0, seed: 1, root: crate::data::RootChoice::Auto };
        let opened = options.open(&["synthetic:3000".to_owned()]).expect("synthetic motion needs no file");
        let TrainingData::Motion(motion) = opened.data else { panic!("synthetic motion is motion") };
        let frames = motion.positions.dim().0;
        let positions: Vec<f32> = motion.positions.iter().copied().collect();
        let positions = Tensor::from_slice(&positions).view([frames as i64, 28, 3]);
        let viewer = Viewer::new(&positions, &vec![false; frames], &COCO17, Device::Cpu);
        let starts = motion.clips.iter().filter(|clip| clip.frames >= 30).map(|clip| clip.start as i64);
        let starts = Tensor::from_slice(&starts.collect::<Vec<_>>()).unsqueeze(1);
        let index = starts + Tensor::arange(30, (Kind::Int64, Device::Cpu)).unsqueeze(0);
        let dt = Tensor::full(index.size(), 1.0 / 30.0, tch::kind::FLOAT_CPU);
        let count = index.size()[0];
        let draw = ViewOptions { seed: 3, detector, mix: true, reshape: 1.0 };
        (viewer.watch(&Cameras::default(), &Windows { index, dt }, draw), count)
    }

    #[test]
    fn a_window_shows_one_body_of_constant_bones_that_goes_on_smoothly() {
        let _held = generator();
        let (seen, count) = watched(Detector::PERFECT);
        let thigh = (seen.poses.select(1, 1) - seen.poses.select(1, 2)).square();
        let thigh = thigh.sum_dim_intlist(&[1i64][..], false, Kind::Float).sqrt().view([count, 30]);
        let spread = thigh.amax(&[1i64][..], false) - thigh.amin(&[1i64][..], false);
        assert!(spread.max().double_value(&[]) < 1e-4);
        assert!(thigh.select(1, 0).std(true).double_value(&[]) > 0.01, "all bodies alike");
        let points = seen.keypoints.narrow(2, 0, 2).view([count, 30, 17, 2]);
        let step = (points.narrow(1, 1, 29) - points.narrow(1, 0, 29)).abs();
        // Pixels of images 1280 wide: what a person moves in a thirtieth of a second.
        assert!(step.quantile_scalar(0.5, 1, false, "linear").max().double_value(&[]) < 150.0);
        let centre = (&points - (seen.size.view([count, 30, 1, 2]) / 2.0)).abs();
        let outside = centre.gt_tensor(&seen.size.view([count, 30, 1, 2])).to_kind(Kind::Float);
        assert!(outside.mean(Kind::Double).double_value(&[]) < 0.01, "people leave the image");
    }

    #[test]
    fn most_of_a_detectors_error_stays_from_frame_to_frame() {
        let _held = generator();
        let (exact, count) = watched(Detector::PERFECT);
        let (seen, _) = watched(Detector { noise: 1.0, gaps: 0.0, perfect: 0.0 });
        let error = (seen.keypoints.narrow(2, 0, 2) - exact.keypoints.narrow(2, 0, 2)).view([count, 30, 17, 2]);
        // Knees are hardly ever lost.
        let knees = error.narrow(2, 13, 2);
        let mean = knees.mean_dim(&[1i64][..], true, Kind::Float);
        let median = |values: Tensor| values.square().flatten(0, -1).median().double_value(&[]);
        let white = median(knees.narrow(1, 1, 29) - knees.narrow(1, 0, 29));
        let (all, constant) = (median(knees.shallow_clone()), median(mean));
        assert!(white < 0.5 * all && constant > 0.3 * all, "{white} white, {constant} constant, {all} in all");
        assert_eq!(seen.keypoints.isfinite().all().int64_value(&[]), 1);
    }
}
