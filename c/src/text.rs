//! Text on its way across the boundary, and the versions.

use std::ffi::{CStr, CString, c_char};

use poselift::{Error, Result};

/// The version of this interface. It grows when a program that was compiled with an older header could go wrong, and
/// not when something is added.
pub const ABI: u32 = 1;

/// The ABI of the library that was loaded: compare it with POSELIFT_ABI of the header.
#[unsafe(no_mangle)]
pub extern "C" fn poselift_abi() -> u32 {
    ABI
}

/// The version of the library, "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn poselift_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version holds no NUL"),
    };
    VERSION.as_ptr()
}

/// `text` for C, up to its first NUL.
pub(crate) fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// The text that `pointer` leads to; `None` for NULL and for the empty text.
///
/// # Errors
/// Not UTF-8; the message calls it `name`.
///
/// # Safety
/// `pointer` is NULL, or leads to text that ends with a NUL and that no thread changes while `'a` lasts.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(pointer) };
    let text = text.to_str().map_err(|_| Error::usage(format!("{name} is not UTF-8")))?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// `text` with fields of this interface's options for options of the program: `width and height` for `--size WxH`, `max_gap` for
/// `--max-gap FRAMES`. What stands in a word or a path, `/data/run--from/clip.jsonl`, stays.
pub(crate) fn in_fields(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("--") {
        let before = &rest[..start];
        let option = &rest[start + 2..];
        out.push_str(before);
        let length = option.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(option.len());
        let name = option[..length].trim_end_matches('-');
        let is_within = out.ends_with(|c: char| c.is_alphanumeric() || "_/.-".contains(c));
        if name.is_empty() || is_within {
            out.push_str("--");
            rest = option;
            continue;
        }
        let behind = &option[name.len()..];
        match name {
            "size" => out.push_str("width and height"),
            name => out.push_str(&name.replace('-', "_")),
        }
        rest = &behind[placeholder(behind, name == "size")..];
    }
    out.push_str(rest);
    out
}

/// How long the value of an option is that text begins with: ` F`, ` WxH`, of a size ` 1920x1080` too; 0 for none.
fn placeholder(text: &str, is_size: bool) -> usize {
    let Some(value) = text.strip_prefix(' ') else { return 0 };
    let end = value.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(value.len());
    let value = &value[..end];
    let is_name = value.starts_with(|c: char| c.is_ascii_uppercase());
    let is_number = is_size && value.starts_with(|c: char| c.is_ascii_digit());
    if is_name || is_number { 1 + end } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_program_are_told_as_fields() {
        for (told, expected) in [
            ("image size unknown (--size WxH)", "image size unknown (width and height)"),
            ("give the image size: --size 1920x1080", "give the image size: width and height"),
            ("give --pitch and --roll where it is not", "give pitch and roll where it is not"),
            ("--max-gap FRAMES, --fps 30: --fps", "max_gap, fps 30: fps"),
            ("/data/run--from/clip.jsonl: a -- b --", "/data/run--from/clip.jsonl: a -- b --"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(in_fields(told), expected);
        }
    }
}
