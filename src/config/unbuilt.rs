//! Fields whose feature is not built yet: each is refused, except with the value that says what the
//! filter does today. A later release builds them; until then no operator believes they are on.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny};

use super::Mode;
use super::fields::whole_number;

pub(super) fn only_100<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match whole_number(deserializer)? {
        100 => Ok(100),
        other => Err(D::Error::custom(format!(
            "{other}: gradual enforcement is not built yet; only 100 is accepted"
        ))),
    }
}

pub(super) fn only_empty_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    if Vec::<IgnoredAny>::deserialize(deserializer)?.is_empty() {
        Ok(())
    } else {
        Err(D::Error::custom(
            "overrides are not built yet; only [] is accepted",
        ))
    }
}

pub(super) fn only_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    if bool::deserialize(deserializer)? {
        Err(D::Error::custom(
            "this feature is not built yet; only false is accepted",
        ))
    } else {
        Ok(false)
    }
}

macro_rules! word_with_unbuilt {
    ($type:ty: $built:literal => $value:expr, $unbuilt:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match String::deserialize(deserializer)?.as_str() {
                    $built => Ok($value),
                    $unbuilt => Err(D::Error::custom(concat!(
                        "\"",
                        $unbuilt,
                        "\" is not built yet; only \"",
                        $built,
                        "\" is accepted"
                    ))),
                    other => Err(D::Error::custom(format!(
                        concat!(
                            "{:?} is not a value of this field; there is \"",
                            $built,
                            "\""
                        ),
                        other
                    ))),
                }
            }
        }
    };
}

word_with_unbuilt!(Mode: "enforce" => Mode::Enforce, "shadow");
