//! Any configuration: refused in words, or an engine can be built on it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlflow_authz::{Config, Engine};

fuzz_target!(|text: &[u8]| {
    match Config::parse(text) {
        Ok(config) => {
            assert!(config.auth_service.as_ref().is_none_or(|it| !it.cluster.is_empty()) && !config.mounts.is_empty());
            Engine::new(config, text);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
