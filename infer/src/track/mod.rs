//! Who is who from frame to frame, where a detector does not say or says it wrongly.
//!
//! People of a frame are assigned to tracks by the Hungarian method (`pathfinding`'s) on the mean distance of their key points
//! from where the track's are predicted to be, in body sizes. No later frame is needed, so it works live. Tracks are born
//! with people whom none fits, wait through gaps, and end after the longest gap.

mod body;
mod choice;
mod legs;
mod point_box;

use std::collections::HashMap;

use pathfinding::kuhn_munkres::kuhn_munkres_min;
use pathfinding::matrix::Matrix;

use crate::pose::{Frame, Person};
use body::Body;
pub use choice::{PersonChoice, PersonFilter};
pub use legs::LegSides;

/// Mean distance from the prediction, in body sizes, beyond which a person is another one.
const MAX_MATCH_DISTANCE: f64 = 0.6;
/// How much the cost of ids may exceed that of the best assignment, in body sizes a person, before they count as swapped.
const SWAP_MARGIN: f64 = 0.35;
/// Costs are whole numbers to the assignment.
const COST_UNIT: f64 = 1e6;
/// The cost of being on no track; higher than any that is near enough.
const UNASSIGNED: i64 = (MAX_MATCH_DISTANCE * 2.0 * COST_UNIT) as i64;

/// What was found about the ids of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdFault {
    /// A person has no id in a frame with several people.
    Absent,
    /// Several people of one frame have the same id.
    Repeated,
    /// Two people exchanged their ids.
    Swapped,
}

/// A person on their way through frames.
#[derive(Debug)]
struct Track {
    id: i64,
    body: Body,
    /// When they were last seen, in frames.
    last: u64,
}

/// A person far from the track of their id.
struct Astray<'a> {
    /// Their place in the frame.
    person: usize,
    body: &'a Body,
    track: &'a Track,
    /// From the track, body sizes.
    distance: f64,
}

/// Gives people the ids of their tracks.
#[derive(Debug)]
pub struct Tracker {
    tracks: Vec<Track>,
    next_id: i64,
    /// Frames since the stream began, gaps counted; and the number of the last one.
    now: u64,
    last_index: Option<u64>,
    /// Frames that a track waits through.
    max_gap: u64,
    /// Whether the stream's own ids are of no use.
    is_on: bool,
    /// The track that each of the stream's ids stands for, once some were exchanged.
    exchanged: HashMap<i64, i64>,
    is_exchange_told: bool,
}

impl Tracker {
    /// A tracker whose tracks wait through `max_gap` frames.
    pub fn new(max_gap: u64) -> Self {
        Self {
            tracks: Vec::new(),
            next_id: 0,
            now: 0,
            last_index: None,
            max_gap,
            is_on: false,
            exchanged: HashMap::new(),
            is_exchange_told: false,
        }
    }

    /// What is wrong with the ids in a frame.
    pub fn fault(frame: &Frame) -> Option<IdFault> {
        let people = &frame.people;
        if people.len() < 2 {
            return None;
        }
        if people.iter().any(|person| person.id.is_none()) {
            return Some(IdFault::Absent);
        }
        for (place, person) in people.iter().enumerate() {
            if people[..place].iter().any(|other| other.id == person.id) {
                return Some(IdFault::Repeated);
            }
        }
        None
    }

    /// Takes over from the stream's ids.
    pub fn take_over(&mut self) {
        self.is_on = true;
    }

    /// Gives each person in the frame the id of a track. Returns what is wrong with the stream's own ids, the first time.
    pub fn follow(&mut self, frame: &mut Frame) -> Option<IdFault> {
        let mut fault = None;
        if !self.is_on {
            fault = Self::fault(frame);
            self.is_on = fault.is_some();
        }
        self.tick(frame.index);
        if self.is_on {
            self.assign(frame);
        } else if let [person] = &frame.people[..]
            && person.id.is_none()
        {
            // Kept in mind, so that they are the same person when others come.
            self.assign(&mut frame.clone());
        } else if frame.people.len() > 1 || !self.exchanged.is_empty() {
            // A person alone cannot be mistaken for another.
            let swap = self.check_ids(frame);
            fault = swap.filter(|_| !std::mem::replace(&mut self.is_exchange_told, true));
        }
        fault
    }

    /// Goes on to the next frame, and ends tracks that were not seen for too long. Frame numbers that do not rise count as one
    /// frame each.
    fn tick(&mut self, index: u64) {
        let step = self.last_index.map_or(1, |last| index.saturating_sub(last).max(1));
        self.last_index = Some(index);
        self.now = self.now.saturating_add(step);
        self.tracks.retain(|track| self.now - track.last <= self.max_gap.saturating_add(1));
    }

    /// Puts people on tracks, whatever the stream calls them. A track begins with the stream's own id, if that is free.
    fn assign(&mut self, frame: &mut Frame) {
        let bodies: Vec<Option<Body>> = frame.people.iter().map(Body::of).collect();
        let assigned = self.best(&bodies);
        let own = ids_without_repeats(&frame.people);
        // New numbers are none that a person of this frame may keep.
        let after_own = own.iter().flatten().max().map_or(0, |largest| largest.saturating_add(1));
        self.next_id = self.next_id.max(after_own);
        for (place, body) in bodies.into_iter().enumerate() {
            let Some(body) = body else { continue };
            let id = match assigned[place] {
                Some(track) => {
                    self.move_on(track, body);
                    self.tracks[track].id
                }
                None => self.start_track(body, own[place]),
            };
            frame.people[place].id = Some(id);
        }
    }

    /// The stream's ids stay, but for those that two people exchanged.
    fn check_ids(&mut self, frame: &mut Frame) -> Option<IdFault> {
        for person in &mut frame.people {
            person.id = person.id.map(|id| self.exchanged.get(&id).copied().unwrap_or(id));
        }
        let bodies: Vec<Option<Body>> = frame.people.iter().map(Body::of).collect();
        let swap = if frame.people.len() > 1 { self.swapped(&frame.people, &bodies) } else { None };
        if let Some((one, other)) = swap {
            let first = frame.people[one].id;
            let second = frame.people[other].id;
            frame.people[one].id = second;
            frame.people[other].id = first;
            if let Some((first, second)) = first.zip(second) {
                let named_first = self.named(first);
                let named_second = self.named(second);
                self.exchanged.insert(named_first, second);
                self.exchanged.insert(named_second, first);
            }
        }
        for (person, body) in frame.people.iter().zip(bodies) {
            let Some(id) = person.id else { continue };
            let Some(body) = body else { continue };
            match self.tracks.iter().position(|track| track.id == id) {
                Some(track) => self.move_on(track, body),
                None => {
                    self.tracks.push(Track { id, body, last: self.now });
                    self.next_id = self.next_id.max(id.saturating_add(1));
                }
            }
        }
        swap.map(|_| IdFault::Swapped)
    }

    /// What the stream calls the track `id`.
    fn named(&self, id: i64) -> i64 {
        self.exchanged.iter().find(|(_, ours)| **ours == id).map_or(id, |(theirs, _)| *theirs)
    }

    /// Two people each of whom is near where the other's track is predicted, and far from where their own is.
    fn swapped(&self, people: &[Person], bodies: &[Option<Body>]) -> Option<(usize, usize)> {
        // People are rarely far from their own track; only those who are are compared with each other.
        let astray = self.astray(people, bodies);
        for (place, one) in astray.iter().enumerate() {
            for other in &astray[place + 1..] {
                let Some(there) = self.distance(one.body, other.track) else { continue };
                let Some(back) = self.distance(other.body, one.track) else { continue };
                let crossed = there.max(back);
                if crossed < MAX_MATCH_DISTANCE / 2.0 && one.distance.min(other.distance) > crossed + SWAP_MARGIN {
                    return Some((one.person, other.person));
                }
            }
        }
        None
    }

    /// The people who are far from their own track.
    fn astray<'a>(&'a self, people: &[Person], bodies: &'a [Option<Body>]) -> Vec<Astray<'a>> {
        let mut astray = Vec::new();
        for (person, body) in bodies.iter().enumerate() {
            let Some(body) = body else { continue };
            let Some(track) = self.tracks.iter().find(|track| Some(track.id) == people[person].id) else { continue };
            let Some(distance) = self.distance(body, track) else { continue };
            if distance > SWAP_MARGIN {
                astray.push(Astray { person, body, track, distance });
            }
        }
        astray
    }

    /// How far a body is from where the track is predicted now.
    fn distance(&self, body: &Body, track: &Track) -> Option<f64> {
        body.distance(&track.body, self.now - track.last)
    }

    /// The track of each person, by the least sum of distances; none where none is near.
    fn best(&self, bodies: &[Option<Body>]) -> Vec<Option<usize>> {
        if self.tracks.is_empty() || bodies.is_empty() {
            return vec![None; bodies.len()];
        }
        // A column for each track, and one for each person to be on none.
        let columns = self.tracks.len() + bodies.len();
        let mut costs = Matrix::new(bodies.len(), columns, UNASSIGNED);
        for (row, body) in bodies.iter().enumerate() {
            for (column, track) in self.tracks.iter().enumerate() {
                let distance = body.as_ref().and_then(|body| self.distance(body, track));
                // A person who was not seen for a while may be farther off.
                let gap = self.now - track.last;
                let farthest = MAX_MATCH_DISTANCE * (1.0 + 0.1 * gap.saturating_sub(1).min(10) as f64);
                costs[(row, column)] = match distance {
                    Some(distance) if distance <= farthest => ((distance * COST_UNIT) as i64).min(UNASSIGNED - 1),
                    _ => UNASSIGNED * 4,
                };
            }
        }
        let (_, assigned) = kuhn_munkres_min(&costs);
        let mut tracks = Vec::with_capacity(bodies.len());
        for (row, column) in assigned.into_iter().enumerate() {
            let is_near = column < self.tracks.len() && costs[(row, column)] < UNASSIGNED;
            tracks.push(is_near.then_some(column));
        }
        tracks
    }

    fn move_on(&mut self, track: usize, body: Body) {
        let track = &mut self.tracks[track];
        track.body.move_to(body, self.now - track.last);
        track.last = self.now;
    }

    fn start_track(&mut self, body: Body, own: Option<i64>) -> i64 {
        let id = own.filter(|own| self.tracks.iter().all(|track| track.id != *own)).unwrap_or(self.next_id);
        self.next_id = self.next_id.max(id.saturating_add(1));
        self.tracks.push(Track { id, body, last: self.now });
        id
    }
}

/// The ids of people, but for those that several of them have.
fn ids_without_repeats(people: &[Person]) -> Vec<Option<i64>> {
    let mut ids = Vec::with_capacity(people.len());
    for person in people {
        let namesakes = people.iter().filter(|other| other.id == person.id).count();
        ids.push(person.id.filter(|_| namesakes == 1));
    }
    ids
}

#[cfg(test)]
mod tests;
