//! What a person asks of an import.

use jiff::civil::Date;

use crate::pki::Fingerprint;

/// What a person asks of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRequest {
    /// Which CA, where the input holds several: the Helm release, the name that its objects begin with, or either behind
    /// `namespace/`.
    pub release: Option<String>,
    /// Whether a CA that was built anew takes the place of the recorded one.
    pub replace: bool,
    /// Roots whose rotation is over.
    pub drop_roots: Vec<Fingerprint>,
    /// The day of the import, for `neededUntil` alone.
    pub as_of: Date,
}
