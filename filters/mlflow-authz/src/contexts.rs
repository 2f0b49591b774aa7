//! The contexts that the host has created in this VM, by its ids.
//!
//! Owns which root contexts and streams there are, and nothing of what they do. A host that calls for a context it
//! never created, or deletes one twice, is met here: no callback may trap, since a trap takes the whole worker down.
//! Contexts are handed out as clones, so that none of the tables is borrowed while a callback runs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;

use crate::root::Root;
use crate::stream::Stream;

/// The host counts ids up and nobody outside chooses one, so the hasher may be a quick one.
type Table<T> = RefCell<HashMap<u32, T, FixedState>>;

thread_local! {
    static ROOTS: Table<Rc<Root>> = RefCell::default();
    static STREAMS: Table<Stream> = RefCell::default();
}

/// A root context begins. Envoy may say so again of one that lives: it stays as it is.
pub fn create_root(id: u32) {
    ROOTS.with_borrow_mut(|roots| {
        roots.entry(id).or_insert_with(|| Rc::new(Root::new(id)));
    });
}

/// A stream begins under a root context. Without one, each of its requests is refused.
pub fn create_stream(id: u32, root: u32) {
    let plugin = self::root(root).and_then(|root| root.plugin());
    let stream = Stream::new(id, plugin);
    if let Some(earlier) = STREAMS.with_borrow_mut(|streams| streams.insert(id, stream)) {
        log::error!("the host creates context {id} a second time");
        earlier.on_delete();
    }
}

/// The root context with this id.
pub fn root(id: u32) -> Option<Rc<Root>> {
    let root = ROOTS.with_borrow(|roots| roots.get(&id).cloned());
    if root.is_none() {
        log::error!("the host calls for root context {id}, which it has not created");
    }
    root
}

/// The stream with this id; one that refuses, where the host has not created it.
pub fn stream(id: u32) -> Stream {
    STREAMS
        .with_borrow(|streams| streams.get(&id).cloned())
        .unwrap_or_else(|| unknown_stream(id))
}

#[cold]
fn unknown_stream(id: u32) -> Stream {
    log::error!("the host calls for context {id}, which it has not created");
    let stream = Stream::new(id, None);
    STREAMS.with_borrow_mut(|streams| streams.insert(id, stream.clone()));
    stream
}

/// A stream or a root context ends.
pub fn delete(id: u32) {
    if let Some(stream) = STREAMS.with_borrow_mut(|streams| streams.remove(&id)) {
        stream.on_delete();
    } else if let Some(root) = ROOTS.with_borrow_mut(|roots| roots.remove(&id)) {
        root.on_delete();
    } else {
        log::error!("the host deletes context {id}, which it has not created");
    }
}
