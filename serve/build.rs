//! Makes Rust of the protocols in `proto/`, without protoc.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;

const PROTOCOLS: [&str; 2] = ["proto/open_inference.proto", "proto/streams.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(PROTOCOLS, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    // For clients that ask which calls there are (reflection).
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().build_client(false).bytes(".").compile_fds(descriptors)?;
    println!("cargo::rerun-if-changed=proto");
    Ok(())
}
