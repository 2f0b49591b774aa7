//! Names that no identity header can have.

use super::{error, with};
use crate::overrides;

/// A request that carries such a header is refused, or loses it: upstream would never see the identity.
#[test]
fn headers_of_other_paths_and_methods_are_reserved() {
    let spelled = overrides::names().map(|name| name.replace('-', "_"));
    let named = overrides::names().map(str::to_owned).chain(spelled);
    for name in named {
        let shown = error(with(&format!(
            r#""identity_headers": {{"user_id": "{name}"}}"#
        )));
        let expected = format!("identity_headers.user_id: {name} is reserved: ");
        assert!(shown.contains(&expected), "{shown}");
    }
}
