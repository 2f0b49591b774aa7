//! Reads the body of a 200: whether the key is valid, whom it belongs to and how long.

use super::contract::Contract;
use super::failure::ContractError;
use super::fields::Body;
use super::lifetime::Lifetime;
use super::mapped::{self, Validity};
use super::parsed::{contract_error, parse};
use super::received::Remark;
use super::validity::Overview;
use crate::config::Protocol;
use crate::principal::Principal;

/// What the body of a 200 says.
pub(super) struct Said {
    /// Whom the key belongs to and how long; `None` when the reply says that it is not valid.
    pub(super) valid: Option<(Principal, Lifetime)>,
    /// What an operator should know of it.
    pub(super) remark: Option<Remark>,
}

impl Said {
    const fn not_valid(remark: Option<Remark>) -> Self {
        Self {
            valid: None,
            remark,
        }
    }
}

/// Reads the body of a 200.
pub(super) fn read(body: &[u8], contract: &Contract) -> Result<Said, ContractError> {
    let document = parse(body)?;
    let overview: Overview = document.read().map_err(contract_error)?;
    if overview.is_refused {
        return Ok(Said::not_valid(None));
    }
    let mut lifetime = overview.lifetime;
    let places = contract.places.as_ref();
    let validity = places.map(|places| mapped::validity(&document, contract, places));
    // That it is not valid counts before all that cannot be read.
    if let Some(Ok(Validity::NotValid)) = validity {
        return Ok(Said::not_valid(None));
    }
    if let Some((field, problem)) = overview.unclear {
        return Err(ContractError::Validity { field, problem });
    }
    match validity.transpose()? {
        None => {}
        Some(Validity::Until(limits)) => lifetime = lifetime.and(limits),
        Some(Validity::NotValid) => return Ok(Said::not_valid(None)),
        Some(Validity::OtherKind(field)) => {
            return Ok(Said::not_valid(Some(Remark::OtherKind(field))));
        }
        Some(Validity::NoAudience) => return Ok(Said::not_valid(Some(Remark::NoAudience))),
        Some(Validity::OtherAudience) => {
            return Ok(Said::not_valid(Some(Remark::OtherAudience)));
        }
    }
    let fields = match places {
        Some(places) => mapped::fields(&document, places)?,
        None => document.read::<Body>().map_err(contract_error)?.into(),
    };
    let (mut principal, remark) = fields.principal(overview.fields)?;
    principal.has_foreign_words = contract.protocol == Protocol::Introspection;
    Ok(Said {
        valid: Some((principal, lifetime)),
        remark,
    })
}
