//! The arguments of callers: objects, arrays and places for results, checked before anything is done with them.

use std::mem::MaybeUninit;
use std::slice;
use std::sync::{Mutex, MutexGuard};

use ndarray::ArrayView3;
use poselift::{Error, Result};

use crate::boundary::broken;

/// The object that a pointer leads to.
///
/// # Errors
/// NULL; the message calls it `name`.
pub(crate) fn non_null<T>(pointer: Option<T>, name: &str) -> Result<T> {
    pointer.ok_or_else(|| Error::usage(format!("{name} is NULL")))
}

/// An object's contents, for this call alone.
///
/// # Errors
/// An earlier call panicked.
pub(crate) fn lock<T>(object: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    object.lock().map_err(|_| broken())
}

/// Writes an object to the heap and its address to `place`: the caller owns it from then on.
pub(crate) fn write_box<T>(place: &mut MaybeUninit<*mut T>, object: T) {
    place.write(Box::into_raw(Box::new(object)));
}

/// An array of `length` numbers; NULL will do for none.
///
/// # Errors
/// NULL, an address that no such number has, or more than memory can hold; the message calls it `name`.
///
/// # Safety
/// `pointer` leads to as many numbers, which no thread changes while `'a` lasts.
pub(crate) unsafe fn array<'a, T>(pointer: *const T, length: usize, name: &str) -> Result<&'a [T]> {
    if length == 0 {
        return Ok(&[]);
    }
    check(pointer, length, name)?;
    // SAFETY: checked above as far as it can be; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(pointer, length) })
}

/// As [`array`], of numbers to be overwritten.
///
/// # Errors
/// As [`array`].
///
/// # Safety
/// `pointer` leads to as many numbers, which no other code reads or changes while `'a` lasts.
pub(crate) unsafe fn array_mut<'a, T>(pointer: *mut T, length: usize, name: &str) -> Result<&'a mut [T]> {
    if length == 0 {
        return Ok(&mut []);
    }
    check(pointer, length, name)?;
    // SAFETY: checked above as far as it can be; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts_mut(pointer, length) })
}

fn check<T>(pointer: *const T, length: usize, name: &str) -> Result<()> {
    non_null((!pointer.is_null()).then_some(()), name)?;
    if !pointer.is_aligned() {
        return Err(Error::usage(format!("{name} is at an address that no {} has", std::any::type_name::<T>())));
    }
    match length.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(Error::usage(format!("{name} has {length} numbers, more than memory can hold"))),
    }
}

/// Key points `[people, joints, channels]` of a caller.
///
/// # Errors
/// NULL, sizes that overflow, people without joints, or a number of channels that is not 2 or 3.
///
/// # Safety
/// As [`array`].
pub(crate) unsafe fn key_points<'a>(
    pointer: *const f32,
    people: usize,
    joints: usize,
    channels: usize,
) -> Result<ArrayView3<'a, f32>> {
    if !matches!(channels, 2 | 3) {
        return Err(Error::usage(format!("{channels} channels, expected 2 (x, y) or 3 (x, y, score)")));
    }
    // The length would be 0 however many people are said, and each of them takes memory.
    if joints == 0 && people > 0 {
        return Err(Error::usage(format!("key_points [{people}, 0, {channels}]: no joints, expected at least 1"))
            .hint("a frame without people has 0 people"));
    }
    let length = people.checked_mul(joints).and_then(|points| points.checked_mul(channels));
    let length = length.ok_or_else(|| Error::usage(format!("{people} people of {joints} joints are too many")))?;
    // SAFETY: the caller's promise.
    let numbers = unsafe { array(pointer, length, "key_points") }?;
    ArrayView3::from_shape((people, joints, channels), numbers)
        .map_err(|error| Error::usage(format!("key_points [{people}, {joints}, {channels}]: {error}")))
}
