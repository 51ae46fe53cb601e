//! The numbers of a GLB file, and what says where they are.

use serde_json::{Value, json};

/// Names of number types in glTF.
const U16: u32 = 5123;
const U32: u32 = 5125;
const F32: u32 = 5126;

/// What a graphics card uses the numbers as.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    Vertices = 34962,
    Triangles = 34963,
}

/// One buffer with a view and an accessor for each array in it.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl Buffer {
    /// Appends vectors or matrices of a `kind` that glTF knows; all arrays come back as the accessor's index.
    pub(super) fn push_floats<const N: usize>(
        &mut self,
        kind: &str,
        rows: &[[f32; N]],
        target: Option<Target>,
    ) -> usize {
        let bytes: Vec<_> = rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
        self.push(&bytes, target, json!({"componentType": F32, "count": rows.len(), "type": kind}))
    }

    /// Appends positions, of which the least and the largest must be named.
    pub(super) fn push_positions(&mut self, rows: &[[f32; 3]]) -> usize {
        let least =
            rows.iter().fold([f32::INFINITY; 3], |least, row| std::array::from_fn(|axis| least[axis].min(row[axis])));
        let most =
            rows.iter().fold([f32::NEG_INFINITY; 3], |most, row| std::array::from_fn(|axis| most[axis].max(row[axis])));
        let accessor = self.push_floats("VEC3", rows, Some(Target::Vertices));
        self.accessors[accessor]["min"] = json!(least);
        self.accessors[accessor]["max"] = json!(most);
        accessor
    }

    /// Appends rising times, seconds.
    pub(super) fn push_times(&mut self, times: &[f32]) -> usize {
        let bytes: Vec<_> = times.iter().flat_map(|time| time.to_le_bytes()).collect();
        let least = limit(times.first());
        let most = limit(times.last());
        let accessor = json!({"componentType": F32, "count": times.len(), "type": "SCALAR", "min": least, "max": most});
        self.push(&bytes, None, accessor)
    }

    /// Appends the joints, four a vertex, that move it.
    pub(super) fn push_joints(&mut self, rows: &[[u16; 4]]) -> usize {
        let bytes: Vec<_> = rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
        self.push(&bytes, Some(Target::Vertices), json!({"componentType": U16, "count": rows.len(), "type": "VEC4"}))
    }

    /// Appends vertices' numbers, three a triangle.
    pub(super) fn push_indices(&mut self, indices: &[u32]) -> usize {
        let bytes: Vec<_> = indices.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.push(
            &bytes,
            Some(Target::Triangles),
            json!({"componentType": U32, "count": indices.len(), "type": "SCALAR"}),
        )
    }

    fn push(&mut self, bytes: &[u8], target: Option<Target>, mut accessor: Value) -> usize {
        let mut view = json!({"buffer": 0, "byteOffset": self.bytes.len(), "byteLength": bytes.len()});
        if let Some(target) = target {
            view["target"] = json!(target as u32);
        }
        accessor["bufferView"] = json!(self.views.len());
        self.bytes.extend_from_slice(bytes);
        self.views.push(view);
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    pub(super) fn views(&self) -> &[Value] {
        &self.views
    }

    pub(super) fn accessors(&self) -> &[Value] {
        &self.accessors
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The least or the largest of some times, as accessors have it.
fn limit(time: Option<&f32>) -> Value {
    json!([time.copied().unwrap_or(0.0)])
}
