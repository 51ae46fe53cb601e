//! Numbers as the tables print them.

/// A share of 0..1 as `68.0 %`.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}
