//! Which clips train and which validate: by person, since frames of one person are alike.

use poselift::{Error, Result};

use super::Motion;

impl Motion {
    /// Indices of the training and of the validating clips.
    pub fn split(&self, val_split: f64, val_subjects: &[String]) -> Result<(Vec<usize>, Vec<usize>)> {
        let mut subjects: Vec<&str> = self.clips.iter().map(|c| c.subject.as_str()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let count = ((subjects.len() as f64 * val_split).round() as usize).max(1);
        let named: Vec<&str> = if val_subjects.is_empty() {
            subjects[subjects.len() - count..].to_vec()
        } else {
            val_subjects.iter().map(String::as_str).collect()
        };
        let (val, train): (Vec<usize>, Vec<usize>) =
            (0..self.clips.len()).partition(|&c| named.contains(&self.clips[c].subject.as_str()));
        if val.is_empty() || train.is_empty() {
            return Err(Error::usage(format!("no split by {named:?}; subjects are {}", subjects.join(", "))));
        }
        Ok((train, val))
    }
}
