//! All arrays of a pickle, however deep in dictionaries, lists and arrays of objects, each by the way to it.

use std::borrow::Cow;

use super::machine::Machine;
use super::{Id, Value, numpy};
use crate::error::{Error, Result};
use crate::format::array::Array;

/// Deeper than arrays are nested in practice.
const MAX_DEPTH: usize = 8;
/// What is found may take this many times the pickle's size and [`SLACK`]: bytes in a pickle become numbers of four
/// bytes, and names are told once and used often. An array that is found again and again takes more.
const MAX_RATIO: usize = 16;
const SLACK: usize = 1 << 20;

/// The arrays of numbers in a pickle of protocol 0 to 5, in its order, each with the keys and places that lead to it;
/// what is neither an array nor holds any is passed over.
///
/// # Errors
/// Bytes that are no pickle, are cut off, or want to run anything; arrays that cannot be read; values nested deeper
/// than eight, or within each other; arrays and names that come to more than sixteen times the pickle and 1 MiB.
pub(in crate::format) fn nested_arrays(bytes: &[u8]) -> Result<Vec<(Vec<String>, Array)>> {
    let (values, root) = Machine::run(bytes)?;
    let budget = bytes.len().saturating_mul(MAX_RATIO).saturating_add(SLACK);
    let mut walk = Walk { values: &values, way: Vec::new(), visits: 0, budget, found: Vec::new() };
    walk.visit(root, 0)?;
    Ok(walk.found)
}

struct Walk<'v, 'a> {
    values: &'v [Value<'a>],
    way: Vec<String>,
    /// Values seen so far; a value that is seen again and again makes them more than there are.
    visits: usize,
    /// Bytes that names and arrays may still take.
    budget: usize,
    found: Vec<(Vec<String>, Array)>,
}

impl Walk<'_, '_> {
    fn visit(&mut self, id: Id, depth: usize) -> Result<()> {
        self.visits += 1;
        if depth > MAX_DEPTH || self.visits > self.values.len() {
            return Err(Error::input("the pickle's values are nested too deep or within each other"));
        }
        let values = self.values;
        match &values[id] {
            Value::Array(_) => match numpy::objects(values, id) {
                // An array of no dimension holds one object; NumPy saves a dictionary so.
                Some(&[only]) => self.visit(only, depth + 1),
                Some(several) => self.visit_each(several, depth),
                None => {
                    let array = numpy::resolve(values, id)
                        .map_err(|e| Error::input(format!("'{}' {e}", self.way.join("/"))))?;
                    self.spend(self.size_of_way() + size_of_val(&array.numbers[..]))?;
                    self.found.push((self.way.clone(), array));
                    Ok(())
                }
            },
            Value::Dict(entries) => {
                for (key, value) in entries {
                    if let Some(step) = step_of(&values[*key]) {
                        self.go(step, *value, depth)?;
                    }
                }
                Ok(())
            }
            Value::List(elements) | Value::Tuple(elements) => self.visit_each(elements, depth),
            _ => Ok(()),
        }
    }

    fn visit_each(&mut self, elements: &[Id], depth: usize) -> Result<()> {
        for (place, element) in elements.iter().enumerate() {
            if elements.len() > 1 && self.is_nothing(*element) {
                self.push_nothing(place)?;
            } else {
                self.go(place.to_string(), *element, depth)?;
            }
        }
        Ok(())
    }

    /// Whether a value is None or an empty list, as a frame's is without people.
    fn is_nothing(&self, id: Id) -> bool {
        match &self.values[id] {
            Value::None => true,
            Value::List(elements) | Value::Tuple(elements) => elements.is_empty(),
            _ => false,
        }
    }

    /// An array without numbers in the place of nothing, so that the frame keeps its number.
    fn push_nothing(&mut self, place: usize) -> Result<()> {
        let step = place.to_string();
        self.visits += 1;
        self.spend(self.size_of_way() + step.len() + 2 * size_of::<(Vec<String>, Array)>())?;
        let way = self.way.iter().cloned().chain([step]).collect();
        self.found.push((way, Array { shape: vec![0], numbers: Vec::new() }));
        Ok(())
    }

    /// The bytes that a copy of the way takes.
    fn size_of_way(&self) -> usize {
        self.way.iter().map(|name| size_of::<String>() + name.len()).sum()
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        self.budget = self.budget.checked_sub(bytes).ok_or_else(|| {
            Error::input(format!("the pickle's arrays come to more than {MAX_RATIO} times its size"))
                .hint("save each array once")
        })?;
        Ok(())
    }

    fn go(&mut self, step: String, to: Id, depth: usize) -> Result<()> {
        self.spend(step.len())?;
        self.way.push(step);
        let result = self.visit(to, depth + 1);
        self.way.pop();
        result
    }
}

/// The step of a way that a key of a dictionary is; `None` for a key that is neither text nor number.
fn step_of(key: &Value<'_>) -> Option<String> {
    match key {
        Value::Int(number) => Some(number.to_string()),
        other => other.text().map(Cow::into_owned),
    }
}
