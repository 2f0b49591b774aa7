//! The `log` facade on the host's log, and panics as one line without their text. What may be logged is decided
//! elsewhere.

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::abi::imports as raw;

/// ABI: `proxy_log_level_t`.
const CRITICAL: u32 = 5;

struct HostLog;

impl Log for HostLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            Level::Trace => 0,
            Level::Debug => 1,
            Level::Info => 2,
            Level::Warn => 3,
            Level::Error => 4,
        };
        // Where the host refuses a log line there is nobody left to tell.
        let _ = raw::log(level, &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Installs both; harmless when done before.
pub fn install() {
    static LOG: HostLog = HostLog;
    if log::set_logger(&LOG).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
    std::panic::set_hook(Box::new(|panic| {
        // The text could hold what a request sent; the place is enough to find the fault.
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let _ = raw::log(CRITICAL, &format!("panic at {place}"));
    }));
}
