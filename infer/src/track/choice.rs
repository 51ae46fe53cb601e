//! Which of the people in a stream are lifted.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::point_box::PointBox;
use crate::error::{Error, Result};
use crate::pose::Frame;

/// Which people are lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PersonChoice {
    /// All people.
    #[default]
    All,
    /// The largest in the image; another one only where they are a quarter larger.
    Largest,
    /// The one with this id.
    Id(i64),
}

impl fmt::Display for PersonChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Largest => f.write_str("largest"),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}

impl FromStr for PersonChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "all" => Ok(Self::All),
            "largest" => Ok(Self::Largest),
            id => id
                .parse()
                .map(Self::Id)
                .map_err(|_| Error::usage(format!("unknown person '{id}', expected all, largest or an id"))),
        }
    }
}

/// Most ids that are named where the chosen one is absent.
const MAX_NAMED: usize = 8;

/// Keeps the people that were chosen.
#[derive(Debug, Default)]
pub struct PersonFilter {
    choice: PersonChoice,
    /// The id of the largest so far.
    largest: Option<i64>,
    /// Whether the person of the chosen id was seen, and the first ids that were others.
    is_seen: bool,
    others: BTreeSet<i64>,
}

impl PersonFilter {
    /// A filter that keeps `choice`.
    pub fn new(choice: PersonChoice) -> Self {
        Self { choice, ..Self::default() }
    }

    /// Leaves the others out of a frame.
    pub fn apply(&mut self, frame: &mut Frame) {
        match self.choice {
            PersonChoice::All => {}
            PersonChoice::Id(id) => {
                if !self.is_seen {
                    self.look_for(id, frame);
                }
                frame.people.retain(|person| person.id == Some(id));
            }
            PersonChoice::Largest => self.keep_largest(frame),
        }
    }

    /// Keeps in mind which ids there are, as long as the chosen one is not among them.
    fn look_for(&mut self, id: i64, frame: &Frame) {
        for other in frame.people.iter().filter_map(|person| person.id) {
            self.is_seen |= other == id;
            if self.others.len() < MAX_NAMED {
                self.others.insert(other);
            }
        }
    }

    /// What to say at a stream's end: `None` unless people came and the one of the chosen id was never among them.
    pub fn absence(&self) -> Option<String> {
        let PersonChoice::Id(id) = self.choice else { return None };
        if self.is_seen || self.others.is_empty() {
            return None;
        }
        let more = if self.others.len() == MAX_NAMED { ", …" } else { "" };
        let others: Vec<String> = self.others.iter().map(i64::to_string).collect();
        Some(format!("no person has the id {id}; ids are {}{more}", others.join(", ")))
    }

    fn keep_largest(&mut self, frame: &mut Frame) {
        /// How much larger another person must be to be chosen instead.
        const LARGER: f64 = 1.25;
        let sizes: Vec<f64> = frame.people.iter().map(|person| PointBox::around(person).diagonal()).collect();
        let Some(largest) = (0..sizes.len()).max_by(|one, other| sizes[*one].total_cmp(&sizes[*other])) else { return };
        let before = frame.people.iter().position(|person| person.id.is_some() && person.id == self.largest);
        let kept = match before {
            Some(before) if sizes[largest] < LARGER * sizes[before] => before,
            _ => largest,
        };
        let person = frame.people.swap_remove(kept);
        self.largest = person.id;
        frame.people.clear();
        frame.people.push(person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::{Keypoint, Person};

    fn frame(sizes: &[f64]) -> Frame {
        let person = |(id, size): (usize, &f64)| Person {
            id: Some(id as i64),
            keypoints: [0.0, *size].map(|at| Keypoint { x: at + 1.0, y: at, score: 1.0 }).to_vec(),
        };
        Frame { people: sizes.iter().enumerate().map(person).collect(), ..Frame::default() }
    }

    fn kept(filter: &mut PersonFilter, sizes: &[f64]) -> Vec<i64> {
        let mut frame = frame(sizes);
        filter.apply(&mut frame);
        frame.people.iter().map(|person| person.id.unwrap()).collect()
    }

    #[test]
    fn the_largest_stays_chosen_until_another_is_much_larger() {
        let mut filter = PersonFilter::new(PersonChoice::Largest);
        assert_eq!(kept(&mut filter, &[10.0, 20.0]), [1]);
        assert_eq!(kept(&mut filter, &[24.0, 20.0]), [1]);
        assert_eq!(kept(&mut filter, &[26.0, 20.0]), [0]);
        assert_eq!(kept(&mut filter, &[]), [0_i64; 0]);
    }

    #[test]
    fn an_id_that_no_person_has_is_told_with_those_that_there_are() {
        let mut filter = PersonFilter::new(PersonChoice::Id(5));
        assert_eq!(filter.absence(), None);
        kept(&mut filter, &[1.0, 2.0]);
        assert_eq!(filter.absence().unwrap(), "no person has the id 5; ids are 0, 1");
        kept(&mut filter, &[1.0; 20]);
        assert_eq!(filter.absence(), None, "person 5 came later");
        let mut filter = PersonFilter::new(PersonChoice::Id(50));
        kept(&mut filter, &[1.0; 20]);
        assert!(filter.absence().unwrap().ends_with("6, 7, …"));
    }

    #[test]
    fn by_id_or_all() {
        assert_eq!(kept(&mut PersonFilter::new("1".parse().unwrap()), &[1.0, 2.0, 3.0]), [1]);
        assert_eq!(kept(&mut PersonFilter::new("all".parse().unwrap()), &[1.0, 2.0]), [0, 1]);
        assert!("tall".parse::<PersonChoice>().is_err());
    }
}
