//! Headers as the host hands them over. What a header means is not known here.

use mlflow_authz::pairs;
use mlflow_authz::request::Header;

use super::{HostError, Problem};

/// Headers as the host handed them over.
#[derive(Debug)]
pub struct HeaderPairs {
    bytes: Vec<u8>,
}

impl HeaderPairs {
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Name and value of each header, in order.
    ///
    /// # Errors
    /// Sizes that do not fit the data.
    pub fn pairs(&self) -> Result<Vec<Header<'_>>, HostError> {
        if self.bytes.is_empty() {
            return Ok(Vec::new());
        }
        let malformed = HostError {
            call: "get_header_map_pairs",
            problem: Problem::Malformed,
        };
        let (pairs, _) = pairs::read(&self.bytes).ok_or(malformed)?;
        Ok(pairs)
    }
}
