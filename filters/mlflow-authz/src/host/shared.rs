//! The host's shared data. What it refuses to read or write counts as absent: the cache is smaller, and no
//! decision changes.

use mlflow_authz::shared_data::{SharedData, Version};

use super::OK;
use crate::abi::imports as raw;

/// The data that the VMs with one `vm_id` share.
#[derive(Debug, Clone, Copy)]
pub struct HostData;

impl SharedData for HostData {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        let (status, value, version) = raw::get_shared_data(name);
        (status == OK).then_some((value, Version(version)))
    }

    fn set(&self, name: &str, value: &[u8], Version(version): Version) -> bool {
        raw::set_shared_data(name, value, version) == OK
    }
}
