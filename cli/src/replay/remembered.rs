//! What was decided lately, for records that repeat themselves.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use mlflow_authz::catalog::Operation;
use mlflow_authz::policy::Permission;
use mlflow_authz::principals::Principal;

use super::outcome::{Again, Outcome, Verdict, Why};
use super::record::{Record, Word};

/// How many are kept.
const KEPT: usize = 1 << 14;

/// Decisions by a hash of all that decides, which also says where each is kept. That two records of a million meet
/// in 64 bits that nobody can foresee is less likely than a fault of the machine.
pub struct Remembered {
    hasher: RandomState,
    places: Vec<Option<(u64, Decided)>>,
}

/// Where a decision is kept, and of what.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    index: usize,
    hash: u64,
}

impl Remembered {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            places: vec![None; KEPT],
        }
    }

    /// Where the decision about a record is kept.
    pub fn place(&self, record: &Record<'_>) -> Place {
        let hash = self.hasher.hash_one((
            (&record.method, &record.target, record.target_is_cut),
            (&record.host, &record.reason, record.operation.is_some()),
            (&record.name, &record.workspace, &record.who),
        ));
        let index = usize::try_from(hash).unwrap_or_default() % KEPT;
        Place { index, hash }
    }

    /// The decision that is kept there.
    pub fn get(&self, place: Place) -> Option<&Decided> {
        let kept = self.places.get(place.index)?.as_ref();
        kept.filter(|(hash, _)| *hash == place.hash)
            .map(|(_, decided)| decided)
    }

    /// Keeps a decision, and forgets what was in its place.
    pub fn keep(&mut self, place: Place, decided: Decided) {
        if let Some(room) = self.places.get_mut(place.index) {
            *room = Some((place.hash, decided));
        }
    }
}

/// What was decided about a record, for all that are like it.
#[derive(Clone)]
pub struct Decided {
    /// What came of it.
    pub outcome: Kept,
    /// What the request asks MLflow to do.
    pub operation: Option<&'static Operation>,
    /// What that needs.
    pub required: Option<Permission>,
    /// Who asks.
    pub principal: Option<Arc<Principal>>,
}

/// An outcome without its record.
#[derive(Clone, Copy)]
pub enum Kept {
    /// For a reason of the engine's.
    Decided(Word, &'static str),
    /// For the reason that the record has.
    Stands(Word),
    /// It cannot be said.
    Open(Why),
}

impl Decided {
    /// Of a record that is not given to the engine at all.
    pub fn open(why: Why) -> Self {
        Self {
            outcome: Kept::Open(why),
            operation: None,
            required: None,
            principal: None,
        }
    }

    /// The same request, undecided.
    pub fn but_open(self, why: Why) -> Self {
        Self {
            outcome: Kept::Open(why),
            ..self
        }
    }

    /// The outcome for one of the records that it is about.
    pub fn about<'r>(&self, record: &'r Record<'_>) -> Again<'r> {
        let outcome = match self.outcome {
            Kept::Open(why) => Outcome::Open(why),
            Kept::Stands(word) => Outcome::Decided(Verdict {
                word,
                reason: Cow::Borrowed(&*record.reason),
            }),
            Kept::Decided(word, reason) => Outcome::Decided(Verdict {
                word,
                reason: Cow::Borrowed(reason),
            }),
        };
        Again {
            outcome,
            operation: self.operation,
            required: self.required,
            principal: self.principal.clone(),
        }
    }
}
