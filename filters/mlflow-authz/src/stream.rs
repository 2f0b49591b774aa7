//! The HTTP context of one request.
//!
//! Until there is a decision, headers, body and trailers are all held back, so that nothing leaves under
//! either setting of `allow_on_headers_stop_iteration`. Trailers are cleaned whatever was decided. Whatever the host does not let the filter do ends
//! in a refusal.

use std::rc::Rc;

use mlflow_authz::StreamId;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::broken::Broken;
use crate::plugin::Plugin;
use crate::request::Request;

/// Feeds one request's events to the plugin.
pub struct Stream {
    request: Request,
    has_headers: bool,
    plugin: Option<Rc<Plugin>>,
}

impl Stream {
    /// A stream that nothing is known of yet.
    pub fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            request: Request::new(StreamId(context_id)),
            has_headers: false,
            plugin,
        }
    }

    fn on_callback(&self, event: impl FnOnce(&Plugin, &Request)) {
        let request = &self.request;
        request.in_callback(|| match &self.plugin {
            _ if !request.is_undecided() => {}
            Some(plugin) => event(plugin, request),
            None => {
                log::error!("request refused: {}", Broken::NoConfiguration);
                request.refuse();
            }
        });
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
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        // A second header block for the same stream (1xx is upstream's) would be a host's mistake.
        if !std::mem::replace(&mut self.has_headers, true) {
            self.request.body_came(0, end_of_stream);
            self.on_callback(Plugin::on_request_headers);
        }
        self.action()
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.request.body_came(size, end_of_stream);
        self.on_callback(Plugin::on_request_body);
        self.action()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.request.body_ended();
        if let Some(plugin) = &self.plugin {
            plugin.on_request_trailers(&self.request);
        }
        self.on_callback(Plugin::on_request_body);
        self.action()
    }
}

impl Context for Stream {}
