//! Any `:path`: a canonical path is canonical, and decoding does not lose it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlflow_authz::target::{Target, below_mount, could_reach};

fuzz_target!(|raw: &[u8]| {
    let Ok(target) = Target::parse(raw) else {
        return;
    };
    let path: &str = &target.path;
    assert!(path.starts_with('/') && !path.contains('\\') && !path.contains("//"));
    assert!(!path.chars().any(|c| c.is_ascii_control()));
    assert!(
        !path
            .split('/')
            .any(|segment| segment == "." || segment == "..")
    );
    // The generous reading is never narrower than the canonical one.
    for mount in ["/", "/api/mlflow", "/a"] {
        assert!(below_mount(path, mount).is_none() || could_reach(raw, mount));
    }
});
