//! A model of fewer joints as the start of a run with more: `coco17` to Human3.6M-17 as the start of `coco23` to Human3.6M-17 with feet.
//!
//! Key points that the model does not read begin with weights of zero. A joint that it does not give begins as the nearest joint
//! above it that it gives, moved by the mean distance of the two. So where the new key points are missing, the network begins as the
//! model.

use ndarray::{Array1, Array2, Axis};
use poselift::model::{InputCard, OutputCard};
use poselift::{Error, Result};

use crate::trained::{Dense, Network};

/// What a network reads and what it gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends<'a> {
    pub(super) input: &'a InputCard,
    pub(super) output: &'a OutputCard,
}

/// Where the joints of a run are in a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Widening {
    /// `[J_in]` of the run: the model's, if it reads the joint.
    inputs: Vec<Option<usize>>,
    /// `[J_out]` of the run: the model's joint to begin as.
    outputs: Vec<usize>,
    /// `[J_out]` of the run: that joint among the run's.
    stands_for: Vec<usize>,
    channels: usize,
}

impl Widening {
    /// From a model's input and output to a run's.
    ///
    /// # Errors
    /// A joint that the model reads or gives is not the run's, or a run's joint has none above it that the model gives.
    pub(super) fn new(model: Ends<'_>, run: Ends<'_>) -> Result<Self> {
        let inputs = (&model.input.joints, &run.input.joints);
        let outputs = (&model.output.joints, &run.output.joints);
        for (theirs, ours) in [inputs, outputs] {
            if let Some(lost) = theirs.iter().find(|name| position(ours, name).is_none()) {
                return Err(Error::usage(format!("the model of --init has the joint '{lost}', which the data lack")));
            }
        }
        let mut stands_for = Vec::new();
        let mut outputs = Vec::new();
        for joint in 0..run.output.joints.len() {
            let other = nearest(joint, run.output, &model.output.joints)?;
            let given = position(&model.output.joints, &run.output.joints[other]);
            stands_for.push(other);
            outputs.push(given.expect("the nearest joint is one that the model gives"));
        }
        let inputs = run.input.joints.iter().map(|name| position(&model.input.joints, name)).collect();
        Ok(Self { inputs, outputs, stands_for, channels: run.input.channels })
    }

    /// `network` with the run's joints at both ends; `means` `[J_out·3]` are those of the run's coordinates.
    pub(super) fn widened(&self, network: Network, means: &Array1<f32>) -> Network {
        Network { input: self.input(&network.input), output: self.output(&network.output, means), ..network }
    }

    fn input(&self, layer: &Dense) -> Dense {
        let mut weight = Array2::zeros((layer.weight.nrows(), self.inputs.len() * self.channels));
        for (joint, source) in self.inputs.iter().enumerate() {
            let Some(source) = source else { continue };
            for channel in 0..self.channels {
                let column = layer.weight.column(source * self.channels + channel);
                weight.column_mut(joint * self.channels + channel).assign(&column);
            }
        }
        Dense { weight, bias: layer.bias.clone(), norm: None }
    }

    /// Coordinates joint by joint, then the logarithm of each joint's sigma, if there is one.
    fn output(&self, layer: &Dense, means: &Array1<f32>) -> Dense {
        let mut rows: Vec<usize> = self.outputs.iter().copied().flat_map(coordinates).collect();
        let gives = self.given();
        if layer.bias.len() > gives * 3 {
            rows.extend(self.outputs.iter().map(|joint| gives * 3 + joint));
        }
        let mut bias = layer.bias.select(Axis(0), &rows);
        let stands_for: Vec<usize> = self.stands_for.iter().copied().flat_map(coordinates).collect();
        for (slot, other) in stands_for.into_iter().enumerate() {
            bias[slot] += means[slot] - means[other];
        }
        Dense { weight: layer.weight.select(Axis(0), &rows), bias, norm: None }
    }

    /// The number of joints that the model gives: each of them is one of the run's.
    fn given(&self) -> usize {
        self.outputs.iter().max().map_or(0, |last| last + 1)
    }
}

fn position(joints: &[String], name: &str) -> Option<usize> {
    joints.iter().position(|joint| joint == name)
}

/// The joint itself, or the nearest above it in the run's skeleton, that is among those that the model gives.
fn nearest(joint: usize, run: &OutputCard, given: &[String]) -> Result<usize> {
    let mut at = joint;
    while position(given, &run.joints[at]).is_none() {
        at = usize::try_from(run.parents[at]).map_err(|_| {
            let name = &run.joints[joint];
            Error::usage(format!("the model of --init gives neither '{name}' nor a joint above it"))
        })?;
    }
    Ok(at)
}

/// The places of a joint's coordinates among all.
fn coordinates(joint: usize) -> [usize; 3] {
    [joint * 3, joint * 3 + 1, joint * 3 + 2]
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, array};
    use poselift::model::View;
    use poselift::pose::{Axes, Unit};
    use poselift::skeleton::{COCO17, COCO23, H36M17, H36M23, Layout};

    use super::*;

    /// The cards of both ends.
    struct Cards {
        input: InputCard,
        output: OutputCard,
    }

    impl Cards {
        fn ends(&self) -> Ends<'_> {
            Ends { input: &self.input, output: &self.output }
        }
    }

    fn cards(input: &Layout, output: &Layout) -> Cards {
        let names = |layout: &Layout| layout.joints.iter().map(|&joint| joint.to_owned()).collect();
        let input = InputCard { layout: input.name.into(), joints: names(input), channels: 3, view: View::Subject };
        let parents = output.parents.to_vec();
        let unit = Unit::Metres;
        let root = Some(0);
        let root_position = None;
        let axes = Axes::Camera;
        let sigma = true;
        let joints = names(output);
        let skeleton = output.name.into();
        Cards { input, output: OutputCard { skeleton, joints, parents, root, root_position, unit, axes, sigma } }
    }

    fn numbered(rows: usize, columns: usize) -> Dense {
        let weight = Array::from_iter((0..rows * columns).map(|at| at as f32)).into_shape_with_order((rows, columns));
        Dense { weight: weight.unwrap(), bias: Array::from_iter((0..rows).map(|row| row as f32)), norm: None }
    }

    #[test]
    fn feet_begin_at_their_ankles_and_new_key_points_without_weight() {
        let from = cards(&COCO17, &H36M17);
        let to = cards(&COCO23, &H36M23);
        let widening = Widening::new(from.ends(), to.ends()).unwrap();
        let network = Network {
            input: numbered(2, 51),
            input_relu: false,
            blocks: Vec::new(),
            output: numbered(68, 2),
            twins: false,
        };
        let means = Array::from_iter((0..69).map(|slot| slot as f32 * 0.01));
        let wide = widening.widened(network.clone(), &means);
        assert_eq!(wide.input.weight.dim(), (2, 69));
        assert_eq!(wide.input.weight.column(50), network.input.weight.column(50));
        assert!(wide.input.weight.columns().into_iter().skip(51).all(|column| column == array![0.0, 0.0]));
        assert_eq!((wide.output.weight.dim(), wide.output.bias.len()), ((92, 2), 92));
        // The left heel, joint 19, begins as the left ankle, joint 6; sigma follows the coordinates.
        assert_eq!(wide.output.weight.row(19 * 3 + 1), network.output.weight.row(6 * 3 + 1));
        assert!((wide.output.bias[19 * 3] - (18.0 + 0.57 - 0.18)).abs() < 1e-5);
        assert_eq!(wide.output.weight.row(69 + 19), network.output.weight.row(51 + 6));
        assert_eq!(wide.output.bias[69 + 4], 51.0 + 4.0);
    }

    #[test]
    fn a_model_of_other_joints_is_refused() {
        let from = cards(&COCO23, &H36M23);
        let to = cards(&COCO17, &H36M17);
        let error = Widening::new(from.ends(), to.ends()).unwrap_err();
        assert!(error.to_string().contains("'left_big_toe'"), "{error}");
    }
}
