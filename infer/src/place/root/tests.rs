use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::pose::Person;
use crate::skeleton::{COCO17, COCO23, H36M17, H36M23};

const CAMERA: Camera = Camera { focal: [1200.0; 2], centre: [500.0, 400.0], size: [1000, 800] };

fn names() -> Vec<String> {
    H36M17.joints.iter().map(|joint| (*joint).to_owned()).collect()
}

/// An arbitrary pose, y down.
fn pose() -> Vec<[f32; 3]> {
    (0..17)
        .map(|joint| {
            let angle = joint as f32 * 1.7;
            if joint == 0 { [0.0; 3] } else { [0.3 * angle.cos(), 0.1 * joint as f32 - 0.8, 0.25 * angle.sin()] }
        })
        .collect()
}

fn lifted(id: Option<i64>) -> LiftedPerson {
    LiftedPerson { id, joints: pose(), score: 1.0, ..LiftedPerson::default() }
}

/// The key points, COCO-17, of the pose with its hip at `root`.
fn seen(root: [f32; 3]) -> Vec<Keypoint> {
    let pose = pose();
    let keypoint = |name: &&str| {
        let Some(joint) = H36M17.position(name) else { return Keypoint::MISSING };
        let place = std::array::from_fn(|axis| pose[joint][axis] + root[axis]);
        let [x, y] = CAMERA.project(place).unwrap().map(f64::from);
        Keypoint { x, y, score: 0.9 }
    };
    COCO17.joints.iter().map(keypoint).collect()
}

fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

proptest! {
    #[test]
    fn the_hip_is_found_where_it_was(x in -3f32..3.0, y in -1f32..1.0, z in 2f32..12.0) {
        let solver = RootSolver::new(&COCO17, &names());
        let found = solver.solve(&seen([x, y, z]), &lifted(None), &CAMERA).unwrap();
        prop_assert!(distance(found, [x, y, z]) < 2e-3, "{found:?}");
    }
}

#[test]
fn one_wrong_key_point_hardly_moves_it() {
    let solver = RootSolver::new(&COCO17, &names());
    let root = [0.5, 0.2, 5.0];
    let mut keypoints = seen(root);
    keypoints[COCO17.position("left_wrist").unwrap()].x += 150.0;
    let found = solver.solve(&keypoints, &lifted(None), &CAMERA).unwrap();
    assert!(distance(found, root) < 0.05, "{found:?}");
    // A joint with a large sigma has almost no weight.
    let mut doubted = lifted(None);
    doubted.sigma = vec![0.01; 17];
    doubted.sigma[H36M17.position("left_wrist").unwrap()] = 1.0;
    let found = solver.solve(&keypoints, &doubted, &CAMERA).unwrap();
    assert!(distance(found, root) < 0.002, "{found:?}");
}

#[test]
fn too_few_joints_tell_nothing() {
    let solver = RootSolver::new(&COCO17, &names());
    let mut keypoints = seen([0.0, 0.0, 4.0]);
    keypoints[8..].fill(Keypoint::MISSING);
    assert_eq!(solver.solve(&keypoints, &lifted(None), &CAMERA), None);
}

#[test]
fn feet_have_no_part_in_it() {
    let with_feet: Vec<String> = H36M23.joints.iter().map(|&joint| joint.to_owned()).collect();
    let (solver, own) = (RootSolver::new(&COCO23, &with_feet), RootSolver::new(&COCO17, &names()));
    let mut keypoints = seen([0.3, -0.2, 4.0]);
    let mut pose = lifted(None);
    let expected = own.solve(&keypoints, &pose, &CAMERA).unwrap();
    pose.joints.extend([[0.2, 0.9, 0.1]; 6]);
    keypoints.extend([Keypoint { x: 5.0, y: 900.0, score: 1.0 }; 6]);
    assert_eq!(solver.solve(&keypoints, &pose, &CAMERA), Some(expected));
    keypoints[8..17].fill(Keypoint::MISSING);
    assert_eq!(solver.solve(&keypoints, &pose, &CAMERA), None, "three joints and both feet");
}

/// Keeps the roots that it gets.
struct Kept(Arc<Mutex<Vec<Option<[f32; 3]>>>>);

impl PoseWriter for Kept {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        self.0.lock().unwrap().extend(lifted.people.iter().map(|person| person.root));
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn written(roots: &[[f32; 3]], options: RootOptions) -> Vec<Option<[f32; 3]>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let solver = RootSolver::new(&COCO17, &names());
    let mut writer = Box::new(RootWriter::new(Box::new(Kept(Arc::clone(&kept))), solver, options, |_| ()));
    for (index, root) in roots.iter().enumerate() {
        // A person who could not be lifted comes first.
        let people = vec![Person { id: Some(9), keypoints: vec![] }, Person { id: Some(2), keypoints: seen(*root) }];
        let time = Some(index as f64 / 30.0);
        let frame = Frame { index: index as u64, time, people, ..Frame::default() };
        writer.write(&frame, &LiftedFrame { index: index as u64, time, people: vec![lifted(Some(2))] }).unwrap();
    }
    writer.finish().unwrap();
    let kept = kept.lock().unwrap();
    kept.clone()
}

#[test]
fn people_without_ids_are_placed_only_where_they_can_be_told_apart() {
    let near = [[0.5, 0.2, 5.0], [-0.5, 0.2, 6.0]];
    let people = near.map(|root| Person { id: None, keypoints: seen(root) });
    let frame = Frame { people: people.to_vec(), ..Frame::default() };
    let options = RootOptions { size: Some(CAMERA.size), focal: Some(1200.0), smooth: false };
    let roots = |count: usize| {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let solver = RootSolver::new(&COCO17, &names());
        let mut writer = RootWriter::new(Box::new(Kept(Arc::clone(&kept))), solver, options, |_| ());
        let people = vec![lifted(None); count];
        writer.write(&frame, &LiftedFrame { people, ..LiftedFrame::default() }).unwrap();
        let found = kept.lock().unwrap();
        found.clone()
    };
    let both = roots(2);
    assert!(both.iter().zip(near).all(|(root, near)| distance(root.unwrap(), near) < 2e-3), "{both:?}");
    // One of them was not lifted, and nothing says which one.
    assert_eq!(roots(1), [None]);
}

#[test]
fn a_walk_is_kept_and_its_shaking_depth_smoothed() {
    let walk = |index: usize| [index as f32 * 0.04 - 1.0, 0.1, 5.0 + index as f32 * 0.02];
    let shaken: Vec<_> = (0..60)
        .map(|index| {
            let [x, y, z] = walk(index);
            let shake = 1.0 + if index % 2 == 0 { 0.02 } else { -0.02 };
            [x * shake, y * shake, z * shake]
        })
        .collect();
    let options = RootOptions { size: Some(CAMERA.size), focal: Some(1200.0), smooth: true };
    let found = written(&shaken, options);
    assert_eq!(found.len(), 60);
    for (index, root) in found.iter().enumerate() {
        assert!(distance(root.unwrap(), walk(index)) < 0.03, "{index}: {root:?}, {:?}", walk(index));
    }
    let live = written(&shaken, RootOptions { smooth: false, ..options });
    assert!(live.iter().zip(&shaken).all(|(root, expected)| distance(root.unwrap(), *expected) < 5e-3));
    let unknown = written(&shaken[..2], RootOptions { size: None, ..options });
    assert_eq!(unknown, [None, None]);
}
