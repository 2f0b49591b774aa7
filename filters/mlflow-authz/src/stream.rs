//! The context of one request: what each of its callbacks returns to the host.
//!
//! Until there is a decision, headers, body and trailers are all held back, so that nothing leaves under either
//! setting of `allow_on_headers_stop_iteration`. Trailers are cleaned whatever was decided. Whatever the host does not
//! let the filter do ends in a refusal. It knows no policy: `plugin` decides.

use std::rc::Rc;

use mlflow_authz::StreamId;

use crate::filter_error::FilterError;
use crate::plugin::Plugin;
use crate::request::Request;

/// What the host does with what it called for (ABI: `proxy_action_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Passes it on.
    Continue = 0,
    /// Holds it back.
    Pause = 1,
}

/// Feeds one request's events to the plugin.
#[derive(Clone)]
pub struct Stream {
    request: Request,
    /// None where no configuration was accepted.
    plugin: Option<Rc<Plugin>>,
}

impl Stream {
    /// A stream that nothing is known of yet.
    pub fn new(id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            request: Request::new(StreamId(id)),
            plugin,
        }
    }

    /// Request headers have arrived.
    pub fn on_request_headers(&self, end_of_stream: bool) -> Action {
        // A second header block for the same stream (1xx is upstream's) would be a host's mistake.
        if self.request.headers_came() {
            self.request.body_came(0, end_of_stream);
            self.on_callback(Plugin::on_request_headers);
        }
        self.action()
    }

    /// So much of the body is held back by now.
    pub fn on_request_body(&self, size: usize, end_of_stream: bool) -> Action {
        self.request.body_came(size, end_of_stream);
        self.on_callback(Plugin::on_request_body);
        self.action()
    }

    /// Trailers have arrived.
    pub fn on_request_trailers(&self) -> Action {
        self.request.body_ended();
        if let Some(plugin) = &self.plugin {
            plugin.on_request_trailers(&self.request);
        }
        self.on_callback(Plugin::on_request_body);
        self.action()
    }

    /// The stream is gone.
    pub fn on_delete(&self) {
        if let Some(plugin) = &self.plugin {
            plugin.on_stream_gone(self.request.id());
        }
    }

    fn on_callback(&self, event: impl FnOnce(&Plugin, &Request)) {
        let request = &self.request;
        request.in_callback(|| match &self.plugin {
            _ if !request.is_undecided() => {}
            Some(plugin) => event(plugin, request),
            None => {
                log::error!("request refused: {}", FilterError::NoConfiguration);
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
