//! Joints of which a whole stream has no key point: of a detector that does not find them, or by a misspelt name.

use crate::guard::Notice;
use crate::pose::LiftedPerson;

/// The fewest people by whom a joint is judged. In shorter streams it may be hidden all the time.
const MIN_PEOPLE: u64 = 10;

/// The joints of which no lifted person had a key point.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    /// Output joints without a key point so far; `None` before the first person.
    joints: Option<Vec<usize>>,
    people: u64,
}

impl Unseen {
    /// Takes a lifted person into account. Returns whether every joint has had a key point by now: there is nothing to tell then.
    pub(super) fn see(&mut self, person: &LiftedPerson) -> bool {
        self.people += 1;
        let joints = self.joints.get_or_insert_with(|| person.missing_joints.clone());
        joints.retain(|joint| person.missing_joints.contains(joint));
        joints.is_empty()
    }

    /// The notice at the stream's end, where `names` `[J]` are the model's joints. `reported` are the joints of which the
    /// caller knows already that the layout lacks them.
    pub(super) fn notice(&self, names: &[String], reported: &[String]) -> Option<Notice> {
        let joints = self.joints.as_ref().filter(|_| self.people >= MIN_PEOPLE)?;
        let names: Vec<&str> = joints.iter().map(|&joint| names[joint].as_str()).collect();
        let news: Vec<&str> = names.into_iter().filter(|name| !reported.iter().any(|known| known == name)).collect();
        if news.is_empty() {
            return None;
        }
        let text =
            format!("no key point of {} in any of {} poses: placed by the other joints", news.join(", "), self.people);
        Some(Notice::new(text, "check the names and the order of the key points, and --min-score"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(missing: &[&[usize]]) -> Option<String> {
        let mut unseen = Unseen::default();
        for missing in missing {
            unseen.see(&LiftedPerson { missing_joints: missing.to_vec(), ..LiftedPerson::default() });
        }
        let names = ["hip", "left_wrist", "left_big_toe"].map(str::to_owned);
        unseen.notice(&names, &names[2..]).map(|notice| notice.to_string())
    }

    #[test]
    fn a_joint_that_is_never_seen_is_told() {
        let told = after(&[&[1, 2][..]; 10]).unwrap();
        assert!(told.contains("no key point of left_wrist in any of 10 poses"), "{told}");
        let mut seen_once = vec![&[1, 2][..]; 10];
        seen_once[4] = &[2];
        assert_eq!(after(&seen_once), None);
    }

    #[test]
    fn a_few_people_do_not_tell() {
        assert_eq!(after(&[&[1][..]; 9]), None);
        assert_eq!(after(&[]), None);
    }
}
