//! One call of ONNX Runtime, with our own input and output memory: nothing is copied, nothing allocated in Rust.
//!
//! ONNX Runtime lets any number of threads call one session concurrently; `ort` requires a session per thread, with
//! its own weights. This file is therefore the only one that goes below `ort`.

use std::ffi::CStr;
use std::ptr::{NonNull, null, null_mut};
use std::sync::Arc;

use ort::AsPointer;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::sys::{ONNXTensorElementDataType, OrtStatusPtr, OrtValue};
use poselift_onnx::names::{
    INPUT_C_NAME, MEMORY_C_NAME, NEXT_MEMORY_C_NAME, OUTPUT_C_NAME, SIGMA_C_NAME, SINCE_C_NAME,
};

use crate::error::{Error, Result};
use crate::model::Card;
use crate::model::batch::{FlatBatch, FlatRecall};

/// A loaded model that any number of threads may call concurrently.
#[derive(Clone)]
pub(in crate::model) struct OrtModel {
    session: Arc<ort::session::Session>,
    memory: Arc<MemoryInfo<'static>>,
    /// J_in and channels.
    input: [usize; 2],
    /// J_out.
    joints: usize,
    /// Numbers that are remembered of a person; 0 for a model without a memory.
    units: usize,
}

// SAFETY: the only part that is not Send is MemoryInfo, a description of the CPU's memory that is only read; ONNX
// Runtime documents `OrtSession::Run` as safe to call from several threads.
unsafe impl Send for OrtModel {}

impl OrtModel {
    /// Makes a loaded model of `card` callable.
    ///
    /// # Errors
    /// The runtime does not know the CPU's memory.
    pub(in crate::model) fn new(session: ort::session::Session, card: &Card) -> Result<Self> {
        let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default);
        let memory = memory.map_err(|error| Error::runtime(format!("ONNX Runtime failed: {}", error.message())))?;
        Ok(Self {
            session: Arc::new(session),
            memory: Arc::new(memory),
            input: [card.input.joints.len(), card.input.channels],
            joints: card.output.joints.len(),
            units: card.memory.as_ref().map_or(0, |memory| memory.units),
        })
    }

    /// How many numbers a person's key points, pose and sigma have.
    pub(in crate::model) fn widths(&self) -> [usize; 3] {
        [self.input[0] * self.input[1], self.joints * 3, self.joints]
    }

    /// Lifts a batch.
    ///
    /// # Errors
    /// The runtime fails.
    ///
    /// # Panics
    /// If a slice is not as long as the batch needs.
    pub(in crate::model) fn run(&self, batch: FlatBatch<'_>) -> Result<()> {
        let people = batch.len;
        self.try_run(batch).map_err(|error| {
            let [joints, channels] = self.input;
            Error::runtime(format!("ONNX Runtime failed on [{people}, {joints}, {channels}]: {}", error.message()))
        })
    }

    fn try_run(&self, batch: FlatBatch<'_>) -> ort::Result<()> {
        let FlatBatch { len: people, keypoints, poses, sigma, recall, .. } = batch;
        let [joints, channels] = self.input;
        let shape = [people, joints, channels];
        let mut inputs = Tensors::default();
        let mut outputs = Tensors::default();
        inputs.add(INPUT_C_NAME, self.value(NonNull::from(keypoints).cast(), keypoints.len(), &shape)?);
        let pose = self.value(NonNull::from(&mut *poses).cast(), poses.len(), &[people, self.joints, 3])?;
        outputs.add(OUTPUT_C_NAME, pose);
        if let Some(sigma) = sigma {
            let value = self.value(NonNull::from(&mut *sigma).cast(), sigma.len(), &[people, self.joints])?;
            outputs.add(SIGMA_C_NAME, value);
        }
        if self.units == 0 {
            return self.call(&inputs, &mut outputs);
        }
        // The runtime does not write to what it reads.
        let (before, since) = match &recall {
            Some(recall) => (recall.memory.to_vec(), recall.since.to_vec()),
            None => (vec![0.0; people * self.units], vec![0.0; people]),
        };
        let mut kept = Vec::new();
        let next = match recall {
            Some(FlatRecall { memory, .. }) => memory,
            None => {
                kept.resize(people * self.units, 0.0);
                &mut kept
            }
        };
        let shape = [people, self.units];
        inputs.add(MEMORY_C_NAME, self.value(NonNull::from(&before[..]).cast(), before.len(), &shape)?);
        inputs.add(SINCE_C_NAME, self.value(NonNull::from(&since[..]).cast(), since.len(), &[people, 1])?);
        outputs.add(NEXT_MEMORY_C_NAME, self.value(NonNull::from(&mut *next).cast(), next.len(), &shape)?);
        self.call(&inputs, &mut outputs)
    }

    fn call(&self, inputs: &Tensors, outputs: &mut Tensors) -> ort::Result<()> {
        let [input_names, output_names] = [inputs, &*outputs].map(|tensors| tensors.names.map(CStr::as_ptr));
        let input_values = inputs.pointers().map(<*mut OrtValue>::cast_const);
        let mut output_values = outputs.pointers();
        // SAFETY: all pointers are valid for the call, and the counts are those of the tensors. The outputs stay ours:
        // the runtime fills the values in `output_values` and allocates nothing. Null options are the default ones.
        let status = unsafe {
            (ort::api().Run)(
                self.session.ptr().cast_mut(),
                null(),
                input_names.as_ptr(),
                input_values.as_ptr(),
                inputs.count,
                output_names.as_ptr(),
                outputs.count,
                output_values.as_mut_ptr(),
            )
        };
        check(status)
    }

    /// A tensor over memory that outlives it, `len` floats in `shape`.
    fn value<const D: usize>(&self, data: NonNull<f32>, len: usize, shape: &[usize; D]) -> ort::Result<Tensor> {
        assert_eq!(len, shape.iter().product::<usize>(), "as many numbers as {shape:?} says");
        let shape = shape.map(|length| length as i64);
        let mut value = null_mut();
        // SAFETY: `data` points to `len` floats, checked against `shape`, which the callers borrow until the tensor
        // is dropped; key points are behind a shared borrow, and the runtime does not write to inputs.
        let status = unsafe {
            (ort::api().CreateTensorWithDataAsOrtValue)(
                self.memory.ptr(),
                data.as_ptr().cast(),
                len * size_of::<f32>(),
                shape.as_ptr(),
                D,
                ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
                &raw mut value,
            )
        };
        check(status)?;
        NonNull::new(value).map(Tensor).ok_or_else(|| ort::Error::new("it made no tensor"))
    }
}

/// The tensors of one side of a call, three at the most, with their names.
struct Tensors {
    names: [&'static CStr; 3],
    values: [Option<Tensor>; 3],
    count: usize,
}

impl Default for Tensors {
    fn default() -> Self {
        Self { names: [c""; 3], values: [None, None, None], count: 0 }
    }
}

impl Tensors {
    fn add(&mut self, name: &'static CStr, value: Tensor) {
        self.names[self.count] = name;
        self.values[self.count] = Some(value);
        self.count += 1;
    }

    /// Null behind the last.
    fn pointers(&self) -> [*mut OrtValue; 3] {
        [0, 1, 2].map(|index| self.values[index].as_ref().map_or(null_mut(), |value| value.0.as_ptr()))
    }
}

fn check(status: OrtStatusPtr) -> ort::Result<()> {
    // SAFETY: the status comes from the runtime and is read once.
    unsafe { ort::Error::result_from_status(status) }
}

/// A tensor over borrowed memory, released when dropped.
struct Tensor(NonNull<OrtValue>);

impl Drop for Tensor {
    fn drop(&mut self) {
        // SAFETY: the runtime created it for us, and no other handle exists.
        unsafe { (ort::api().ReleaseValue)(self.0.as_ptr()) };
    }
}
