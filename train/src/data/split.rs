//! The split into training and validation clips: by person, since frames of one person are alike.

use poselift::{Error, Result};

use super::{Clip, Motion};

/// A person: names are unique within a source only.
type Person<'a> = (usize, &'a str);

impl Motion {
    /// Indices of the training and of the validation clips.
    ///
    /// People named in `val_subjects` (`s09`, or `UI-PRMD/s09`) validate. If none are named, the last share
    /// `val_split` of the people in the order of the sources does, at least one; with one person's motion, the last
    /// clips.
    ///
    /// # Errors
    /// A name that no person has, or a side without a clip; the message lists the people.
    pub fn split(&self, val_split: f64, val_subjects: &[String]) -> Result<(Vec<usize>, Vec<usize>)> {
        let people = self.people();
        if !val_subjects.is_empty() {
            return self.split_by_name(val_subjects, &people);
        }
        let (training, validating) = if people.len() > 1 {
            let held_out = &people[people.len() - last_share(people.len(), val_split)..];
            (0..self.clips.len()).partition(|&clip| !held_out.contains(&person(&self.clips[clip])))
        } else {
            let count = if self.clips.len() > 1 { last_share(self.clips.len(), val_split) } else { 0 };
            let first = self.clips.len() - count;
            ((0..first).collect(), (first..self.clips.len()).collect())
        };
        self.both_filled(training, validating)
    }

    /// Cuts motion of one clip in two, separating the last share `val_split` of its frames, so that it can be split.
    pub fn cut_single_clip(&mut self, val_split: f64) {
        if let [clip] = self.clips.as_mut_slice()
            && clip.frames > 1
        {
            let frames = last_share(clip.frames, val_split);
            clip.frames -= frames;
            let end =
                Clip { name: format!("{}.2", clip.name), start: clip.start + clip.frames, frames, ..clip.clone() };
            self.clips.push(end);
        }
    }

    /// All people, in the order of the sources and of their first clips.
    pub fn people(&self) -> Vec<Person<'_>> {
        let mut people: Vec<Person> = Vec::new();
        for clip in &self.clips {
            if !people.contains(&person(clip)) {
                people.push(person(clip));
            }
        }
        people.sort_by_key(|(source, _)| *source);
        people
    }

    fn split_by_name(&self, names: &[String], people: &[Person]) -> Result<(Vec<usize>, Vec<usize>)> {
        if let Some(unknown) = names.iter().find(|name| !people.iter().any(|&person| self.is_named(name, person))) {
            return Err(Error::usage(format!("no person is called '{unknown}', expected {}", self.list(people))));
        }
        let (validating, training) = (0..self.clips.len())
            .partition(|&clip| names.iter().any(|name| self.is_named(name, person(&self.clips[clip]))));
        self.both_filled(training, validating)
    }

    /// Whether `name` is the person's, with or without the source's in front.
    fn is_named(&self, name: &str, person: Person) -> bool {
        let (source, subject) = person;
        name == subject || name.strip_suffix(subject) == Some(&format!("{}/", self.sources[source].name))
    }

    fn both_filled(&self, training: Vec<usize>, validating: Vec<usize>) -> Result<(Vec<usize>, Vec<usize>)> {
        if training.is_empty() || validating.is_empty() {
            return Err(Error::usage(format!(
                "{} clips to train on and {} to validate on, expected at least 1 each, out of {} clips of {}",
                training.len(),
                validating.len(),
                self.clips.len(),
                self.list(&self.people())
            ))
            .hint("give more motion, or name other people to validate on"));
        }
        Ok((training, validating))
    }

    fn list(&self, people: &[Person]) -> String {
        let names = people.iter().map(|&(source, subject)| format!("{}/{subject}", self.sources[source].name));
        names.collect::<Vec<_>>().join(", ")
    }
}

fn person(clip: &Clip) -> Person<'_> {
    (clip.source, &clip.subject)
}

/// A share of `count`, at least one and not all; `count` is above 1.
fn last_share(count: usize, share: f64) -> usize {
    ((count as f64 * share).round() as usize).clamp(1, count - 1)
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;
    use poselift::skeleton::BODY28;

    use super::*;
    use crate::data::Source;

    /// Clips of ten frames by (source, subject).
    fn motion(people: &[(usize, &str)]) -> Motion {
        let clip = |(index, (source, subject)): (usize, &(usize, &str))| Clip {
            name: format!("clip{index}"),
            subject: (*subject).to_owned(),
            source: *source,
            start: index * 10,
            frames: 10,
            human_lengths: true,
        };
        let source = |name: &str| Source { name: name.into(), licence: "unknown".into() };
        Motion {
            positions: Array3::zeros((people.len() * 10, BODY28.len(), 3)),
            rate: 25.0,
            clips: people.iter().enumerate().map(clip).collect(),
            sources: vec![source("lab"), source("field")],
        }
    }

    #[test]
    fn the_last_people_validate() {
        let motion = motion(&[(0, "a"), (0, "b"), (0, "a"), (0, "c"), (1, "a"), (0, "d")]);
        assert_eq!(motion.split(0.2, &[]).unwrap(), (vec![0, 1, 2, 3, 5], vec![4]));
        assert_eq!(motion.split(0.4, &[]).unwrap(), (vec![0, 1, 2, 3], vec![4, 5]));
        assert_eq!(motion.split(0.001, &[]).unwrap().1, [4]);
        assert_eq!(motion.split(0.999, &[]).unwrap().0, [0, 2]);
    }

    #[test]
    fn names_may_say_their_source() {
        let motion = motion(&[(0, "a"), (0, "b"), (1, "a")]);
        assert_eq!(motion.split(0.2, &["a".into()]).unwrap(), (vec![1], vec![0, 2]));
        assert_eq!(motion.split(0.2, &["lab/a".into(), "b".into()]).unwrap(), (vec![2], vec![0, 1]));
        let unknown = motion.split(0.2, &["b".into(), "z".into()]).unwrap_err().to_string();
        assert!(unknown.contains("'z'") && unknown.contains("lab/a, lab/b, field/a"), "{unknown}");
        let all = motion.split(0.2, &["a".into(), "b".into()]).unwrap_err().to_string();
        assert!(all.contains("0 clips to train on and 3"), "{all}");
    }

    #[test]
    fn one_person_gives_the_last_clips_and_one_clip_its_last_frames() {
        let five = motion(&[(0, "a"); 5]);
        assert_eq!(five.split(0.4, &[]).unwrap(), (vec![0, 1, 2], vec![3, 4]));
        let mut one = motion(&[(0, "a")]);
        assert!(one.split(0.4, &[]).is_err());
        one.cut_single_clip(0.4);
        assert_eq!(one.split(0.4, &[]).unwrap(), (vec![0], vec![1]));
        assert_eq!((one.clips[0].frames, one.clips[1].start, one.clips[1].frames), (6, 6, 4));
    }
}
