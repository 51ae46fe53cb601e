//! Makes every program of this package find libtorch with no variable set: the folder it was built against becomes
//! part of its search path.
//!
//! `libtorch.so` is named although nothing in it is called: with the CUDA build it brings in `libtorch_cuda`, which the
//! linker would drop, and then no GPU would be seen (tch-rs issues 907 and 980).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // From torch-sys, which has found libtorch by the time that this runs.
    let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") else { return };
    let lib = std::path::PathBuf::from(lib);
    // The newer kind of search path comes after LD_LIBRARY_PATH, so that a user can still name another copy.
    println!("cargo::rustc-link-arg=-Wl,--enable-new-dtags,-rpath,{}", lib.display());
    println!("cargo::rustc-link-arg=-L{}", lib.display());
    println!("cargo::rustc-link-arg=-Wl,--push-state,--no-as-needed");
    println!("cargo::rustc-link-arg=-ltorch");
    if lib.join("libtorch_cuda.so").exists() {
        println!("cargo::rustc-link-arg=-ltorch_cuda");
    }
    println!("cargo::rustc-link-arg=-Wl,--pop-state");
}
