use super::*;
use proptest::prelude::*;

// Made by Python from
//   {'joint_2d_1': np.arange(8, dtype='f4').reshape(2, 2, 2) - 0.5,
//    'joint_3d': np.asfortranarray(np.arange(12, dtype='>f8').reshape(2, 2, 3)), 'n': 3}
// with pickle.dumps(…, protocol), and printed as Rust's byte strings.

/// Protocol 2 of NumPy 1.26.
const PROTOCOL_2: &[u8] = b"\
    \x80\x02}q\x00(X\n\x00\x00\x00joint_2d_1q\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\
    \x03K\x00\x85q\x04c_codecs\nencode\nq\x05X\x01\x00\x00\x00bq\x06X\x06\x00\x00\x00latin1q\x07\x86q\x08Rq\x09\
    \x87q\nRq\x0b(K\x01K\x02K\x02K\x02\x87q\x0ccnumpy\ndtype\nq\x0dX\x02\x00\x00\x00f4q\x0e\x89\x88\x87q\x0fRq\
    \x10(K\x03X\x01\x00\x00\x00<q\x11NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x12b\x89h\x05X%\x00\x00\x00\
    \x00\x00\x00\xc2\xbf\x00\x00\x00?\x00\x00\xc3\x80?\x00\x00 @\x00\x00`@\x00\x00\xc2\x90@\x00\x00\xc2\xb0@\x00\
    \x00\xc3\x90@q\x13h\x07\x86q\x14Rq\x15tq\x16bX\x08\x00\x00\x00joint_3dq\x17h\x02h\x03K\x00\x85q\x18h\x09\x87\
    q\x19Rq\x1a(K\x01K\x02K\x02K\x03\x87q\x1bh\x0dX\x02\x00\x00\x00f8q\x1c\x89\x88\x87q\x1dRq\x1e(K\x03X\x01\x00\
    \x00\x00>q\x1fNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq b\x88h\x05Xa\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00@\x18\x00\x00\x00\x00\x00\x00@\x08\x00\x00\x00\x00\x00\x00@\"\x00\x00\x00\x00\x00\x00?\xc3\xb0\x00\
    \x00\x00\x00\x00\x00@\x1c\x00\x00\x00\x00\x00\x00@\x10\x00\x00\x00\x00\x00\x00@$\x00\x00\x00\x00\x00\x00@\
    \x00\x00\x00\x00\x00\x00\x00@ \x00\x00\x00\x00\x00\x00@\x14\x00\x00\x00\x00\x00\x00@&\x00\x00\x00\x00\x00\
    \x00q!h\x07\x86q\"Rq#tq$bX\x01\x00\x00\x00nq%K\x03u.";
/// Protocol 5 of NumPy 2.4.
const PROTOCOL_5: &[u8] = b"\
    \x80\x05\x95]\x01\x00\x00\x00\x00\x00\x00}\x94(\x8c\njoint_2d_1\x94\x8c\x13numpy._core.numeric\x94\x8c\x0b_f\
    rombuffer\x94\x93\x94(\x96 \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xbf\x00\x00\x00?\x00\x00\xc0?\x00\x00 @\
    \x00\x00`@\x00\x00\x90@\x00\x00\xb0@\x00\x00\xd0@\x94\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02f4\
    \x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bK\x02K\x02K\x02\
    \x87\x94\x8c\x01C\x94t\x94R\x94\x8c\x08joint_3d\x94h\x04(\x96`\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00@\x18\x00\x00\x00\x00\x00\x00@\x08\x00\x00\x00\x00\x00\x00@\"\x00\x00\x00\x00\x00\x00?\xf0\
    \x00\x00\x00\x00\x00\x00@\x1c\x00\x00\x00\x00\x00\x00@\x10\x00\x00\x00\x00\x00\x00@$\x00\x00\x00\x00\x00\x00\
    @\x00\x00\x00\x00\x00\x00\x00@ \x00\x00\x00\x00\x00\x00@\x14\x00\x00\x00\x00\x00\x00@&\x00\x00\x00\x00\x00\
    \x00\x94h\x08\x8c\x02f8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01>\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\
    \x00t\x94bK\x02K\x02K\x03\x87\x94\x8c\x01F\x94t\x94R\x94\x8c\x01n\x94K\x03u.";

fn refusal(bytes: &[u8]) -> String {
    Pickle::read(bytes).unwrap_err().to_string()
}

#[test]
fn arrays_read_as_numpy_wrote_them() {
    for bytes in [PROTOCOL_2, PROTOCOL_5] {
        let pickle = Pickle::read(bytes).unwrap();
        assert_eq!(pickle.keys(), ["joint_2d_1", "joint_3d", "n"]);
        let keypoints = pickle.array("joint_2d_1").unwrap().unwrap();
        let expected = (0..8).map(|n| n as f32 - 0.5).collect();
        assert_eq!(keypoints, Array { shape: vec![2, 2, 2], numbers: expected });
        let poses = pickle.array("joint_3d").unwrap().unwrap();
        assert_eq!(poses, Array { shape: vec![2, 2, 3], numbers: (0..12).map(|n| n as f32).collect() });
        assert_eq!(pickle.array("absent").unwrap(), None);
        assert_eq!(pickle.array("n").unwrap_err().to_string(), "'n' is a number, expected a NumPy array");
    }
}

#[test]
fn nothing_is_run() {
    for (bytes, expected) in [
        (&b"cos\nsystem\n(S'echo hello'\ntR."[..], "a pickle that wants to run `os.system`; refused"),
        (b"cposix\nsystem\n.", "wants to run `posix.system`"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "wants to run `builtins.eval`"),
        (b"\x80\x04\x8c\x05numpy\x8c\x09f2py.main\x93.", "wants to run `numpy.f2py.main`"),
        (b"c\x1b[2J\nx\n.", "wants to run `\\u{1b}[2J.x`"),
        (b"(S'echo'\nios\nsystem\n.", "wants to make objects of a class; refused"),
        (b"(cos\nsystem\no.", "wants to run `os.system`"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", "wants to make objects of a class; refused"),
        (b"\x80\x04\x82\x01.", "wants to run a registered extension; refused"),
        (b"Psomething\n.", "refers to objects outside it; refused"),
        (b"\x80\x05\x97.", "separate buffers; refused"),
        // Known functions, called otherwise than NumPy does.
        (b"\x80\x02cnumpy\nndarray\nK\x05\x85R.", "calls NdArray as NumPy does not; refused"),
        (b"\x80\x02c__builtin__\nbytes\nK\x05\x85R.", "calls EmptyBytes as NumPy does not; refused"),
        (b"\x80\x02K\x01K\x02\x85R.", "calls a number"),
        (b"\x80\x02}}b.", "a state in the pickle"),
        (b"\x80\x02})b.", "wants to set the state of a dictionary; refused"),
    ] {
        let found = refusal(bytes);
        assert!(found.contains(expected), "{found}\n{expected}");
    }
}

#[test]
fn says_what_is_wrong() {
    for (bytes, expected) in [
        (&b""[..], "the pickle is cut off: 1 bytes are announced, 0 are left (byte 0)"),
        (b"\x80\x09N.", "pickle protocol 9, expected 0 to 5"),
        (b"Rello", "no pickle: it takes a value where there is none (byte 0)"),
        (b"\x80\x04].", "the pickle holds a list, expected a dictionary"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", "9223372036854775807 bytes are announced, 1 are left"),
        (b"\x80\x04h\x05.", "takes value 5, which it never kept"),
        (b"\x80\x04}(K\x01u.", "a key without a value"),
        (b"\x80\x04K\x01(0.", "takes a value where there is none"),
    ] {
        let found = refusal(bytes);
        assert!(found.contains(expected), "{found}\n{expected}");
    }
    for length in 0..PROTOCOL_5.len() {
        refusal(&PROTOCOL_5[..length]);
    }
}

#[test]
fn bombs_are_refused_or_harmless() {
    // A hundred thousand lists within one another, and a list within itself.
    let nested = [vec![b']'; 100_000], vec![b'a'; 99_999], b".".to_vec()].concat();
    assert!(refusal(&nested).contains("holds a list"));
    assert!(refusal(b"\x80\x04]\x94h\x00a.").contains("holds a list"));
    // Five million values.
    assert!(refusal(&[b'N'; 5_000_000]).contains("more than 4000000 values"));
    // A shape whose product overflows, and one that asks for memory that the file does not have.
    for (shape, from) in [(&b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f"[..], 1), (b"K\xffK\xffK\x02", 2)] {
        let old = [&b"K\x01K\x02K\x02K\x02\x87"[..], b"unused"][0];
        let at = PROTOCOL_2.windows(old.len()).position(|window| window == old).unwrap();
        let bytes = [&PROTOCOL_2[..at], b"K\x01", shape, &PROTOCOL_2[at + old.len() - 1..]].concat();
        let message = Pickle::read(&bytes).unwrap().array("joint_2d_1").unwrap_err().to_string();
        assert!(message.contains("holds 32 bytes, which does not fit its shape"), "{from}: {message}");
    }
}

#[test]
fn other_elements_fail_only_where_they_are_asked_for() {
    let objects: Vec<u8> = PROTOCOL_5.to_vec();
    let at = objects.windows(2).position(|window| window == b"f4").unwrap();
    let mut objects = objects;
    objects[at..at + 2].copy_from_slice(b"O8");
    let pickle = Pickle::read(&objects).unwrap();
    assert!(pickle.array("joint_3d").is_ok());
    let message = pickle.array("joint_2d_1").unwrap_err().to_string();
    assert_eq!(message, "'joint_2d_1' holds Python objects, expected an array of numbers");
}

/// Reads a pickle and each array in it; what comes of it matters not.
fn survive(bytes: &[u8]) {
    if let Ok(pickle) = Pickle::read(bytes) {
        for key in pickle.keys() {
            let _ = pickle.array(&key);
        }
    }
}

#[test]
fn a_small_pickle_cannot_fill_the_memory() {
    let memo = [&b"\x80\x04N"[..], &[0x94; 4_000_001], b"."].concat();
    let message = Pickle::read(&memo).unwrap_err().to_string();
    assert!(message.contains("more than 4000000 values"), "{message}");

    // One array of 100,000 bytes, a hundred times in a list.
    let data = [1; 100_000];
    let length = (data.len() as u32).to_le_bytes();
    let pickle = [
        &b"\x80\x04cnumpy.core.numeric\n_frombuffer\n(B"[..],
        &length,
        &data,
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1tRJ",
        &length,
        b"\x85X\x01\x00\x00\x00CtR\x940",
        &b"N0".repeat(200),
        b"](",
        &b"h\x00".repeat(100),
        b"e.",
    ]
    .concat();
    let message = nested_arrays(&pickle).unwrap_err().to_string();
    assert!(message.contains("more than 16 times its size"), "{message}");

    let name = "f".repeat(1000);
    let pickle = [b"cnumpy\ndtype\n(V", name.as_bytes(), b"\ntR."].concat();
    let message = Pickle::read(&pickle).unwrap_err().to_string();
    assert!(message.contains("a name of 1000 bytes"), "{message}");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survive(&bytes);
    }

    #[test]
    fn any_changes_are_survived(
        newer: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut bytes = if newer { PROTOCOL_5 } else { PROTOCOL_2 }.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        survive(&bytes);
    }
}
