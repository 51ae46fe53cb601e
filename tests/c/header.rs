//! `poselift.h` says what the sources say.

use std::fs;
use std::path::Path;

/// The header that cbindgen makes of the sources.
fn made() -> String {
    let krate = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(krate.join("cbindgen.toml")).unwrap();
    config.parse.parse_deps = false;
    let mut text = Vec::new();
    // File by file, in the order in which a reader needs them: the sources alone are asked, no cargo.
    let files = ["text", "boundary", "options", "skeleton", "lifter", "stream"];
    let builder = files.iter().fold(cbindgen::Builder::new().with_config(config), |builder, file| {
        builder.with_src(krate.join("src").join(file).with_extension("rs"))
    });
    builder.generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_header_is_that_of_the_sources() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/poselift.h");
    let made = made();
    if std::env::var_os("POSELIFT_WRITE_HEADER").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "c/include/poselift.h is not what c/src/ says: POSELIFT_WRITE_HEADER=1 makes it anew");
}
