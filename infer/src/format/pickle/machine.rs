//! The machine that a pickle is a program for: a stack, marks on it, and a memo.
//!
//! Instructions are those of Python's `pickletools`, by their names there.

use std::borrow::Cow;
use std::collections::HashMap;

use super::input::Input;
use super::numpy::Function;
use super::{Id, Value};
use crate::error::{Error, Result};

/// More values than dictionaries of arrays have; values, the stack, marks, the memo and what lists, tuples and dictionaries
/// hold are counted each by itself. An instruction adds one of each at most, so memory is below 200 times the pickle's
/// size, and below 800 MB.
const MAX_VALUES: usize = 4_000_000;

/// The state between two instructions.
pub(super) struct Machine<'a> {
    input: Input<'a>,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Stack heights.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// What lists, tuples and dictionaries hold together.
    elements: usize,
}

impl<'a> Machine<'a> {
    /// Runs a whole pickle; returns its values and which of them it is.
    ///
    /// # Errors
    /// An instruction that cannot be followed or that wants more than data, named by its byte.
    pub(super) fn run(bytes: &'a [u8]) -> Result<(Vec<Value<'a>>, Id)> {
        let mut machine = Self {
            input: Input::new(bytes),
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            elements: 0,
        };
        loop {
            let at = machine.input.position();
            if let Some(root) = machine.next().map_err(|e| at_byte(&e, at))? {
                return Ok((machine.values, root));
            }
            if machine.most_held() > MAX_VALUES {
                return Err(Error::input(format!("the pickle holds more than {MAX_VALUES} values"))
                    .hint("keep numbers in NumPy arrays, not in lists"));
            }
        }
    }

    /// Follows the next instruction; the last one, STOP, gives the value that the pickle is.
    fn next(&mut self) -> Result<Option<Id>> {
        match self.input.u8()? {
            b'.' => self.pop().map(Some),
            opcode => self.step(opcode).map(|()| None),
        }
    }

    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            // PROTO, FRAME
            0x80 => match self.input.u8()? {
                0..=5 => Ok(()),
                version => Err(Error::input(format!("pickle protocol {version}, expected 0 to 5"))),
            },
            0x95 => self.input.u64().map(drop),
            b'N' | 0x88 | 0x89 | b'I' | b'J' | b'K' | b'M' | b'L' | 0x8a | 0x8b | b'F' | b'G' => self.number(opcode),
            b'V' | b'X' | 0x8c | 0x8d | b'S' | b'T' | b'U' | b'B' | b'C' | 0x8e | 0x96 => self.string(opcode),
            b']' | b'a' | b'e' | b'l' | b')' | b't' | 0x85..=0x87 => self.sequence(opcode),
            b'}' | b'd' | b's' | b'u' | 0x8f | 0x90 | 0x91 => self.mapping(opcode),
            b'(' | b'0' | b'1' | b'2' | b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.stack_and_memo(opcode),
            b'c' | 0x93 | b'R' | b'b' => self.function(opcode),
            other => Err(refused(other)),
        }
    }

    /// NONE, NEWTRUE, NEWFALSE, INT, BININT, BININT1, BININT2, LONG, LONG1, LONG4, FLOAT, BINFLOAT
    fn number(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'J' => Value::Int(i32::from_le_bytes(self.input.array()?).into()),
            b'K' => Value::Int(self.input.u8()?.into()),
            b'M' => Value::Int(self.input.u16()?.into()),
            0x8a => {
                let length = self.input.u8()?;
                long(self.input.take(length.into())?)
            }
            0x8b => {
                let length = self.input.u32()?;
                long(self.input.take(length.into())?)
            }
            b'G' => {
                self.input.take(8)?;
                Value::OtherNumber
            }
            _ => match self.input.text_line()? {
                "00" => Value::Bool(false),
                "01" => Value::Bool(true),
                text => text.trim_end_matches('L').parse().map_or(Value::OtherNumber, Value::Int),
            },
        };
        self.push(value);
        Ok(())
    }

    /// UNICODE, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8; STRING, BINSTRING, SHORT_BINSTRING, BINBYTES,
    /// SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
    fn string(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b'V' => Value::Text(Cow::Owned(raw_unicode_escape(self.input.line()?))),
            b'S' => Value::Bytes(quoted(self.input.line()?)?),
            _ => {
                let length = match opcode {
                    0x8c | b'U' | b'C' => self.input.u8()?.into(),
                    b'X' | b'T' | b'B' => self.input.u32()?.into(),
                    _ => self.input.u64()?,
                };
                let bytes = self.input.take(length)?;
                match opcode {
                    b'X' | 0x8c | 0x8d => Value::Text(Cow::Borrowed(
                        std::str::from_utf8(bytes).map_err(|_| Error::input("a text of the pickle is not UTF-8"))?,
                    )),
                    _ => Value::Bytes(bytes),
                }
            }
        };
        self.push(value);
        Ok(())
    }

    /// EMPTY_LIST, APPEND, APPENDS, LIST; EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
    fn sequence(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b']' => Value::List(Vec::new()),
            b'l' => Value::List(self.pop_to_mark()?),
            b')' => Value::Tuple(Vec::new()),
            b't' => Value::Tuple(self.pop_to_mark()?),
            0x85..=0x87 => Value::Tuple(self.pop_many(usize::from(opcode - 0x84))?),
            _ => {
                let added = if opcode == b'a' { self.pop_many(1)? } else { self.pop_to_mark()? };
                let list = self.top()?;
                return match &mut self.values[list] {
                    Value::List(elements) => {
                        elements.extend(added);
                        Ok(())
                    }
                    other => Err(Error::input(format!("the pickle appends to {}", other.describe()))),
                };
            }
        };
        self.push(value);
        Ok(())
    }

    /// EMPTY_DICT, DICT, SETITEM, SETITEMS; EMPTY_SET, ADDITEMS, FROZENSET
    fn mapping(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'}' => self.push(Value::Dict(Vec::new())),
            b'd' => {
                let pairs = pairs(&self.pop_to_mark()?)?;
                self.push(Value::Dict(pairs));
            }
            0x8f => self.push(Value::Set),
            0x90 => drop(self.pop_to_mark()?),
            0x91 => {
                self.pop_to_mark()?;
                self.push(Value::Set);
            }
            _ => {
                let added = pairs(&if opcode == b's' { self.pop_many(2)? } else { self.pop_to_mark()? })?;
                let dict = self.top()?;
                match &mut self.values[dict] {
                    Value::Dict(entries) => entries.extend(added),
                    other => return Err(Error::input(format!("the pickle sets a key of {}", other.describe()))),
                }
            }
        }
        Ok(())
    }

    /// MARK, POP, POP_MARK, DUP; PUT, BINPUT, LONG_BINPUT, MEMOIZE; GET, BINGET, LONG_BINGET
    fn stack_and_memo(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => self.stack.push(self.top()?),
            b'p' | b'q' | b'r' | 0x94 => {
                let slot = match opcode {
                    0x94 => self.memo.len() as u64,
                    _ => self.memo_slot(opcode == b'p', opcode == b'q')?,
                };
                let top = self.top()?;
                self.memo.insert(slot, top);
            }
            _ => {
                let slot = self.memo_slot(opcode == b'g', opcode == b'h')?;
                let Some(kept) = self.memo.get(&slot) else {
                    return Err(Error::input(format!("the pickle takes value {slot}, which it never kept")));
                };
                self.stack.push(*kept);
            }
        }
        Ok(())
    }

    fn memo_slot(&mut self, as_line: bool, short: bool) -> Result<u64> {
        if as_line {
            let line = self.input.text_line()?;
            return line.parse().map_err(|_| Error::input(format!("the pickle has value number '{line}'")));
        }
        Ok(if short { self.input.u8()?.into() } else { self.input.u32()?.into() })
    }

    /// GLOBAL, STACK_GLOBAL; REDUCE; BUILD
    fn function(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'c' => {
                let module = self.input.text_line()?;
                let name = self.input.text_line()?;
                self.push(Value::Function(Function::by_name(module, name)?));
            }
            0x93 => {
                let operands = self.pop_many(2)?;
                let module = self.name_of_function(operands[0])?;
                let name = self.name_of_function(operands[1])?;
                let function = Function::by_name(module, name)?;
                self.push(Value::Function(function));
            }
            b'R' => {
                let operands = self.pop_many(2)?;
                match (&self.values[operands[0]], &self.values[operands[1]]) {
                    (Value::Function(function), Value::Tuple(arguments)) => {
                        let result = function.call(&self.values, arguments)?;
                        self.push(result);
                    }
                    (other, _) => return Err(Error::input(format!("the pickle calls {}", other.describe()))),
                }
            }
            _ => {
                let state = self.pop()?;
                let target = self.top()?;
                let built = super::numpy::build(&self.values, target, state)?;
                self.values[target] = built;
            }
        }
        Ok(())
    }

    /// The text that names a function, or its module.
    fn name_of_function(&self, id: Id) -> Result<&str> {
        match &self.values[id] {
            Value::Text(name) => Ok(name),
            _ => Err(Error::input("the pickle names a function by something that is no text")),
        }
    }

    /// The largest count of anything that takes memory.
    fn most_held(&self) -> usize {
        let counts = [self.values.len(), self.stack.len(), self.marks.len(), self.memo.len(), self.elements];
        counts.into_iter().max().expect("there are five counts")
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// The height below which nothing may be taken: the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id> {
        self.stack[self.floor()..].last().copied().ok_or_else(too_little)
    }

    fn pop(&mut self) -> Result<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>> {
        let start = self.stack.len().checked_sub(count).filter(|start| *start >= self.floor());
        let taken = self.stack.split_off(start.ok_or_else(too_little)?);
        self.elements += taken.len();
        Ok(taken)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(too_little)?;
        let taken = self.stack.split_off(mark);
        self.elements += taken.len();
        Ok(taken)
    }
}

/// An error with the byte of its instruction.
fn at_byte(error: &Error, at: usize) -> Error {
    let placed = Error::input(format!("{error} (byte {at})"));
    if let Some(hint) = error.hint_text() { placed.hint(hint) } else { placed }
}

fn too_little() -> Error {
    Error::input("no pickle: it takes a value where there is none")
}

/// An instruction that makes objects of any class, or that is none.
fn refused(opcode: u8) -> Error {
    let wish = match opcode {
        b'i' | b'o' | 0x81 | 0x92 => "wants to make objects of a class",
        b'P' | b'Q' => "refers to objects outside it",
        0x82..=0x84 => "wants to run a registered extension",
        0x97 | 0x98 => "keeps its arrays in separate buffers",
        _ => return Error::input(format!("no pickle: {opcode:#04x} is no instruction")),
    };
    Error::input(format!("a pickle that {wish}; refused")).hint("save a dictionary of NumPy arrays")
}

fn pairs(flat: &[Id]) -> Result<Vec<(Id, Id)>> {
    let (pairs, rest) = flat.as_chunks();
    if rest.is_empty() {
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    } else {
        Err(Error::input("the pickle has a key without a value"))
    }
}

/// An integer in little-endian two's complement.
fn long(bytes: &[u8]) -> Value<'static> {
    if bytes.len() > 8 {
        return Value::OtherNumber;
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = [if negative { 0xff } else { 0 }; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(whole))
}

/// The bytes between protocol 0's quotes. Keys and names are plain; data with escapes in them are not read.
fn quoted(line: &[u8]) -> Result<&[u8]> {
    match line.trim_ascii() {
        [open @ (b'\'' | b'"'), inner @ .., close] if open == close && !inner.contains(&b'\\') => Ok(inner),
        _ => Err(Error::input("data in Python 2's protocol 0, which is not read").hint("save it with protocol 2")),
    }
}

/// Protocol 0's text: Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
fn raw_unicode_escape(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        let digits = match (byte, line.get(at + 1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        let escaped = line.get(at + 2..at + 2 + digits).filter(|_| digits > 0).and_then(|hex| {
            let code = u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?;
            char::from_u32(code)
        });
        text.push(escaped.unwrap_or(char::from(*byte)));
        at += if escaped.is_some() { 2 + digits } else { 1 };
    }
    text
}
