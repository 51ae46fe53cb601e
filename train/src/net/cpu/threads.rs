//! Running a loop on libtorch's own thread pool.
//!
//! libtorch's matrix products leave their worker threads spinning for a while;
//! threads of our own would fight them for the cores. So the loops between the
//! products run on the same pool, through the OpenMP runtime that libtorch
//! brings.

use std::ffi::c_void;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

type Region = unsafe extern "C" fn(extern "C" fn(*mut c_void), *mut c_void, u32, u32);

/// `GOMP_parallel` of the OpenMP runtime in this process, if it is the GNU one.
fn openmp_region() -> Option<Region> {
    static REGION: OnceLock<Option<Region>> = OnceLock::new();
    *REGION.get_or_init(|| {
        let this = libloading::os::unix::Library::this();
        // SAFETY: `GOMP_parallel` has had this signature since GCC 4.9, and the library that holds it is
        // linked into the process for as long as it runs.
        unsafe { this.get::<Region>(b"GOMP_parallel\0").ok().map(|symbol| *symbol) }
    })
}

struct Work<'a> {
    next: AtomicUsize,
    count: usize,
    body: &'a (dyn Fn(usize) + Sync),
}

impl Work<'_> {
    fn drain(&self) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.count {
                return;
            }
            (self.body)(index);
        }
    }
}

extern "C" fn drain(work: *mut c_void) {
    // SAFETY: `for_each` passes a `Work` that outlives the region. A panic may not leave a C frame: it aborts.
    unsafe { (*work.cast::<Work<'_>>()).drain() }
}

/// Calls `body` once for each index below `count`, on as many threads as libtorch uses.
pub(in crate::net) fn for_each(count: usize, body: impl Fn(usize) + Sync) {
    let threads = tch::get_num_threads().clamp(1, count.max(1) as i32) as u32;
    let mut work = Work { next: AtomicUsize::new(0), count, body: &body };
    match openmp_region() {
        Some(region) if threads > 1 => {
            // SAFETY: the region returns only when every thread has left `drain`, so the borrow holds.
            unsafe { region(drain, (&raw mut work).cast(), threads, 0) }
        }
        _ => work.drain(),
    }
}

/// A mutable slice whose disjoint ranges are written by several threads.
pub(in crate::net) struct SharedMut<T> {
    first: *mut T,
    len: usize,
}

// SAFETY: `range` is the only way to the elements, and its callers promise that no two threads hold the same one.
unsafe impl<T: Send> Sync for SharedMut<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for SharedMut<T> {}

impl<T> SharedMut<T> {
    pub(in crate::net) fn new(slice: &mut [T]) -> Self {
        Self { first: slice.as_mut_ptr(), len: slice.len() }
    }

    /// # Safety
    /// No two live ranges handed out may overlap, and none may outlive the slice.
    #[allow(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    pub(in crate::net) unsafe fn range(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start + len <= self.len);
        // SAFETY: in bounds by the assertion, disjoint by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(start), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_visited_once() {
        let visits: Vec<_> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
        for_each(visits.len(), |index| {
            visits[index].fetch_add(1, Ordering::Relaxed);
        });
        assert!(visits.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn libtorch_brings_the_pool() {
        assert!(openmp_region().is_some(), "the loops between the products would run on one core");
    }
}
