use super::*;
use crate::pose::Keypoint;

/// A person of 170 px at `x`.
fn person(x: f64, id: Option<i64>) -> Person {
    let point =
        |joint: usize| Keypoint { x: x + (joint % 4) as f64 * 15.0, y: 100.0 + joint as f64 * 10.0, score: 0.9 };
    Person { id, keypoints: (0..17).map(point).collect() }
}

fn frame(index: u64, people: Vec<Person>) -> Frame {
    Frame { index, people, ..Frame::default() }
}

/// Who is where after each frame: ids in the order of `places`.
fn ids(tracker: &mut Tracker, index: u64, places: &[f64], order: &[usize]) -> Vec<Option<i64>> {
    let people = order.iter().map(|at| person(places[*at], None)).collect();
    let mut frame = frame(index, people);
    tracker.follow(&mut frame);
    let mut ids = vec![None; places.len()];
    for (at, person) in order.iter().zip(&frame.people) {
        ids[*at] = person.id;
    }
    ids
}

#[test]
fn people_keep_their_track_whatever_their_order() {
    let mut tracker = Tracker::new(15);
    for index in 0..50 {
        let places = [100.0 + index as f64 * 4.0, 600.0 - index as f64 * 2.0, 900.0];
        let order = [[0, 1, 2], [2, 0, 1], [1, 2, 0]][index as usize % 3];
        let found = ids(&mut tracker, index, &places, &order);
        assert_eq!(found, [Some(0), Some(1), Some(2)], "frame {index}");
    }
}

#[test]
fn who_crosses_a_shoulder_apart_is_not_confused() {
    // Two people pass each other at 12 px a frame; at their nearest they are half a frame's step and a shoulder apart.
    let mut tracker = Tracker::new(15);
    for index in 0..60u64 {
        let at = index as f64 * 12.0;
        let order = if index % 2 == 0 { [0, 1] } else { [1, 0] };
        let found = ids(&mut tracker, index, &[100.0 + at, 814.0 - at], &order);
        assert_eq!(found, [Some(0), Some(1)], "frame {index}");
    }
}

#[test]
fn a_gap_is_waited_through_and_a_longer_one_ends_the_track() {
    let mut tracker = Tracker::new(5);
    assert_eq!(ids(&mut tracker, 0, &[100.0, 500.0], &[0, 1]), [Some(0), Some(1)]);
    assert_eq!(ids(&mut tracker, 1, &[500.0], &[0]), [Some(1)]);
    assert_eq!(ids(&mut tracker, 6, &[110.0, 500.0], &[0, 1]), [Some(0), Some(1)]);
    assert_eq!(ids(&mut tracker, 20, &[110.0, 500.0], &[0, 1]), [Some(2), Some(3)]);
}

#[test]
fn ids_of_one_or_of_people_who_are_told_apart_stay() {
    let mut tracker = Tracker::new(15);
    let mut alone = frame(0, vec![person(100.0, None)]);
    assert_eq!(tracker.follow(&mut alone), None);
    assert_eq!(alone.people[0].id, None);
    let mut two = frame(1, vec![person(100.0, Some(7)), person(500.0, Some(3))]);
    assert_eq!(tracker.follow(&mut two), None);
    assert_eq!((two.people[0].id, two.people[1].id), (Some(7), Some(3)));
}

#[test]
fn ids_that_repeat_or_are_exchanged_are_set_right() {
    let mut tracker = Tracker::new(15);
    let mut twice = frame(0, vec![person(100.0, Some(0)), person(500.0, Some(0))]);
    assert_eq!(tracker.follow(&mut twice), Some(IdFault::Repeated));
    assert_ne!(twice.people[0].id, twice.people[1].id);
    let mut tracker = Tracker::new(15);
    let mut faults = 0;
    for index in 0..40 {
        let (one, other) = if index < 20 { (4, 9) } else { (9, 4) };
        let mut frame = frame(index, vec![person(100.0 + index as f64, Some(one)), person(500.0, Some(other))]);
        faults += usize::from(tracker.follow(&mut frame) == Some(IdFault::Swapped));
        assert_eq!((frame.people[0].id, frame.people[1].id), (Some(4), Some(9)), "frame {index}");
    }
    assert_eq!(faults, 1);
}

#[test]
fn own_ids_stay_where_a_person_among_others_has_none() {
    let mut tracker = Tracker::new(15);
    tracker.take_over();
    let mut found = Vec::new();
    for index in 0..6 {
        // A new person has no id for two frames, then one that is free.
        let late = (index >= 4).then_some(12);
        let people = [(900.0, late), (100.0, Some(7)), (500.0, Some(9))];
        let people = people[if index < 2 { 1 } else { 0 }..].iter().map(|(x, id)| person(*x, *id)).collect();
        let mut frame = frame(index, people);
        tracker.follow(&mut frame);
        found.push(frame.people.iter().map(|person| person.id.unwrap()).collect::<Vec<_>>());
    }
    assert_eq!(found[..2], [[7, 9], [7, 9]]);
    assert!(found[2..].iter().all(|ids| ids[..] == [10, 7, 9]), "a track keeps its number: {found:?}");
}

#[test]
fn exchanged_ids_are_told_once() {
    let mut tracker = Tracker::new(15);
    let mut told = 0;
    for index in 0..60 {
        let (one, other) = if index / 20 == 1 { (9, 4) } else { (4, 9) };
        let mut frame = frame(index, vec![person(100.0, Some(one)), person(500.0, Some(other))]);
        told += usize::from(tracker.follow(&mut frame) == Some(IdFault::Swapped));
        assert_eq!((frame.people[0].id, frame.people[1].id), (Some(4), Some(9)), "frame {index}");
    }
    assert_eq!(told, 1);
}

#[test]
fn a_person_who_was_alone_is_the_first_track_when_others_come() {
    let mut tracker = Tracker::new(15);
    let mut of_the_first = Vec::new();
    for index in 0..60u64 {
        let own = 100.0 + index as f64 * 4.0;
        // A false detection in one frame, before the person in the list.
        let places = if index == 40 { vec![700.0, own] } else { vec![own] };
        let mut frame = frame(index, places.iter().map(|x| person(*x, None)).collect());
        tracker.follow(&mut frame);
        of_the_first.push(frame.people[places.len() - 1].id);
    }
    assert!(of_the_first[..40].iter().all(Option::is_none) && of_the_first[40..].iter().all(|id| *id == Some(0)));
}
