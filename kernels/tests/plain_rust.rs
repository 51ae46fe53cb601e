//! Every instruction set that this processor has gives, to the bit, the results of plain Rust. None is skipped: CPUID
//! says which exist, and each of them must open and agree.

mod reference;

use poselift_kernels::{Isa, Processor};

#[test]
fn every_instruction_set_that_is_here_gives_what_plain_rust_gives() {
    for isa in Isa::available() {
        println!("{isa}");
        let processor = Processor::detect(Some(isa)).expect("what is available is detected");
        assert_eq!(processor.isa(), isa);
        reference::check_all(processor);
    }
    // Processors without any run ONNX Runtime; all processors that this project is tested on have one.
    assert!(Isa::available().next().is_some(), "a processor with AVX2 or NEON");
}
