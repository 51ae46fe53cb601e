//! The parts of a training step that have their own loops on a CPU, over slices of the tensors' memory: the fused
//! loops of a hidden layer (`fused`) in f32 and in bf16.
//!
//! They run on libtorch's own thread pool: after a matrix product its worker threads spin for a while, and threads of
//! our own would compete with them for the cores. So the loops between the products use the OpenMP runtime that
//! libtorch brings.

mod fused;

use std::ffi::c_void;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tch::{Device, Kind, Tensor};

use super::activation::{Activation, Residual};
use super::planes::Planes;
use fused::{Dropout, FusedLayer};

/// Compiles a function over a row or a chunk for several instruction sets and picks one at run time.
macro_rules! vectorised {
    ($(#[$doc:meta])* fn $name:ident / $wide:ident / $inner:ident $(<$element:ident $(, const $planes:ident: usize)?>)?
        ($($arg:ident: $ty:ty),* $(,)?)) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,fma")]
        fn $wide$(<$element: Element $(, const $planes: usize)?>)?($($arg: $ty),*) { $inner($($arg),*) }

        $(#[$doc])*
        fn $name$(<$element: Element $(, const $planes: usize)?>)?($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl")
            {
                // SAFETY: the features were detected on the line above; every avx512f processor has fma.
                return unsafe { $wide($($arg),*) };
            }
            $inner($($arg),*);
        }
    };
}
pub(super) use vectorised;

/// The number type of activations and their gradients: f32, or bf16 on processors that multiply it faster. Arithmetic
/// on it is in f32; sums, statistics, parameters and the optimiser stay in f32.
pub(super) trait Element: Copy + Send + Sync {
    /// The kind of tensor that holds it.
    const KIND: Kind;

    /// Its value in f32.
    fn get(self) -> f32;

    /// The nearest one to `value`, ties to even.
    fn round(value: f32) -> Self;
}

impl Element for f32 {
    const KIND: Kind = Kind::Float;

    #[inline(always)]
    fn get(self) -> f32 {
        self
    }

    #[inline(always)]
    fn round(value: f32) -> Self {
        value
    }
}

/// The upper half of an f32.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(transparent)]
pub(super) struct Bf16(u16);

impl Element for Bf16 {
    const KIND: Kind = Kind::BFloat16;

    #[inline(always)]
    fn get(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    /// Without a branch, so that loops are vectorised: infinities stay, and so does the NaN of arithmetic.
    #[inline(always)]
    fn round(value: f32) -> Self {
        let bits = value.to_bits();
        let half_way = 0x7FFF + ((bits >> 16) & 1);
        Self((bits.wrapping_add(half_way) >> 16) as u16)
    }
}

/// The elements of a contiguous tensor of `T` on the CPU.
pub(super) fn slice<T: Element>(tensor: &Tensor) -> &[T] {
    assert!(tensor.kind() == T::KIND && tensor.device() == Device::Cpu && tensor.is_contiguous());
    // SAFETY: the assertion ensures `numel` numbers in host memory, which live as long as the tensor.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) }
}

/// The elements of a contiguous tensor of `T` on the CPU, for writing.
///
/// # Safety
/// Tensors are shared handles: no other slice of the same memory may live as long as this one does.
#[allow(clippy::mut_from_ref, reason = "a tensor is a handle; its memory is not behind the borrow")]
pub(super) unsafe fn slice_mut<T: Element>(tensor: &Tensor) -> &mut [T] {
    assert!(tensor.kind() == T::KIND && tensor.device() == Device::Cpu && tensor.is_contiguous());
    // SAFETY: as for `slice`; the caller promises that nothing else reads or writes them.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

/// The elements of each plane; there must be `PLANES`.
fn slices<T: Element, const PLANES: usize>(planes: &Planes) -> [&[T]; PLANES] {
    let mut planes = planes.iter();
    std::array::from_fn(|_| slice(planes.next().expect("as many planes as the loop is compiled for")))
}

/// The elements of each plane, for writing.
///
/// # Safety
/// As for [`slice_mut`], and no two planes are the same memory.
#[allow(clippy::mut_from_ref, reason = "as for `slice_mut`")]
unsafe fn slices_mut<T: Element, const PLANES: usize>(planes: &Planes) -> [&mut [T]; PLANES] {
    let mut planes = planes.iter();
    std::array::from_fn(|_| {
        let plane = planes.next().expect("as many planes as the loop is compiled for");
        // SAFETY: the caller's promise.
        unsafe { slice_mut(plane) }
    })
}

type Region = unsafe extern "C" fn(extern "C" fn(*mut c_void), *mut c_void, u32, u32);

/// `GOMP_parallel` of the OpenMP runtime in this process, if it is the GNU one.
fn openmp_region() -> Option<Region> {
    static REGION: OnceLock<Option<Region>> = OnceLock::new();
    *REGION.get_or_init(|| {
        let this = libloading::os::unix::Library::this();
        // SAFETY: `GOMP_parallel` has had this signature since GCC 4.9, and the library that holds it stays linked
        // into the process.
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
    // SAFETY: `for_each` passes a `Work` that outlives the region. A panic must not unwind through a C frame: it
    // aborts.
    unsafe { (*work.cast::<Work<'_>>()).drain() }
}

/// Calls `body` once for each index below `count`, on as many threads as libtorch uses.
pub(super) fn for_each(count: usize, body: impl Fn(usize) + Sync) {
    let threads = tch::get_num_threads().clamp(1, count.max(1) as i32) as u32;
    let mut work = Work { next: AtomicUsize::new(0), count, body: &body };
    match openmp_region() {
        Some(region) if threads > 1 => {
            // SAFETY: the region returns only after every thread has left `drain`, so the borrow is valid.
            unsafe { region(drain, (&raw mut work).cast(), threads, 0) }
        }
        _ => work.drain(),
    }
}

/// A mutable slice whose disjoint ranges are written by several threads.
pub(super) struct SharedMut<T> {
    first: *mut T,
    len: usize,
}

// SAFETY: elements are reached only through `range`, whose callers guarantee that no two threads hold the same one.
unsafe impl<T: Send> Sync for SharedMut<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for SharedMut<T> {}

impl<T> SharedMut<T> {
    pub(super) fn new(slice: &mut [T]) -> Self {
        Self { first: slice.as_mut_ptr(), len: slice.len() }
    }

    /// # Safety
    /// No two live ranges handed out may overlap, and none may outlive the slice.
    #[allow(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    pub(super) unsafe fn range(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start + len <= self.len);
        // SAFETY: in bounds by the assertion, disjoint as guaranteed by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(start), len) }
    }
}

/// As [`super::tensor_ops::forward`], in one pass over memory.
pub(super) fn forward(layer: &Activation, residual: Option<Residual>) {
    match (layer.saved.z.first().kind(), layer.saved.z.count()) {
        (Kind::BFloat16, 1) => forward_in::<Bf16, 1>(layer, residual),
        (Kind::BFloat16, _) => forward_in::<Bf16, 2>(layer, residual),
        (_, 1) => forward_in::<f32, 1>(layer, residual),
        _ => forward_in::<f32, 2>(layer, residual),
    }
}

fn forward_in<T: Element, const PLANES: usize>(layer: &Activation, residual: Option<Residual>) {
    let saved = layer.saved;
    // SAFETY: each of a layer's tensors has memory of its own, and none is named twice here.
    let norm = layer.norm.map(|norm| unsafe {
        fused::Norm {
            gamma: slice(&norm.gamma),
            beta: slice(&norm.beta),
            running_mean: slice_mut(&norm.running_mean),
            running_variance: slice_mut(&norm.running_variance),
            mean: slice_mut(&saved.mean),
            inverse_std: slice_mut(&saved.inverse_std),
        }
    });
    let residual = residual.map(|residual| fused::Residual {
        skip: slices::<T, PLANES>(residual.skip),
        // SAFETY: what is passed on is not what is skipped from, and both are other tensors than the layer's.
        sum: unsafe { slices_mut(residual.sum) },
    });
    // SAFETY: as for the norm's.
    let out = unsafe { slices_mut(&saved.out) };
    fused::forward(fused_layer(layer), slices(&saved.z), norm, out, residual);
}

/// As [`super::tensor_ops::backward`], in one pass over memory, or two with BatchNorm.
pub(super) fn backward(layer: &Activation, gradient: &Planes, z_gradient: &Planes) {
    match (layer.saved.z.first().kind(), layer.saved.z.count()) {
        (Kind::BFloat16, 1) => backward_in::<Bf16, 1>(layer, gradient, z_gradient),
        (Kind::BFloat16, _) => backward_in::<Bf16, 2>(layer, gradient, z_gradient),
        (_, 1) => backward_in::<f32, 1>(layer, gradient, z_gradient),
        _ => backward_in::<f32, 2>(layer, gradient, z_gradient),
    }
}

fn backward_in<T: Element, const PLANES: usize>(layer: &Activation, gradient: &Planes, z_gradient: &Planes) {
    let saved = layer.saved;
    // SAFETY: each of a layer's tensors has memory of its own, and none is named twice here.
    let norm = layer.norm.map(|norm| unsafe {
        fused::NormGradient {
            gamma: slice(&norm.gamma),
            mean: slice(&saved.mean),
            inverse_std: slice(&saved.inverse_std),
            gamma_gradient: slice_mut(&norm.gamma_gradient),
            beta_gradient: slice_mut(&norm.beta_gradient),
        }
    });
    let passed =
        fused::Passed::<T, PLANES> { gradient: slices(gradient), z: slices(&saved.z), out: slices(&saved.out) };
    // SAFETY: the gradient behind a layer and the one before it are two tensors, and neither is one of the layer's.
    let z_gradient = unsafe { slices_mut(z_gradient) };
    fused::backward(fused_layer(layer), passed, norm, z_gradient);
}

fn fused_layer(layer: &Activation) -> FusedLayer {
    FusedLayer {
        rows: layer.rows as usize,
        columns: layer.saved.z.first().size()[1] as usize,
        dropout: Dropout::new(layer.dropout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_to_bf16_is_libtorchs() {
        let mut values: Vec<f32> = (0..4096).map(|k| ((k as f32) * 0.731).sin() * 10f32.powi(k % 60 - 30)).collect();
        // Halfway between two values: rounds to the even one. Then special values.
        values.extend([1.003_906_3, 1.011_718_8, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, f32::MAX]);
        let theirs = Tensor::from_slice(&values).to_kind(Kind::BFloat16).to_kind(Kind::Float);
        let ours: Vec<f32> = values.iter().map(|&value| Bf16::round(value).get()).collect();
        assert_eq!(ours, Vec::<f32>::try_from(theirs).unwrap());
        assert!(Bf16::round(f32::NAN).get().is_nan() && Bf16::round(0.0 / -0.0f32).get().is_nan());
    }

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
