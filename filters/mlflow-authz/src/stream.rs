//! The HTTP context of one request.
//!
//! Until there is a decision, headers, body and trailers are all held back, so that nothing leaves under
//! either setting of `allow_on_headers_stop_iteration`. Whatever the host does not let the filter do ends
//! in a refusal.

use std::rc::Rc;

use mlflow_authz::StreamId;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::plugin::{Broken, Plugin};
use crate::request::Request;

/// Feeds one request's events to the plugin.
pub struct Stream {
    request: Request,
    plugin: Option<Rc<Plugin>>,
}

impl Stream {
    /// A stream that nothing is known of yet.
    pub fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            request: Request::new(StreamId(context_id)),
            plugin,
        }
    }

    fn action(&self) -> Action {
        if self.request.is_forwarded() {
            Action::Continue
        } else {
            Action::Pause
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.on_stream_gone(self.request.id());
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // A second header block for the same stream (1xx is upstream's) would be a host's mistake.
        if self.request.is_undecided() {
            match &self.plugin {
                Some(plugin) => plugin.on_request_headers(&self.request),
                None => {
                    log::error!("request refused: {}", Broken::NoConfiguration);
                    self.request.refuse();
                }
            }
        }
        self.action()
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.action()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.action()
    }
}

impl Context for Stream {}
