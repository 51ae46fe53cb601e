//! No kernel reads or writes beyond a slice: every allocation of this program ends right before an inaccessible page,
//! or begins right after one. A kernel that goes too far ends the test with a segmentation fault.

#![cfg(unix)]

mod reference;

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use poselift_kernels::{Isa, Processor};

/// Whether allocations begin at the start of their pages instead of ending at their end.
static AT_START: AtomicBool = AtomicBool::new(false);

#[global_allocator]
static ALLOCATOR: GuardPages = GuardPages;

/// An allocator that places each allocation in separate pages between two inaccessible ones.
struct GuardPages;

impl GuardPages {
    fn page() -> usize {
        // SAFETY: a call without pointer arguments.
        usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("a page has a size")
    }

    /// Bytes of the whole mapping for an allocation: its pages and a guard on each side.
    fn mapping(layout: Layout) -> usize {
        layout.size().next_multiple_of(Self::page()) + 2 * Self::page()
    }
}

// SAFETY: each allocation is its own mapping, which holds its size at an address of its alignment (no allocation asks
// for more than a page's), and which is unmapped once, when it is freed.
unsafe impl GlobalAlloc for GuardPages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (page, length) = (Self::page(), Self::mapping(layout));
        // SAFETY: a new private mapping; the part that is then made accessible is within it.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let start = libc::mmap(null_mut(), length, libc::PROT_NONE, flags, -1, 0);
            if start == libc::MAP_FAILED || layout.align() > page {
                return null_mut();
            }
            let (inner, room) = (start.byte_add(page), length - 2 * page);
            if libc::mprotect(inner, room, libc::PROT_READ | libc::PROT_WRITE) != 0 {
                return null_mut();
            }
            let last = (room - layout.size()) / layout.align() * layout.align();
            inner.byte_add(if AT_START.load(Ordering::Relaxed) { 0 } else { last }).cast()
        }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        let page = Self::page();
        // An allocation begins in the first of its pages, wherever it is within them.
        let start = (place as usize / page - 1) * page;
        // SAFETY: the mapping of this allocation, which is no longer used.
        unsafe { libc::munmap(start as *mut libc::c_void, Self::mapping(layout)) };
    }
}

#[test]
fn no_kernel_goes_beyond_a_slice() {
    for at_start in [false, true] {
        AT_START.store(at_start, Ordering::Relaxed);
        let numbers = vec![1.5f32; 100];
        let neighbour = if at_start { numbers.as_ptr().wrapping_sub(1) } else { numbers.as_ptr_range().end };
        assert!(is_readable(numbers.as_ptr()) && !is_readable(neighbour), "the guard is there");
        for isa in Isa::available() {
            println!("{isa}, at the {} of pages", if at_start { "start" } else { "end" });
            reference::check_all(Processor::detect(Some(isa)).expect("what is available is detected"));
        }
    }
}

/// Whether a number can be read there; the system is asked, which returns an error instead of a fault.
fn is_readable(place: *const f32) -> bool {
    let mut pipe = [0; 2];
    // SAFETY: the system itself checks what `write` may read; both ends are closed once.
    unsafe {
        assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
        let written = libc::write(pipe[1], place.cast(), size_of::<f32>());
        libc::close(pipe[0]);
        libc::close(pipe[1]);
        written == 4
    }
}
