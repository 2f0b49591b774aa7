//! The root context: takes configurations, receives replies and ticks, and hands the plugin to streams.
//!
//! Owns which configuration is in force. It knows no request: the plugin does.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use mlflow_authz::auth_service::Reply;
use mlflow_authz::printable::printable;
use mlflow_authz::{Config, Engine};

use crate::configured::{self, Configured};
use crate::host::{self, Buffer};
use crate::plugin::Plugin;
use crate::reply::CalloutReply;

/// Without a plugin, because its configuration was refused or never came, each stream is refused.
pub struct Root {
    id: u32,
    plugin: RefCell<Option<Rc<Plugin>>>,
}

impl Root {
    /// The root context with this id, not yet configured.
    pub fn new(id: u32) -> Self {
        Self {
            id,
            plugin: RefCell::default(),
        }
    }

    /// What its streams decide with.
    pub fn plugin(&self) -> Option<Rc<Plugin>> {
        self.plugin.borrow().clone()
    }

    /// A configuration has come, of so many bytes. Returns whether it is accepted; the one before stays if it is not.
    pub fn on_configure(&self, size: usize) -> bool {
        let text = match host::buffer(Buffer::PluginConfiguration, size) {
            Ok(text) => text,
            Err(error) => {
                log::error!("configuration refused: {}", printable(&error.to_string()));
                return false;
            }
        };
        match Config::parse(&text) {
            Ok(config) => {
                let tick = self.end_plugin();
                let engine = Engine::new(config, &text);
                let configured = Configured::new(engine.rules(), &text);
                let plugin = Plugin::new(self.id, engine, configured, tick);
                self.plugin.replace(Some(Rc::new(plugin)));
                true
            }
            Err(error) => {
                log::error!("configuration refused: {}", printable(&error.to_string()));
                configured::tell_refused(&text, &error);
                false
            }
        }
    }

    /// A reply has come, with so many headers.
    pub fn on_http_call_response(&self, token: u32, headers: u32) {
        let Some(plugin) = self.plugin() else { return };
        match CalloutReply::read(headers) {
            Ok(received) => plugin.on_callout_reply(token, &received.reply()),
            Err(error) => {
                log::error!("callout reply lost: {error}");
                plugin.on_callout_reply(token, &Reply::Reset);
            }
        }
    }

    /// The timer has fired.
    pub fn on_tick(&self) {
        if let Some(plugin) = self.plugin() {
            plugin.on_tick();
        }
    }

    /// The root context ends. Envoy keeps it as long as one of its streams lives; under another host, those that wait are
    /// answered now, since no reply will come any more.
    pub fn on_delete(&self) {
        if let Some(plugin) = self.plugin.take() {
            if plugin.is_waiting() {
                plugin.abandon();
            }
            plugin.retire();
        }
    }

    /// The configuration in force gives way to another. Returns what the timer is set to.
    fn end_plugin(&self) -> Option<Duration> {
        let plugin = self.plugin.take()?;
        plugin.abandon();
        plugin.retire();
        plugin.tick()
    }
}
