//! Whether key points come in the order that they are said to be in: a network that is far less sure than usual does not see
//! people.
//!
//! Measured with `coco17-int8` on all real clips at hand and on 4,014 clips of motion capture before random cameras (people
//! walking, dancing, doing acrobatics, lying, on their hands, seen from all sides):
//!
//! - The median sigma of seen joints lies at 1.0 to 2.3 times the error on the model's card. With the points in any other
//!   order it lies beyond 3.1 times in 99 of 100 cases.
//! - A person whose left and right are exchanged looks like the same person mirrored in depth, which perspective and the
//!   height of the camera tell from a real one in about a third of clips. The limits below found those, with no false alarm.

use crate::error::Result;
use crate::guard::{self, Notice};
use crate::lift::{Lifter, PersonSigma};
use crate::median::median;
use crate::model::{Card, PoseNetwork};
use crate::pose::{Frame, Person};
use crate::skeleton::{Conversion, LAYOUTS, Layout, is_of_foot, mirrored};

/// People that are judged by.
const SAMPLE: usize = 32;
/// Every second frame gives one: the more they differ, the more they tell.
const STRIDE: u64 = 2;
/// The fewest people by whom a layout is judged.
const MIN_PEOPLE_FOR_LAYOUT: usize = 5;
/// The fewest people by whom exchanged sides are judged.
const MIN_PEOPLE_FOR_SIDES: usize = 24;

/// Sigma over the usual error, beyond which a wrong order is suspected.
const DOUBTFUL: f32 = 2.4;
/// The same, beyond which a wrong order is reported.
const WRONG: f32 = 3.1;
/// Another layout explains it if sigma falls to this share.
const EXPLAINED: f32 = 0.6;

/// Exchanged sides: the mean logarithm of sigma falls by so much, sigma falls for this share of people, and is then within
/// so many times the usual error.
const SIDES_FALL: f32 = 0.12;
const SIDES_SHARE: f32 = 0.85;
const SIDES_USUAL: f32 = 1.2;

/// People of a stream, until there are enough to judge by.
pub(super) struct OrderCheck {
    /// The model's usual error, in the unit of its card; `None` where there is none to judge by.
    usual: Option<f32>,
    /// `[J_in]` whether a joint tells how much of a person is seen: points of feet do not, as many detectors have none.
    is_counted: Vec<bool>,
    /// A person each.
    sample: Vec<Frame>,
    frames: u64,
}

impl OrderCheck {
    /// A check for the model of `card`: of sigma, if it has it and the card names its error in millimetres.
    pub(super) fn new(card: &Card) -> Self {
        let error = card.metrics.get("mpjpe").filter(|metric| metric.unit == "mm");
        let usual = match (error, card.output.unit.in_metres()) {
            (Some(error), Some(metres)) if card.output.sigma => Some((error.value / 1000.0 / metres) as f32),
            _ => None,
        };
        let is_counted = card.input.joints.iter().map(|joint| !is_of_foot(joint)).collect();
        Self { usual, is_counted, sample: Vec::new(), frames: 0 }
    }

    /// Keeps a person of some of `frames`, whose points `conversion` takes to the model's.
    pub(super) fn see(&mut self, frames: &[Frame], conversion: &Conversion) {
        if self.usual.is_none() {
            return;
        }
        for frame in frames {
            self.frames += 1;
            if self.sample.len() == SAMPLE || !self.frames.is_multiple_of(STRIDE) || frame.people.is_empty() {
                continue;
            }
            let person = &frame.people[self.sample.len() % frame.people.len()];
            if self.is_seen(person, conversion) {
                self.sample.push(Frame { people: vec![person.clone()], ..*frame });
            }
        }
    }

    /// Whether two thirds of the points that the model reads are there: fewer leave sigma large for that reason.
    fn is_seen(&self, person: &Person, conversion: &Conversion) -> bool {
        if person.keypoints.len() != conversion.source_len() {
            return false;
        }
        let points = conversion.apply(&person.keypoints).zip(&self.is_counted);
        let seen = points.filter(|(point, is_counted)| **is_counted && !point.is_missing()).count();
        seen * 3 >= self.is_counted.iter().filter(|is_counted| **is_counted).count() * 2
    }

    /// Whether there are enough people to judge by.
    pub(super) fn is_ready(&self) -> bool {
        self.usual.is_some() && self.sample.len() == SAMPLE
    }

    /// Judges by the people that there are: what is odd about the order of their points, if anything. `layout` is what
    /// the points are named.
    ///
    /// # Errors
    /// A runtime that fails.
    pub(super) fn judge<N: PoseNetwork>(
        self,
        lifter: &mut Lifter<N>,
        conversion: &Conversion,
        layout: Option<&str>,
    ) -> Result<Option<Notice>> {
        let Self { usual: Some(usual), sample, .. } = self else { return Ok(None) };
        if sample.len() < MIN_PEOPLE_FOR_LAYOUT {
            return Ok(None);
        }
        let as_named = lifter.sigma_of(&sample, conversion)?;
        let Some(sigma) = median_of_seen(&as_named) else { return Ok(None) };
        let layout = layout.unwrap_or("no layout");
        if sigma > DOUBTFUL * usual {
            let found = format!(
                "named {layout}, the key points give a sigma of {} mm, where about {} are usual",
                millimetres(sigma, lifter.card()),
                millimetres(usual, lifter.card())
            );
            if let Some((likely, then)) = likely_layout(&sample, lifter, layout, sigma)? {
                let name = likely.name;
                let then = millimetres(then, lifter.card());
                let text = format!("{found}; as {name} they give {then} mm: lifted as they are named");
                return Ok(Some(Notice::new(text, &format!("--layout {name}"))));
            }
            if sigma <= WRONG * usual {
                return Ok(None);
            }
            let text = match layout_that_lies_so(&sample, layout) {
                Some(likely) => {
                    format!("{found}; they lie as those of {} do, which this model does not read", likely.name)
                }
                None => format!("{found}: they may be in another order"),
            };
            return Ok(Some(Notice::new(text, "--layout")));
        }
        if sample.len() < MIN_PEOPLE_FOR_SIDES {
            return Ok(None);
        }
        let exchanged = lifter.sigma_of(&sample, &conversion.then(&mirrored(&lifter.card().input.joints)))?;
        let Some(then) = median_of_seen(&exchanged) else { return Ok(None) };
        let are_exchanged = then < SIDES_USUAL * usual && is_better(&exchanged, &as_named);
        Ok(are_exchanged.then(|| {
            let text = format!(
                "left and right may be exchanged: as they come the key points give a sigma of {} mm, exchanged {} mm; \
                 lifted as they come",
                millimetres(sigma, lifter.card()),
                millimetres(then, lifter.card())
            );
            Notice::new(text, "exchange them in the input if so, or --layout FILE.json with the right places")
        }))
    }
}

/// `sigma`, in the unit of `card`, in whole millimetres.
fn millimetres(sigma: f32, card: &Card) -> f32 {
    let in_millimetres = card.output.unit.in_metres().unwrap_or(1.0) as f32 * 1000.0;
    (sigma * in_millimetres).round()
}

fn median_of_seen(people: &[Option<PersonSigma>]) -> Option<f32> {
    let mut seen: Vec<f64> = people.iter().flatten().map(|person| f64::from(person.seen)).collect();
    median(&mut seen).map(|sigma| sigma as f32)
}

/// The layout of as many points by which sigma is far smaller, with that sigma.
fn likely_layout<N: PoseNetwork>(
    sample: &[Frame],
    lifter: &mut Lifter<N>,
    named: &str,
    sigma: f32,
) -> Result<Option<(&'static Layout, f32)>> {
    let points = sample[0].people[0].keypoints.len();
    let mut likely = None;
    let mut least = EXPLAINED * sigma;
    for layout in LAYOUTS.into_iter().filter(|layout| layout.len() == points && layout.name != named) {
        let Ok(conversion) = lifter.conversion(layout) else { continue };
        if let Some(then) = median_of_seen(&lifter.sigma_of(sample, &conversion)?)
            && then < least
        {
            likely = Some((layout, then));
            least = then;
        }
    }
    Ok(likely)
}

/// The layout that the points' geometry shows, if that is another than the one named.
fn layout_that_lies_so(sample: &[Frame], named: &str) -> Option<&'static Layout> {
    let people = sample.iter().flat_map(|frame| &frame.people);
    guard::layout_shown(people, sample[0].people[0].keypoints.len()).filter(|shown| shown.name != named)
}

/// Whether sigma is clearly smaller in `one` than in `other`, for nearly all people.
fn is_better(one: &[Option<PersonSigma>], other: &[Option<PersonSigma>]) -> bool {
    let mut people = 0usize;
    let mut better = 0usize;
    let mut joints = 0usize;
    let mut fall = 0f32;
    for (one, other) in one.iter().zip(other) {
        let Some(one) = one else { continue };
        let Some(other) = other else { continue };
        people += 1;
        better += usize::from(one.seen < other.seen);
        joints += one.joints.len();
        for (one, other) in one.joints.iter().zip(&other.joints) {
            fall += (other / one).ln();
        }
    }
    people >= MIN_PEOPLE_FOR_SIDES && better as f32 >= SIDES_SHARE * people as f32 && fall > SIDES_FALL * joints as f32
}
