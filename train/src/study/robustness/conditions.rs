//! The conditions of a robustness study: which quantity is varied, and over which range.

use rand::rngs::StdRng;
use rand::seq::index;
use rand::{Rng, SeedableRng};

use poselift::skeleton::is_of_foot;

use crate::data::Subject;
use crate::dataset::Protocol;
use crate::views::{Bounds, Cameras, Detector, Normal, part_of_body};

/// A usual detector that shows every joint.
const FULL_VIEW: Detector = Detector { noise: 1.0, ..Detector::PERFECT };

/// One quantity that is varied.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// `camera pitch`.
    pub title: String,
    /// `degrees`.
    pub unit: String,
    /// From one end to the other.
    pub conditions: Vec<Condition>,
    /// Whether the conditions are on an axis; otherwise they are a list.
    pub is_axis: bool,
}

/// One point of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// In words.
    pub label: String,
    /// On the axis.
    pub at: f64,
    /// How the views are drawn.
    pub protocol: Protocol,
    /// Changes to the key points after the detector.
    pub damage: Damage,
    /// The joints that are measured.
    pub joints: Joints,
}

/// A change to key points after the detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Damage {
    /// Nothing.
    None,
    /// Normal noise on both coordinates of every joint; its deviation is a share of the person's size in the image.
    Noise {
        /// Deviation over the root of the area of the key points' box.
        share: f64,
    },
    /// A number of random missing joints; points of feet stay, which detectors need not have.
    Missing {
        /// Number of joints, of 17.
        joints: usize,
    },
    /// The legs are out of view.
    NoLegs {
        /// What is hidden.
        hidden: Legs,
    },
    /// The focal length is unknown and guessed.
    FocalUnknown,
}

/// The part of the legs that is out of view, as of people at desks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legs {
    /// Knees, ankles and feet.
    KneesAndBelow,
    /// Hips, knees, ankles and feet.
    HipsAndBelow,
}

impl Legs {
    /// Whether the joint of this name is hidden.
    pub(super) fn hide(self, joint: &str) -> bool {
        let part = part_of_body(joint);
        is_of_foot(joint) || matches!(part, "knee" | "ankle") || (self == Self::HipsAndBelow && part == "hip")
    }
}

/// The joints that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joints {
    /// All 17.
    All,
    /// The root and all joints above it.
    Upper,
    /// The upper body, with the thorax as its root: for people whose hips are out of view.
    AboveHips,
}

impl Condition {
    fn new(label: impl Into<String>, at: f64, protocol: Protocol) -> Self {
        Self { label: label.into(), at, protocol, damage: Damage::None, joints: Joints::All }
    }

    /// Seen by `cameras` and the usual detector.
    fn seen(label: impl Into<String>, at: f64, cameras: Cameras) -> Self {
        Self::new(label, at, detected(cameras))
    }
}

fn detected(cameras: Cameras) -> Protocol {
    Protocol { cameras, detector: FULL_VIEW, ..Protocol::default() }
}

fn axis(title: &str, unit: &str, values: &[f64], condition: impl Fn(f64) -> Condition) -> Curve {
    let conditions = values.iter().map(|&value| condition(value)).collect();
    Curve { title: title.into(), unit: unit.into(), conditions, is_axis: true }
}

/// The curves of `models/README.md`; all but the first with the usual detector, every joint visible.
pub fn curves() -> Vec<Curve> {
    vec![
        overall(),
        axis("noise on perfect key points", "% of the person's size", &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], |at| {
            Condition {
                damage: Damage::Noise { share: at / 100.0 },
                ..Condition::new(format!("{at} %"), at, Protocol::default())
            }
        }),
        axis("joints missing", "of 17", &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], |at| Condition {
            damage: Damage::Missing { joints: at as usize },
            ..Condition::seen(format!("{at}"), at, Cameras::default())
        }),
        axis("camera pitch", "degrees down", &[-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 45.0, 60.0], |at| {
            let pitch = at.to_radians();
            let cameras =
                Cameras { pitch: Normal::new(pitch, 0.0), pitch_limits: Bounds::only(pitch), ..Cameras::default() };
            Condition::seen(format!("{at}°"), at, cameras)
        }),
        axis("camera roll", "degrees", &[0.0, 10.0, 20.0, 30.0, 45.0], |at| {
            Condition::seen(
                format!("{at}°"),
                at,
                Cameras { roll: Normal::new(at.to_radians(), 0.0), ..Cameras::default() },
            )
        }),
        axis("distance", "m", &[1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0], |at| {
            Condition::seen(format!("{at} m"), at, Cameras { distance: Bounds::only(at), ..Cameras::default() })
        }),
        axis("focal length", "longer image sides", &[0.5, 0.8, 1.2, 1.6, 2.0, 2.4, 3.0], |at| {
            Condition::seen(format!("{at}"), at, Cameras { focal: Bounds::only(at), ..Cameras::default() })
        }),
        axis("place in the image", "% from the middle, at most", &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0], |at| {
            Condition::seen(format!("{at} %"), at, Cameras { offset: at / 100.0, ..Cameras::default() })
        }),
    ]
}

/// Conditions without an axis: the two figures of the table of models, and their ablations.
fn overall() -> Curve {
    let no_knees = Damage::NoLegs { hidden: Legs::KneesAndBelow };
    let no_hips = Damage::NoLegs { hidden: Legs::HipsAndBelow };
    let odd = Protocol { detector: FULL_VIEW, reshape: 2.5, ..Protocol::default() };
    let conditions = vec![
        of_detector("perfect key points", Detector::PERFECT),
        of_detector("detector", FULL_VIEW),
        of_detector("detector, joints left out as usual", Detector { gaps: 1.0, ..FULL_VIEW }),
        Condition { damage: Damage::FocalUnknown, ..of_detector("detector, focal length guessed", FULL_VIEW) },
        Condition::new("detector, odd proportions (2.5 times the spread)", 0.0, odd),
        of_upper_body("detector, upper body of the whole", Damage::None),
        of_upper_body("detector, upper body, no knees and ankles", no_knees),
        of_upper_body("detector, upper body, no hips either", no_hips),
        above_hips("detector, upper body by itself, its root the thorax, of the whole", Damage::None),
        above_hips("detector, the same, no hips, knees and ankles", no_hips),
    ];
    Curve { title: "overall".into(), unit: String::new(), conditions, is_axis: false }
}

fn of_detector(label: &str, detector: Detector) -> Condition {
    Condition::new(label, 0.0, Protocol { detector, ..Protocol::default() })
}

fn of_upper_body(label: &str, damage: Damage) -> Condition {
    Condition { damage, joints: Joints::Upper, ..of_detector(label, FULL_VIEW) }
}

fn above_hips(label: &str, damage: Damage) -> Condition {
    Condition { joints: Joints::AboveHips, ..of_upper_body(label, damage) }
}

/// All people who validate, one at a time, with the usual detector; `sources` are the names of their sources, which tell
/// people of one name apart.
pub fn people(people: &[(Subject, usize)], sources: &[String]) -> Curve {
    let mut conditions = Vec::with_capacity(people.len());
    for (person, poses) in people {
        let protocol = Protocol { subject: Some(person.clone()), ..detected(Cameras::default()) };
        let is_alone = people.iter().filter(|(other, _)| other.name == person.name).count() == 1;
        let source = sources.get(person.source).filter(|_| !is_alone);
        let name = source.map_or_else(|| person.name.clone(), |source| format!("{source}/{}", person.name));
        conditions.push(Condition::new(format!("{name} ({poses} poses)"), 0.0, protocol));
    }
    Curve { title: "people".into(), unit: String::new(), conditions, is_axis: false }
}

/// Random numbers that are the same at every call.
pub(super) struct Random(StdRng);

pub(super) fn random() -> Random {
    Random(StdRng::seed_from_u64(17))
}

impl Random {
    /// Standard normal, by Box and Muller 1958.
    pub(super) fn normal(&mut self) -> f32 {
        let u: f32 = self.0.random();
        let v: f32 = self.0.random();
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f32::consts::TAU * v).cos()
    }

    /// `amount` different numbers below `below`.
    pub(super) fn choose(&mut self, below: usize, amount: usize) -> Vec<usize> {
        index::sample(&mut self.0, below, amount.min(below)).into_vec()
    }
}
