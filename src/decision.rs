//! What was decided about one request, and why.

use std::sync::Arc;

use http::StatusCode;

use crate::catalog::Operation;
use crate::permission::Permission;
use crate::principal::{IdentitySource, Principal};
use crate::target::Ambiguity;
use crate::terms::Terms;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It goes on.
    Allow,
    /// It is answered.
    Deny,
    /// It goes on, and would be answered if denials were enforced for it.
    WouldDeny,
}

impl Effect {
    /// The word used in records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::WouldDeny => "would_deny",
        }
    }
}

/// The outcome of one request.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Exactly one.
    pub reason: Reason,
    /// Which rule of [`crate::target`] the request broke.
    pub ambiguity: Option<Ambiguity>,
    /// The mount it came in by.
    pub mount: Option<Arc<str>>,
    /// The workspace that it is for, where there are workspaces and it is for one.
    pub workspace: Option<Arc<str>>,
    /// What it asks MLflow to do, where the catalog knows.
    pub operation: Option<&'static Operation>,
    /// What it needs.
    pub required: Option<Permission>,
    /// Who asks, once known.
    pub principal: Option<Arc<Principal>>,
    /// Who says so.
    pub identity: Option<IdentitySource>,
    /// The object that decided, where a grant limited to names was asked.
    pub name: Option<Arc<str>>,
    /// Why the names of the request could not be read, or could not decide.
    pub unclear: Option<Arc<str>>,
    /// Seconds after which to ask again.
    pub retry_after: Option<u64>,
    /// Whether the principal was served past its time because the auth service was unavailable.
    pub stale: bool,
    /// What is in force for the request.
    pub terms: Terms,
}

impl Decision {
    pub(crate) fn new(reason: Reason) -> Self {
        Self {
            reason,
            ambiguity: None,
            mount: None,
            workspace: None,
            operation: None,
            required: None,
            principal: None,
            identity: None,
            name: None,
            unclear: None,
            retry_after: None,
            stale: false,
            terms: Terms::STRICT,
        }
    }

    /// What becomes of the request.
    pub fn effect(&self) -> Effect {
        if self.reason.denial().is_none() {
            Effect::Allow
        } else if self.terms.enforces(self.principal.as_deref()) {
            Effect::Deny
        } else {
            Effect::WouldDeny
        }
    }
}

macro_rules! reasons {
    (
        allow { $($(#[$allow_doc:meta])* $allow:ident => $allow_word:literal,)+ }
        deny { $($(#[$deny_doc:meta])* $deny:ident => $deny_word:literal, $status:ident, $code:literal,)+ }
    ) => {
        /// Why a request was allowed or denied.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$allow_doc])* $allow,)+
            $($(#[$deny_doc])* $deny,)+
        }

        impl Reason {
            /// The word used in answers, records and metrics.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$allow => $allow_word,)+
                    $(Self::$deny => $deny_word,)+
                }
            }

            /// The status and MLflow's error code of a denial; `None` when the request goes on.
            pub const fn denial(self) -> Option<(StatusCode, &'static str)> {
                match self {
                    $(Self::$allow => None,)+
                    $(Self::$deny => Some((StatusCode::$status, $code)),)+
                }
            }
        }
    };
}

reasons! {
    allow {
        /// Not for MLflow: another host, or a path outside every mount that is forwarded.
        Outside => "outside",
        /// An endpoint that needs no key.
        Public => "public",
        /// A CORS preflight: `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
        Preflight => "preflight",
        /// The principal holds the permission.
        Allowed => "allowed",
        /// A caller asks the filter what its key may do, and is told.
        Whoami => "whoami",
        /// A caller whose key is limited to workspaces asks which ones there are, and is told its own.
        WorkspacesListed => "workspaces_listed",
    }
    deny {
        /// The path is outside every mount, and `outside` refuses it.
        OutsideMounts => "outside_mounts", FORBIDDEN, "PERMISSION_DENIED",
        /// The request target has more than one reading.
        TargetAmbiguous => "target_ambiguous", BAD_REQUEST, "BAD_REQUEST",
        /// The request names more than one workspace, or what is no name of one.
        WorkspaceAmbiguous => "workspace_ambiguous", BAD_REQUEST, "BAD_REQUEST",
        /// Two different credentials, or one twice.
        CredentialAmbiguous => "credential_ambiguous", BAD_REQUEST, "BAD_REQUEST",
        /// No credential.
        CredentialMissing => "credential_missing", UNAUTHORIZED, "UNAUTHENTICATED",
        /// A credential that cannot be a key.
        CredentialMalformed => "credential_malformed", UNAUTHORIZED, "UNAUTHENTICATED",
        /// The auth service does not know the key.
        KeyInvalid => "key_invalid", UNAUTHORIZED, "UNAUTHENTICATED",
        /// The key's scopes and roles do not grant what the operation needs.
        ScopeMissing => "scope_missing", FORBIDDEN, "PERMISSION_DENIED",
        /// The key's rights are limited to other workspaces.
        WorkspaceNotGranted => "workspace_not_granted", FORBIDDEN, "PERMISSION_DENIED",
        /// The key's grants are limited to other names.
        NameNotGranted => "name_not_granted", FORBIDDEN, "PERMISSION_DENIED",
        /// The request may be read in another way than the filter reads it.
        BodyAmbiguous => "body_ambiguous", BAD_REQUEST, "BAD_REQUEST",
        /// A grant limited to names decides, and the body that holds the name is not to be had.
        BodyUnavailable => "body_unavailable", FORBIDDEN, "PERMISSION_DENIED",
        /// The body that holds the name is larger than what is read.
        BodyTooLarge => "body_too_large", PAYLOAD_TOO_LARGE, "BAD_REQUEST",
        /// The catalog does not know the endpoint, and the key lacks what an unknown endpoint needs.
        OperationUnknown => "operation_unknown", FORBIDDEN, "PERMISSION_DENIED",
        /// GraphQL is switched off, whoever asks.
        GraphQlOff => "operation_unknown", FORBIDDEN, "PERMISSION_DENIED",
        /// The auth service refuses the key.
        KeyRefused => "key_refused", FORBIDDEN, "PERMISSION_DENIED",
        /// The auth service limits the caller's rate.
        RateLimited => "rate_limited", TOO_MANY_REQUESTS, "REQUEST_LIMIT_EXCEEDED",
        /// The auth service gave no answer that can be used.
        AuthUnavailable => "auth_unavailable", SERVICE_UNAVAILABLE, "TEMPORARILY_UNAVAILABLE",
        /// As many callouts are open as are allowed.
        Overloaded => "overloaded", SERVICE_UNAVAILABLE, "TEMPORARILY_UNAVAILABLE",
    }
}
