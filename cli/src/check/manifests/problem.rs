//! What is wrong with a way to MLflow. Who finds it does not know yet whether the way ends there.

use super::super::place::Place;
use super::super::rules::Rule;

/// What is wrong with a way, before it is certain that it ends at MLflow.
pub struct Problem<'a> {
    /// The rule that it breaks.
    pub rule: Rule,
    /// Where it is.
    pub place: Place<'a>,
    /// What it is.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

impl<'a> Problem<'a> {
    /// Of its parts.
    pub fn new(
        rule: Rule,
        place: &Place<'a>,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            place: place.clone(),
            text: text.into(),
            remedy: remedy.into(),
        }
    }
}
