//! The C interface of poselift, for game engines and other programs that are not written in Rust.
//!
//! `include/poselift.h` is made of this crate by cbindgen, so what is documented here is documented there; a test holds
//! the two together. Each function does four things, in this order: it crosses the `boundary`, which catches panics and keeps
//! the text of errors; it checks its `arguments`; it calls the library; it puts the result where the caller
//! wants it. Nothing but `arguments` and `text` reads through a pointer.
//!
//! Pointers that may be NULL are `Option<&T>` here, so that the compiler asks for the other case. An object that the caller
//! owns is a `Box` that was given away, and comes back to its `_close`.

mod arguments;
mod boundary;
mod host;
mod lifter;
mod options;
mod skeleton;
mod stream;
mod text;

pub use boundary::{Status, poselift_error};
pub use lifter::{
    Camera, Lifter, Model, poselift_close, poselift_lift, poselift_model, poselift_open, poselift_open_bytes,
};
pub use options::{Options, StreamOptions};
pub use skeleton::{Skeleton, poselift_layout};
pub use stream::{
    Frame, Person, Stream, poselift_stream_close, poselift_stream_finish, poselift_stream_next, poselift_stream_notice,
    poselift_stream_open, poselift_stream_push,
};
pub use text::{ABI, poselift_abi, poselift_version};
