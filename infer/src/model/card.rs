//! The card of a model file, as the crate of the file's contract has it.

pub use poselift_onnx::{
    CARD_KEY, CARD_SCHEMA, Card, DataCard, InputCard, MemoryCard, Metric, NetworkCard, OutputCard, TrainingCard, View,
};

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Precision, Quantisation};
    use crate::pose::{Axes, Unit};
    use crate::skeleton::{COCO17, H36M17};

    /// A card of the usual kind, COCO-17 in and Human3.6M-17 out.
    pub(crate) fn example() -> Card {
        let names = |joints: &[&str]| joints.iter().map(|&name| name.to_owned()).collect();
        Card {
            schema: CARD_SCHEMA,
            name: "example".into(),
            input: InputCard { layout: "coco17".into(), joints: names(COCO17.joints), channels: 3, view: View::Camera },
            output: OutputCard {
                skeleton: "h36m17".into(),
                joints: names(H36M17.joints),
                parents: H36M17.parents.to_vec(),
                root: Some(0),
                root_position: None,
                unit: Unit::Metres,
                axes: Axes::Camera,
                sigma: false,
            },
            memory: None,
            network: NetworkCard {
                blocks: 2,
                hidden: 64,
                dropout: 0.1,
                batch_norm: true,
                parameters: 1,
                precision: Precision::F32,
                quantisation: Quantisation::Dynamic,
                mirror: false,
            },
            training: TrainingCard {
                data: vec![DataCard { name: "synthetic".into(), licence: "none needed".into() }],
                samples: 64,
                epochs: 1.0,
                batch: 64,
                optimiser: "adam".into(),
                learning_rate: 1e-3,
                ema: None,
                seed: 0,
                commit: None,
                teacher: None,
                init: None,
            },
            metrics: BTreeMap::new(),
            weights_sha256: String::new(),
        }
    }

    #[test]
    fn survives_the_round_trip() {
        assert_eq!(Card::from_json(&example().to_json()).unwrap(), example());
    }

    #[test]
    fn a_card_that_is_silent_on_precision_means_f32() {
        let mut card = example();
        assert!(!card.to_json().contains("precision"));
        card.network.precision = Precision::Int8;
        assert!(card.to_json().contains(r#""precision":"int8""#));
        assert_eq!(Card::from_json(&card.to_json()).unwrap(), card);
    }

    #[test]
    fn refuses_what_is_no_card() {
        let other_schema = Card { schema: 2, ..example() };
        let mut contradiction = example();
        contradiction.output.parents.pop();
        for (text, expected) in [
            ("hello".to_owned(), "not readable"),
            ("{}".to_owned(), "schema"),
            (other_schema.to_json(), "schema 2, expected 1"),
            (contradiction.to_json(), "16 parents for 17 output joints"),
        ] {
            let message = Card::from_json(&text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
