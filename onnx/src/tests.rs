//! A network that is written and read is the same network, and a file that differs anywhere is refused.

use std::collections::BTreeMap;

use half::f16;
use proptest::prelude::*;

use crate::names::MAX_WEIGHT_CODE;
use crate::proto::{AttributeProto, GraphProto, ModelProto, NodeProto};
use crate::*;

/// What a random network looks like.
#[derive(Debug, Clone)]
struct Shape {
    joints_in: usize,
    channels: usize,
    joints_out: usize,
    sigma: bool,
    centred: bool,
    planes: usize,
    hidden: usize,
    input_relu: bool,
    /// Layers of each block.
    blocks: Vec<usize>,
    precision: Precision,
    /// Units of a memory, for networks with sigma.
    memory: Option<usize>,
    seed: u32,
}

prop_compose! {
    fn shapes()(
        (joints_in, joints_out, channels) in (1usize..5, 1usize..5, 2usize..=3),
        (sigma, centred, input_relu) in any::<(bool, bool, bool)>(),
        (planes, hidden) in (1usize..=2, 1usize..9),
        blocks in prop::collection::vec(1usize..4, 0..4),
        precision in prop::sample::select(&Precision::ALL[..]),
        memory in prop::option::of(1usize..5),
        seed in any::<u32>(),
    ) -> Shape {
        let sigma = sigma || memory.is_some();
        Shape {
            joints_in, channels, joints_out, sigma, centred, planes, hidden, input_relu, blocks, precision, memory, seed,
        }
    }
}

/// Numbers of any scatter.
struct Scatter(u32);

impl Scatter {
    fn next(&mut self) -> f32 {
        // Numerical Recipes' linear congruence.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    }

    fn weights<T: Element>(&mut self, dims: &[usize], of: impl Fn(f32) -> T) -> Weights<T> {
        Weights::new(dims, (0..dims.iter().product::<usize>()).map(|_| of(self.next())))
    }

    fn dense<T: Element>(&mut self, planes: usize, dims: [usize; 2], of: impl Fn(f32) -> T + Copy) -> Dense<T> {
        let weights = (0..planes).map(|_| self.weights(&dims, of)).collect();
        Dense { weights, bias: self.weights(&dims[1..], of) }
    }

    fn quantised(&mut self, planes: usize, hidden: usize) -> QuantisedDense {
        let mut plane = || QuantisedPlane {
            codes: self.weights(&[hidden, hidden], |number| (number * 63.0) as i8),
            scales: self.weights(&[hidden], f32::abs),
        };
        let planes = (0..planes).map(|_| plane()).collect();
        QuantisedDense { planes, bias: self.weights(&[hidden], |number| number) }
    }
}

fn network(shape: &Shape) -> Network {
    let Shape { joints_in, channels, joints_out, planes, hidden, .. } = *shape;
    let mut scatter = Scatter(shape.seed);
    let features = joints_in * channels;
    let numbers = joints_out * if shape.sigma { 4 } else { 3 };
    let float = |number: f32| number;
    let input = scatter.dense(planes, [features, hidden], float);
    let output = scatter.dense(planes, [hidden, numbers], float);
    let mut f32_block = |layers: &usize| (0..*layers).map(|_| scatter.dense(planes, [hidden; 2], float)).collect();
    let blocks = match shape.precision {
        Precision::F32 => Blocks::F32(shape.blocks.iter().map(&mut f32_block).collect()),
        Precision::F16 => {
            let mut block =
                |layers: &usize| (0..*layers).map(|_| scatter.dense(planes, [hidden; 2], f16::from_f32)).collect();
            Blocks::F16(shape.blocks.iter().map(&mut block).collect())
        }
        Precision::Int8 => {
            let mut block = |layers: &usize| (0..*layers).map(|_| scatter.quantised(planes, hidden)).collect();
            Blocks::Int8(shape.blocks.iter().map(&mut block).collect())
        }
    };
    let memory = shape.memory.map(|units| Memory {
        encoder: scatter.dense(1, [features + 4 * joints_out + 1, units], float),
        input_gates: scatter.dense(1, [units, 3 * units], float),
        state_gates: scatter.dense(1, [units, 3 * units], float),
        decoder: scatter.dense(1, [2 * units, units], float),
        correction: scatter.dense(1, [units, 4 * joints_out], float),
    });
    let features = match shape.centred {
        true => Features::Centred,
        false => Features::Absolute(scatter.weights(&[joints_in, channels], float)),
    };
    Network {
        joints_in,
        channels,
        joints_out,
        sigma: shape.sigma,
        features,
        input,
        input_relu: shape.input_relu,
        blocks,
        output,
        memory,
    }
}

fn card(network: &Network) -> Card {
    let joints = |count: usize| (0..count).map(|joint| format!("joint {joint}")).collect::<Vec<_>>();
    Card {
        schema: CARD_SCHEMA,
        name: "random".into(),
        input: InputCard {
            layout: "custom".into(),
            joints: joints(network.joints_in),
            channels: network.channels,
            view: View::Camera,
        },
        output: OutputCard {
            skeleton: "custom".into(),
            joints: joints(network.joints_out),
            parents: vec![-1; network.joints_out],
            root: None,
            root_position: None,
            unit: Unit::Metres,
            axes: Axes::Camera,
            sigma: network.sigma,
        },
        network: NetworkCard {
            blocks: network.blocks.layers().len(),
            hidden: network.hidden(),
            dropout: 0.0,
            batch_norm: false,
            parameters: network.parameters(),
            precision: network.blocks.precision(),
            quantisation: Quantisation::Dynamic,
            mirror: network.planes() == 2,
        },
        memory: network.memory.as_ref().map(|memory| MemoryCard {
            units: memory.units(),
            longest_gap: 1.0,
            frames: "random".into(),
            training: TrainingCard::untrained(),
        }),
        training: TrainingCard::untrained(),
        metrics: BTreeMap::new(),
        weights_sha256: String::new(),
    }
}

fn written(network: &Network) -> Vec<u8> {
    write(network, card(network)).unwrap().bytes
}

fn decoded(bytes: Vec<u8>) -> Model {
    Model::decode(bytes.into()).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read(shape in shapes()) {
        let network = network(&shape);
        let file = write(&network, card(&network)).unwrap();
        let model = decoded(file.bytes.clone());
        let read = model.network().unwrap();
        // Without blocks there is nothing that could be in another precision.
        let expected = match shape.blocks.is_empty() {
            true => Network { blocks: Blocks::F32(Vec::new()), ..network },
            false => network,
        };
        prop_assert!(read == expected, "{read:?}, expected {expected:?}");
        prop_assert_eq!(model.weights_digest().to_hex(), file.card.weights_sha256.clone());
        prop_assert!(write(&read, file.card).unwrap().bytes == file.bytes);
        // Memories came later than the first form.
        if expected.memory.is_none() {
            let first_form = decoded(in_first_form(model.proto().clone()).to_bytes());
            prop_assert!(first_form.network().unwrap() == expected);
        }
    }

    #[test]
    fn any_byte_that_differs_is_seen(shape in shapes(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let network = network(&shape);
        let mut bytes = written(&network);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        // The card and the program's name stand outside of the network; a weight may be another weight.
        if let Some(read) = Model::decode(bytes.clone().into()).and_then(|model| model.network().ok()) {
            let again = write(&read, card(&read)).unwrap();
            prop_assert!(decoded(again.bytes).proto().graph == decoded(bytes).proto().graph, "byte {at}");
        }
    }
}

fn usual() -> Shape {
    Shape {
        joints_in: 3,
        channels: 3,
        joints_out: 2,
        sigma: true,
        centred: true,
        planes: 2,
        hidden: 4,
        input_relu: false,
        blocks: vec![2, 1],
        precision: Precision::Int8,
        memory: None,
        seed: 1,
    }
}

/// A file as it was written first: a Constant node before each node that reads integers, and with two channels the zero that a
/// number equals beside the one that stands for missing joints.
fn in_first_form(mut model: ModelProto) -> ModelProto {
    let graph = model.graph.as_mut().unwrap();
    let is_integer = |tensor: &mut proto::TensorProto| tensor.data_type == 7;
    let integers: Vec<proto::TensorProto> = graph.initializer.extract_if(.., is_integer).collect();
    assert_eq!(integers.len(), graph.output.len(), "a shape, and the lengths of coordinates and sigma");
    for tensor in integers {
        let reader = graph.node.iter().position(|node| node.input.contains(&tensor.name)).unwrap();
        let name = tensor.name.clone();
        let attribute = vec![AttributeProto::tensor("value", tensor)];
        let op_type = "Constant".to_owned();
        graph
            .node
            .insert(reader, NodeProto { output: vec![name.clone()], name, op_type, attribute, input: Vec::new() });
    }
    let Some(equal) = graph.node.iter_mut().find(|node| node.op_type == "Equal") else { return model };
    equal.input[1] = "number".to_owned();
    let at = graph.initializer.iter().position(|tensor| tensor.name == "zero").unwrap();
    let number = proto::TensorProto { name: "number".to_owned(), ..graph.initializer[at].clone() };
    if graph.node.iter().any(|node| node.input.iter().any(|input| input == "zero")) {
        graph.initializer.insert(at, number);
    } else {
        graph.initializer[at] = number;
    }
    model
}

/// What is said of the usual network's file, altered.
fn refusal(alter: impl FnOnce(&mut ModelProto)) -> String {
    let mut proto = decoded(written(&network(&usual()))).proto().clone();
    alter(&mut proto);
    decoded(proto.to_bytes()).network().unwrap_err().to_string()
}

/// What is said of it with an altered graph.
fn refused_graph(alter: impl FnOnce(&mut GraphProto)) -> String {
    refusal(|model| alter(model.graph.as_mut().unwrap()))
}

#[test]
fn a_file_that_computes_something_else_is_refused_and_the_difference_is_named() {
    let node = |op: &str, inputs: &[&str], output: &str| NodeProto {
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: op.to_owned(),
        attribute: Vec::new(),
    };
    let clipped = refused_graph(|graph| graph.node.insert(0, node("Min", &["keypoints", "three"], "clipped")));
    assert_eq!(
        clipped,
        "node 0 of the graph is Min(keypoints, three) -> clipped, expected Pow(keypoints, three) -> cubes"
    );
    let more = refused_graph(|graph| graph.node.push(node("Relu", &["sigma"], "more")));
    assert!(more.ends_with("is Relu(sigma) -> more, expected none"), "{more}");
    let fewer = refused_graph(|graph| drop(graph.node.pop()));
    assert!(fewer.contains("is none, expected Reshape(coordinates, pose.shape) -> pose"), "{fewer}");
    let axis = refused_graph(|graph| {
        let flatten = graph.node.iter_mut().find(|node| node.op_type == "Flatten").unwrap();
        flatten.attribute = vec![AttributeProto::integer("axis", 2)];
    });
    assert!(axis.contains("axis 2, expected Flatten(seen) -> points, axis 1"), "{axis}");
    let extra = refused_graph(|graph| graph.initializer.push(proto::TensorProto::new("more", &[1], [1.0f32])));
    assert!(extra.contains("is more [1], expected none"), "{extra}");
    let constant = refused_graph(|graph| graph.initializer[0].raw_data = 2f32.to_le_bytes().to_vec().into());
    assert_eq!(constant, "initialiser 0 is three [], expected three [] with other contents");
    let missing = refused_graph(|graph| graph.initializer.retain(|tensor| tensor.name != "block0.layer1.odd.scale"));
    assert_eq!(missing, "the initialiser block0.layer1.odd.scale is not there");
    let renamed = refused_graph(|graph| graph.output[1].name = "deviation".into());
    assert_eq!(renamed, "the graph's outputs are pose, deviation, expected pose, sigma");
    assert_eq!(refusal(|model| model.ir_version = 9), "the file has IR version 9, expected 8");
    let opset = refusal(|model| model.opset_import[0].version = 18);
    assert!(opset.contains(r#"[" 18"], expected ONNX's own of version 17"#), "{opset}");
}

/// Lengths that a file claims ask for no memory that the file does not take itself.
#[test]
fn absurd_lengths_are_refused_before_anything_is_built() {
    for (length, words) in
        [(60_000, "all_weights has the shape [9, 9], expected [180000, 180000]"), (i64::MAX, "is not as expected")]
    {
        let message = refused_graph(|graph| {
            graph.input[0] = proto::ValueInfoProto::batch_of_floats("keypoints", &[length as usize, 3]);
        });
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn control_characters_of_a_file_are_escaped() {
    let message = refused_graph(|graph| graph.node[0].op_type = "\u{1b}[31mPow".into());
    assert!(message.contains("\\u{1b}[31mPow") && !message.contains('\u{1b}'), "{message}");
}

#[test]
fn a_field_that_our_messages_lack_is_seen() {
    let mut bytes = written(&network(&usual()));
    assert!(decoded(bytes.clone()).network().is_ok());
    bytes.extend([0x32, 1, b'x']); // doc_string (6)
    let message = decoded(bytes).network().unwrap_err().to_string();
    assert!(message.contains("it holds other fields"), "{message}");
}

#[test]
fn numbers_that_a_file_may_not_hold_are_named() {
    for (number, words) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let mut network = network(&usual());
        network.input.bias = Weights::new(&[4], [0.0, number, 0.0, 0.0]);
        let message = write(&network, card(&network)).unwrap_err().to_string();
        assert_eq!(message, format!("input.even.bias holds {words}, expected finite numbers"));
    }
    let mut network = network(&usual());
    let Blocks::Int8(blocks) = &mut network.blocks else { unreachable!("the usual network is in int8") };
    blocks[1][0].planes[1].codes = Weights::new(&[4, 4], [-64i8; 16]);
    let message = write(&network, card(&network)).unwrap_err().to_string();
    assert_eq!(message, "block1.layer0.odd.weight holds -64, expected codes of -63 to 63");
    blocks_of_another_width_are_named(network);
}

fn blocks_of_another_width_are_named(mut network: Network) {
    network.output.weights[0] = Weights::new(&[3, 8], [0.0f32; 24]);
    network.blocks = Blocks::Int8(Vec::new());
    let message = write(&network, card(&network)).unwrap_err().to_string();
    assert_eq!(message, "output.even.weight has the shape [3, 8], expected [4, 8]");
}

#[test]
fn a_cut_off_model_is_none_and_no_panic() {
    let bytes = written(&network(&usual()));
    for length in 0..bytes.len() {
        if let Some(model) = Model::decode(bytes[..length].to_vec().into()) {
            assert!(model.network().is_err() || length > bytes.len() - 2000, "{length} of {}", bytes.len());
        }
    }
    for none in [&b""[..], b"hello, world", &[0x3a]] {
        assert!(Model::decode(none.to_vec().into()).is_none());
    }
}

#[test]
fn a_model_is_described_from_outside() {
    let graph = decoded(written(&network(&usual()))).to_graph();
    assert_eq!((graph.ir_version, graph.opset, graph.producer.as_str()), (8, 17, "poselift-train"));
    assert_eq!(graph.inputs.iter().map(ToString::to_string).collect::<Vec<_>>(), ["keypoints float32 [batch, 3, 3]"]);
    assert_eq!(graph.outputs[1].to_string(), "sigma float32 [batch, 2]");
    assert_eq!((graph.operators["MatMulInteger"], graph.operators["Exp"]), (6, 1));
    assert!(graph.metadata.contains_key(CARD_KEY));
}

#[test]
fn two_files_have_one_digest_only_if_they_are_one() {
    let digest = |bytes: Vec<u8>| {
        let model = decoded(bytes);
        model.content_digest(&model.weights_digest())
    };
    let file = written(&network(&usual()));
    assert_eq!(digest(file.clone()), digest(file.clone()));
    assert_ne!(digest(file.clone()), digest(written(&network(&Shape { seed: 2, ..usual() }))));
    let mut renamed = decoded(file.clone()).proto().clone();
    renamed.graph.as_mut().unwrap().node[3].name = "other".into();
    assert_ne!(digest(file), digest(renamed.to_bytes()));
}

/// What each tensor of the network reaches, and whether it is signed.
fn ranges(network: &Network, quantisation: Quantisation) -> BTreeMap<String, Range> {
    let names = tensors_to_observe(network, quantisation).unwrap();
    names.into_iter().map(|name| (name.clone(), Range { largest: 2.0, is_signed: !name.contains("relu") })).collect()
}

#[test]
fn with_fixed_scales_every_hidden_product_reads_codes() {
    for planes in [1, 2] {
        let network = network(&Shape { precision: Precision::F32, planes, ..usual() });
        for quantisation in [Quantisation::Qdq, Quantisation::QdqFull] {
            let file = write_qdq(&network, quantisation, &ranges(&network, quantisation), card(&network)).unwrap();
            let model = decoded(file.bytes);
            assert_eq!(model.weights_digest().to_hex(), file.card.weights_sha256);
            // Kernels leave it to ONNX Runtime.
            model.network().unwrap_err();
            let graph = model.proto().graph.as_ref().unwrap();
            let maker =
                |name: &str| graph.node.iter().find(|node| node.output[0] == name).map(|node| node.op_type.as_str());
            let is_product = |node: &&NodeProto| ["Gemm", "MatMul"].contains(&node.op_type.as_str());
            let hidden = graph.node.iter().filter(is_product).filter(|node| node.name.starts_with("block"));
            let mut products = 0;
            for node in hidden {
                products += 1;
                let rounded = if quantisation == Quantisation::QdqFull { node.input.len() } else { 2 };
                assert!(node.input[..rounded].iter().all(|input| maker(input) == Some("DequantizeLinear")), "{node:?}");
            }
            assert_eq!(products, 3 * planes);
            // The residual stays as it is, unless all nodes are to be in integers.
            let sum = graph
                .node
                .iter()
                .find(|node| node.name.starts_with("block0") && node.op_type == "Add" && node.name.len() < 12);
            let is_rounded = sum.unwrap().input[0].ends_with(".rounded");
            assert_eq!(is_rounded, quantisation == Quantisation::QdqFull);
            weights_are_within_half_a_step(&network, graph);
        }
    }
}

fn weights_are_within_half_a_step(network: &Network, graph: &GraphProto) {
    let Blocks::F32(blocks) = &network.blocks else { unreachable!("a network in float32") };
    let weights = &blocks[0][0].weights[0];
    let name = if blocks[0][0].weights.len() == 2 { "block0.layer0.even.weight" } else { "block0.layer0.weight" };
    let tensor =
        |ending: &str| graph.initializer.iter().find(|tensor| tensor.name == format!("{name}{ending}")).unwrap();
    let (codes, scales) = (tensor(".codes"), Weights::<f32>::of(tensor(".scale")).unwrap());
    let codes: Vec<i8> = codes.raw_data.iter().map(|&byte| byte.cast_signed()).collect();
    assert_eq!((codes.len(), scales.len()), (weights.len(), weights.dims()[1]));
    for (at, (code, weight)) in codes.iter().zip(&*weights.values()).enumerate() {
        let scale = scales.values()[at % scales.len()];
        assert!((f32::from(*code) * scale - weight).abs() <= 0.501 * scale, "{code} · {scale} for {weight}");
    }
    assert_eq!(codes.iter().map(|code| code.unsigned_abs()).max(), Some(MAX_WEIGHT_CODE.unsigned_abs()));
}

#[test]
fn fixed_scales_are_refused_where_they_cannot_be() {
    let exact = network(&Shape { precision: Precision::F32, ..usual() });
    let message = |network: &Network, ranges: &BTreeMap<String, Range>| {
        write_qdq(network, Quantisation::Qdq, ranges, card(network)).unwrap_err().to_string()
    };
    let mut some = ranges(&exact, Quantisation::Qdq);
    let name = some.keys().next().unwrap().clone();
    some.get_mut(&name).unwrap().largest = f32::NAN;
    assert_eq!(message(&exact, &some), format!("{name} has the range NaN, expected a positive number"));
    some.remove(&name);
    assert_eq!(message(&exact, &some), format!("{name} has no range"));
    assert_eq!(message(&network(&usual()), &some), "the network is in int8, expected f32");
    let none = network(&Shape { precision: Precision::F32, blocks: Vec::new(), ..usual() });
    assert_eq!(message(&none, &some), "the network has no hidden layers, expected some to quantise");
}

/// The models in the repository are what would be written today, byte by byte; with POSELIFT_WRITE_MODELS they become it.
#[test]
fn bundled_models_are_written_as_they_were_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "onnx") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let model = decoded(bytes.clone());
        let text = &model.proto().metadata_props[0].value;
        let card = Card::from_json(text).unwrap();
        let network = model.network().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let again = write(&network, card.clone()).unwrap();
        if std::env::var_os("POSELIFT_WRITE_MODELS").is_some() {
            std::fs::write(&path, &again.bytes).unwrap();
        } else {
            assert!(again.bytes == bytes, "{}: POSELIFT_WRITE_MODELS=1 makes it anew", path.display());
        }
        assert_eq!((network.parameters(), network.planes() == 2), (card.network.parameters, card.network.mirror));
        count += 1;
    }
    assert!(count >= 4, "{count} models");
}

#[test]
fn parents_that_go_round_are_no_trees() {
    // A chain as long as a header may hold is walked through once.
    let chain = |last: i32| (1..1_000_000).chain([last]).collect::<Vec<i32>>();
    assert!(are_trees(&chain(-1)) && !are_trees(&chain(0)));
    assert!(are_trees(&[]) && are_trees(&[-1, 0, 1, 0, -1]) && are_trees(&[1, -1]));
    for odd in [&[0][..], &[1, 0], &[-1, 2, 1], &[-1, 7], &[-2]] {
        assert!(!are_trees(odd), "{odd:?}");
    }
}

/// A float32 network of which `int8` would be made, its hidden weights with 15 bits of fraction.
fn unrounded(int8: &Network, seed: u32) -> Network {
    let Blocks::Int8(blocks) = &int8.blocks else { panic!("a network in int8") };
    let mut scatter = Scatter(seed);
    let mut exact = Vec::new();
    for block in blocks {
        let mut layers = Vec::new();
        for (number, layer) in block.iter().enumerate() {
            let mut weights = Vec::new();
            for (plane, sign) in layer.planes.iter().zip([int8.input_sign(number), InputSign::Signed]) {
                let scales = plane.scales.values();
                let codes = plane.codes.values();
                let numbers = codes.iter().enumerate().map(|(index, &code)| {
                    let step = scales[index % scales.len()] / sign.step();
                    let number = (f32::from(code) + 0.5 * scatter.next()) * step;
                    f32::from_bits(number.to_bits() & !0xff) + 0.0
                });
                weights.push(Weights::new(plane.codes.dims(), numbers));
            }
            layers.push(Dense { weights, bias: layer.bias.clone() });
        }
        exact.push(layers);
    }
    Network { blocks: Blocks::F32(exact), ..int8.clone() }
}

proptest! {
    #[test]
    fn an_int8_network_and_what_it_rounds_off_are_the_float32_one(shape in shapes(), seed in any::<u32>()) {
        let int8 = network(&Shape { precision: Precision::Int8, ..shape });
        let exact = unrounded(&int8, seed);
        let bytes = encode_residual(&exact, &int8).unwrap();
        prop_assert!(decode_residual(&int8, &bytes).unwrap() == exact);
        prop_assert!(int8.blocks.layers().is_empty() || decode_residual(&int8, &bytes[..bytes.len() - 1]).is_none());
    }
}

#[test]
fn what_another_network_rounds_off_is_none() {
    let shape = Shape {
        joints_in: 2,
        channels: 3,
        joints_out: 2,
        sigma: true,
        centred: true,
        planes: 2,
        hidden: 8,
        input_relu: false,
        blocks: vec![2],
        precision: Precision::Int8,
        memory: None,
        seed: 1,
    };
    let int8 = network(&shape);
    let exact = unrounded(&int8, 2);
    assert_eq!(encode_residual(&int8, &int8), None);
    assert_eq!(encode_residual(&exact, &exact), None);
    assert_eq!(encode_residual(&exact, &network(&Shape { hidden: 4, ..shape.clone() })), None);
    let Blocks::Int8(mut blocks) = int8.blocks.clone() else { panic!("a network in int8") };
    blocks[0][0].bias = Weights::new(&[8], [0.5; 8]);
    assert_eq!(encode_residual(&exact, &Network { blocks: Blocks::Int8(blocks), ..int8.clone() }), None);
    let bytes = encode_residual(&exact, &int8).unwrap();
    assert_eq!(decode_residual(&exact, &bytes), None);
    assert!(bytes.len() * 8 < 15 * 2 * 2 * 64, "{} bytes for 256 weights", bytes.len());
}
