//! The only item.

/// The only one of `items`; `None` where there are none or several.
pub(crate) fn only_one<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}
