//! The report of `poselift eval` on a data set, as a table and as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Evaluation;
use crate::camera::USUAL_FOCAL;
use crate::error::{Error, Result};
use crate::metric::{Accuracy, Calibration};
use crate::model::{Card, View};

/// The view that people were lifted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// From the camera as it stands, as the model asks for.
    Camera,
    /// From the camera turned to each of them; of a focal length that was given, or the usual one.
    Subject { focal_known: bool },
    /// The model asks for that, but the size of the images is not known.
    SubjectOfUnknownSize,
}

impl Sight {
    fn words(self) -> String {
        match self {
            Self::Camera => "camera: key points as they are".to_owned(),
            Self::Subject { focal_known: true } => "subject: turned to the optical axis, focal length given".to_owned(),
            Self::Subject { focal_known: false } => {
                format!("subject: turned to the optical axis, focal length taken to be {USUAL_FOCAL} longer sides")
            }
            Self::SubjectOfUnknownSize => "subject, but not turned: image size unknown".to_owned(),
        }
    }
}

/// The report; serialised, it is the JSON of the contract.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    model: &'a str,
    view: View,
    /// Whether people were turned to the optical axis.
    turned: bool,
    pub(super) samples: u64,
    pub(super) not_lifted: u64,
    unit: &'a str,
    mpjpe: f64,
    p_mpjpe: f64,
    n_mpjpe: f64,
    /// 0..1; `null` where the unit is not known.
    pck_150: Option<f64>,
    /// 0..1; `null` where the unit is not known.
    auc: Option<f64>,
    /// The share of joints, 0..1, whose error is at most their sigma; absent where the model gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    within_sigma: Option<f64>,
    /// Mean absolute errors, degrees; absent where the joints have no names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    angles: BTreeMap<&'static str, f64>,
    per_joint: PerJoint<'a>,
    #[serde(skip)]
    root: Option<&'a str>,
    #[serde(skip)]
    sight: Sight,
}

#[derive(Debug)]
struct PerJoint<'a> {
    names: &'a [String],
    errors: Vec<f64>,
}

impl Serialize for PerJoint<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (name, error) in self.names.iter().zip(&self.errors) {
            map.serialize_entry(name, error)?;
        }
        map.end()
    }
}

impl<'a> Report<'a> {
    /// # Errors
    /// Nothing was lifted.
    pub(super) fn new(card: &'a Card, evaluation: &Evaluation, sight: Sight) -> Result<Self> {
        let Evaluation { score, angles, calibration } = evaluation;
        let Some(Accuracy { samples, mpjpe, p_mpjpe, n_mpjpe, pck_150, auc, per_joint }) = score.accuracy() else {
            return Err(Error::input(format!("none of the {} samples could be lifted", score.not_lifted())));
        };
        Ok(Self {
            model: &card.name,
            view: card.input.view,
            turned: matches!(sight, Sight::Subject { .. }),
            samples,
            not_lifted: score.not_lifted(),
            unit: score.unit().unwrap_or(card.output.unit.name()),
            mpjpe,
            p_mpjpe,
            n_mpjpe,
            pck_150,
            auc,
            within_sigma: calibration.as_ref().and_then(Calibration::within_one_sigma),
            angles: angles.means().into_iter().collect(),
            per_joint: PerJoint { names: &card.output.joints, errors: per_joint },
            root: card.output.root.map(|root| card.output.joints[root].as_str()),
            sight,
        })
    }

    /// The report as aligned text.
    pub(super) fn table(&self, data: &Path) -> String {
        let not_lifted = match self.not_lifted {
            0 => String::new(),
            count => format!(", and {count} that could not be lifted"),
        };
        let root = self.root.map_or("not among the joints".to_owned(), |root| format!("{root}, counted with error 0"));
        let facts = [
            ("model", self.model.to_owned()),
            ("data", data.display().to_string()),
            ("view", self.sight.words()),
            ("samples", format!("{}{not_lifted}", self.samples)),
            ("root", root),
            ("", String::new()),
            ("MPJPE", self.with_unit(self.mpjpe)),
            ("P-MPJPE", self.with_unit(self.p_mpjpe)),
            ("N-MPJPE", self.with_unit(self.n_mpjpe)),
            ("PCK@150", per_cent_or_why(self.pck_150)),
            ("AUC", per_cent_or_why(self.auc)),
        ];
        let sigma = self.within_sigma.map(|within| {
            ("sigma", format!("{:.1} % of joints within one (68 % expected), the root left out", within * 100.0))
        });
        let angles = (!self.angles.is_empty()).then(|| {
            let each: Vec<_> = self.angles.iter().map(|(name, error)| format!("{name} {error:.1}")).collect();
            ("angles", format!("off by {} degrees", each.join(", ")))
        });
        let mut text = String::new();
        for (name, value) in facts.into_iter().chain(angles).chain(sigma).chain([("", String::new())]) {
            text.push_str(format!("{name:<9}{value}").trim_end());
            text.push('\n');
        }
        text + &self.joint_table()
    }

    fn joint_table(&self) -> String {
        let rows = self.per_joint.names.iter().zip(&self.per_joint.errors);
        let rows: Vec<_> = rows.map(|(name, &error)| (name.as_str(), self.number(error))).collect();
        let heading = ("joint", self.unit.to_owned());
        let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
        let names = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let numbers = rows.iter().map(|(_, number)| number.chars().count()).max().unwrap_or(0);
        rows.iter().map(|(name, number)| format!("{name:<names$}  {number:>numbers$}\n")).collect()
    }

    fn with_unit(&self, value: f64) -> String {
        format!("{} {}", self.number(value), self.unit)
    }

    /// A tenth of a millimetre, or five decimals of what may be any size.
    fn number(&self, value: f64) -> String {
        if self.unit == "mm" { format!("{value:.1}") } else { format!("{value:.5}") }
    }
}

/// A share that is counted in millimetres, or why there is none.
fn per_cent_or_why(share: Option<f64>) -> String {
    match share {
        Some(share) => format!("{:.1} %", share * 100.0),
        None => "not given: it needs millimetres, and the size of the model's unit is not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::metric::{AngleErrors, Score};
    use crate::model::{MockNetwork, PoseNetwork};

    /// Two poses, and 0.1 m at the right ankle of the second; `lifted` of them were.
    fn evaluation(lifted: usize) -> Evaluation {
        let truth = Array3::from_shape_fn((2, 17, 3), |(n, joint, axis)| ((n + 7 * joint) * (axis + 1) % 10) as f32);
        let mut predicted = truth.clone();
        predicted[[1, 3, 2]] += 0.1;
        predicted.outer_iter_mut().rev().skip(lifted).for_each(|mut pose| pose.fill(f32::NAN));
        let mut score = Score::new(17, Some(0), &crate::pose::Unit::Metres);
        score.add(predicted.view(), truth.view()).unwrap();
        let mut angles = AngleErrors::new(&card().output.joints);
        angles.add(predicted.view(), truth.view());
        let mut calibration = Calibration::new(Some(0));
        calibration.add(predicted.view(), truth.view(), ndarray::Array2::zeros((2, 17)).view()).unwrap();
        Evaluation { score, angles, calibration: Some(calibration) }
    }

    fn card() -> Card {
        MockNetwork::of_subject_with_sigma().card().clone()
    }

    #[test]
    fn the_table_is_aligned_and_the_json_in_order() {
        let (card, evaluation) = (card(), evaluation(2));
        let report = Report::new(&card, &evaluation, Sight::Subject { focal_known: true }).unwrap();
        let table = report.table(Path::new("pairs.npz"));
        assert!(table.contains("\nMPJPE    2.9 mm\n") && table.contains("\nPCK@150  100.0 %\n"), "{table}");
        assert!(table.contains("\nroot     hip, counted with error 0\n"), "{table}");
        assert!(table.contains("\nview     subject: turned to the optical axis, focal length given\n"), "{table}");
        assert!(table.contains("\nsigma    96.9 % of joints within one"), "{table}");
        assert!(table.contains("\njoint             mm\nhip              0.0\n"), "{table}");
        assert!(table.contains("\nright_ankle     50.0\n"), "{table}");
        let json = super::super::json(&report);
        let start =
            r#"{"model":"example","view":"subject","turned":true,"samples":2,"not_lifted":0,"unit":"mm","mpjpe":2.9"#;
        assert!(json.starts_with(start), "{json}");
        assert!(table.contains("\nangles   off by elbow 0.0, hip 0.0, knee "), "{table}");
        assert!(json.contains(r#","within_sigma":0.96875,"angles":{"elbow":0.0,"#), "{json}");
        assert!(json.contains(r#"},"per_joint":{"hip":0.0,"right_hip":0.0,"#), "{json}");
    }

    #[test]
    fn what_could_not_be_lifted_is_reported() {
        let (card, half, nothing) = (card(), evaluation(1), evaluation(0));
        let table = Report::new(&card, &half, Sight::SubjectOfUnknownSize).unwrap().table(Path::new("pairs.npz"));
        assert!(table.contains("samples  1, and 1 that could not be lifted\n"), "{table}");
        assert!(table.contains("view     subject, but not turned: image size unknown\n"), "{table}");
        let error = Report::new(&card, &nothing, Sight::Camera).unwrap_err();
        assert_eq!(error.to_string(), "none of the 2 samples could be lifted");
    }
}
