//! Gives the shared library the name that programs load it by, whatever cargo calls the file.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libposelift.so");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
