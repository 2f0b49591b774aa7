//! The root context: reads the configuration, receives replies and ticks, and hands the plugin to streams.

use std::rc::Rc;

use mlflow_authz::auth_service::Reply;
use mlflow_authz::printable::printable;
use mlflow_authz::{Config, Engine};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::configured::{self, Configured};
use crate::host::{self, Buffer};
use crate::plugin::Plugin;
use crate::reply::CalloutReply;
use crate::stream::Stream;

/// Without a plugin, because its configuration was refused or never came, each stream is refused.
pub struct Root {
    id: u32,
    plugin: Option<Rc<Plugin>>,
    /// The host has asked the context to end; it does once nobody waits any more.
    ending: bool,
}

impl Root {
    /// The root context with this id, not yet configured.
    pub const fn new(id: u32) -> Self {
        Self {
            id,
            plugin: None,
            ending: false,
        }
    }

    fn retire(&mut self) {
        if let Some(plugin) = self.plugin.take() {
            plugin.retire();
        }
    }

    fn is_waited_for(&self) -> bool {
        self.plugin
            .as_ref()
            .is_some_and(|plugin| plugin.is_waiting())
    }

    fn end_if_done(&mut self) {
        if self.ending && !self.is_waited_for() {
            self.ending = false;
            self.retire();
            if let Err(error) = host::done() {
                log::error!("{error}");
            }
        }
    }
}

impl Context for Root {
    fn on_done(&mut self) -> bool {
        self.ending = self.is_waited_for();
        if !self.ending {
            self.retire();
        }
        !self.ending
    }

    fn on_http_call_response(&mut self, token: u32, num_headers: usize, _: usize, _: usize) {
        let Some(plugin) = &self.plugin else { return };
        match CalloutReply::read(num_headers) {
            Ok(received) => plugin.on_callout_reply(token, &received.reply()),
            Err(error) => {
                log::error!("callout reply lost: {error}");
                plugin.on_callout_reply(token, &Reply::Reset);
            }
        }
        self.end_if_done();
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let text = match host::buffer(Buffer::PluginConfiguration, size) {
            Ok(text) => text,
            Err(error) => {
                log::error!("configuration refused: {}", printable(&error.to_string()));
                return false;
            }
        };
        match Config::parse(&text) {
            Ok(config) => {
                let mut tick = None;
                if let Some(old) = &self.plugin {
                    old.abandon();
                    tick = old.tick();
                }
                self.retire();
                let configured = Configured::new(&config, &text);
                let engine = Engine::new(config, &text);
                self.plugin = Some(Rc::new(Plugin::new(self.id, engine, configured, tick)));
                true
            }
            Err(error) => {
                log::error!("configuration refused: {}", printable(&error.to_string()));
                configured::tell_refused(&text, &error);
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let Some(plugin) = &self.plugin else { return };
        if plugin.is_sending() {
            plugin.send_as_root();
            return;
        }
        plugin.on_tick();
        self.end_if_done();
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(context_id, self.plugin.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
