//! What makes two configured services different: all that can change what a reply is taken for.

use sha2::{Digest as _, Sha256};

use super::update_with;
use crate::config::{Audience, AuthService, KeyIn, Places};

/// SHA-256 over where the service is, what it is sent and how its replies are read. Every part has its length and every
/// list its count before it, so that no two configurations hash the same bytes.
pub(super) fn of(service: &AuthService) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [
        &service.cluster,
        &service.authority,
        &service.path,
        &service.service_id,
    ] {
        update_with(&mut hash, part.as_bytes());
    }
    let (kind, name) = match &service.key_in {
        KeyIn::Bearer => (0, ""),
        KeyIn::Header(name) => (1, name.as_str()),
        KeyIn::Json(name) => (2, name.as_str()),
        KeyIn::Form(name) => (3, name.as_str()),
    };
    hash.update([
        u8::from(service.send_client_ip),
        service.protocol as u8,
        service.method as u8,
        kind,
    ]);
    update_with(&mut hash, name.as_bytes());
    count(&mut hash, service.headers.len());
    for header in &service.headers {
        update_with(&mut hash, header.name().as_bytes());
        update_with(&mut hash, header.expose().as_bytes());
    }
    match &service.audience {
        Audience::Absent => hash.update([0]),
        Audience::CheckedByEndpoint => hash.update([1]),
        Audience::Is(audience) => {
            hash.update([2]);
            update_with(&mut hash, audience.as_bytes());
        }
    }
    hash.update([u8::from(service.reply.is_some())]);
    for (_, pointers) in service.reply.iter().flat_map(Places::all) {
        hash.update([u8::from(pointers.is_some())]);
        let Some(pointers) = pointers else { continue };
        count(&mut hash, pointers.iter().count());
        for pointer in pointers.iter() {
            update_with(&mut hash, pointer.as_str().as_bytes());
        }
    }
    hash.finalize().into()
}

fn count(hash: &mut Sha256, count: usize) {
    hash.update((count as u64).to_be_bytes());
}
