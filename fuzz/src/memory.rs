//! A bound on the memory that one input may take, asked for or used: libFuzzer's own limit sees only what is touched.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What any input may take, small as it is: buffers for reading ahead, the kernels' scratch memory, a pickle's objects.
const SLACK: usize = 64 << 20;

/// Bytes for each byte of input beyond that. Deflate packs a thousandfold; small integers become f32, and a transposed copy.
const RATIO: usize = 12 * 1100;

/// Bytes in use that Rust asked for.
static IN_USE: AtomicUsize = AtomicUsize::new(0);
/// The most that may be.
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

struct Bounded;

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

impl Bounded {
    fn count(size: usize) {
        let in_use = IN_USE.fetch_add(size, Ordering::Relaxed).saturating_add(size);
        let limit = LIMIT.load(Ordering::Relaxed);
        if in_use > limit {
            LIMIT.store(usize::MAX, Ordering::Relaxed);
            eprintln!("{size} bytes more make {in_use}, expected at most {limit}\n{}", Backtrace::force_capture());
            std::process::abort();
        }
    }
}

// SAFETY: all memory is the system allocator's, which is called with what came in.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: the caller's promises are those that the system allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        Self::count(new_size);
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// Calls `read` with an input of `length` bytes, and ends the process if that takes more memory than it may.
pub fn bounded<R>(length: usize, read: impl FnOnce() -> R) -> R {
    let limit = IN_USE.load(Ordering::Relaxed) + SLACK + RATIO * length;
    LIMIT.store(limit, Ordering::Relaxed);
    let result = read();
    LIMIT.store(usize::MAX, Ordering::Relaxed);
    result
}
