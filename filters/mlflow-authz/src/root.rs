//! One configuration in one VM: parses it, holds its engine, hands it to each stream.

use std::cell::RefCell;
use std::rc::Rc;

use mlflow_authz::{Config, Engine};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::host::{self, Buffer};
use crate::metrics;
use crate::stream::Stream;

/// An engine shared by the streams of a root context.
pub type SharedEngine = Rc<RefCell<Engine>>;

/// The root context. Without an engine, because its configuration was refused or never came, each stream
/// is refused.
#[derive(Default)]
pub struct Root {
    engine: Option<SharedEngine>,
}

impl Root {
    fn retire(&mut self) {
        if let Some(mut engine) = self
            .engine
            .as_ref()
            .and_then(|engine| engine.try_borrow_mut().ok())
        {
            engine.retire();
            metrics::flush(&mut engine);
        }
        self.engine = None;
    }
}

impl Context for Root {
    fn on_done(&mut self) -> bool {
        self.retire();
        true
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let text = match host::buffer(Buffer::PluginConfiguration, size) {
            Ok(text) => text,
            Err(error) => {
                log::error!("configuration refused: {error}");
                return false;
            }
        };
        match Config::parse(&text) {
            Ok(config) => {
                self.retire();
                let mut engine = Engine::new(config, &text);
                metrics::flush(&mut engine);
                self.engine = Some(Rc::new(RefCell::new(engine)));
                true
            }
            Err(error) => {
                log::error!("configuration refused: {error}");
                false
            }
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(context_id, self.engine.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
