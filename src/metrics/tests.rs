use super::{Denied, Kind, Metric};
use crate::catalog::{Access, CATALOG, Object};
use crate::decision::{Effect, Reason};
use crate::permission::Permission;

#[test]
fn names_carry_their_labels() {
    let create_run = CATALOG.find("POST", "/api/2.0/mlflow/runs/create");
    assert!(create_run.is_some());
    for (metric, name, kind) in [
        (
            Metric::decision(Effect::Allow, Reason::Allowed, create_run),
            "mlflow_authz_decisions.decision=.=allow;.;reason=.=allowed;.;object=.=run;.;access=.=write;.;",
            Kind::Counter,
        ),
        (
            Metric::decision(Effect::WouldDeny, Reason::ScopeMissing, create_run),
            "mlflow_authz_decisions.decision=.=would_deny;.;reason=.=scope_missing;.;object=.=run;.;access=.=write;.;",
            Kind::Counter,
        ),
        (
            Metric::ShadowDenials(Denied {
                operation: "CreateRun",
                reason: Reason::ScopeMissing,
                permission: Some(Permission::new(Object::Run, Access::Write)),
            }),
            "mlflow_authz_shadow_denials.operation=.=CreateRun;.;reason=.=scope_missing;.;permission=.=run:write;.;",
            Kind::Counter,
        ),
        (
            Metric::decision(Effect::Deny, Reason::KeyInvalid, None),
            "mlflow_authz_decisions.decision=.=deny;.;reason=.=key_invalid;.;object=.=none;.;access=.=none;.;",
            Kind::Counter,
        ),
        (
            Metric::Denials(Denied {
                operation: "CreateRun",
                reason: Reason::ScopeMissing,
                permission: Some(Permission::new(Object::Run, Access::Write)),
            }),
            "mlflow_authz_denials.operation=.=CreateRun;.;reason=.=scope_missing;.;permission=.=run:write;.;",
            Kind::Counter,
        ),
        (
            Metric::Denials(Denied {
                operation: "unknown",
                reason: Reason::OperationUnknown,
                permission: Some(Permission::on_everything(Access::Admin)),
            }),
            "mlflow_authz_denials.operation=.=unknown;.;reason=.=operation_unknown;.;permission=.=*:admin;.;",
            Kind::Counter,
        ),
        (
            Metric::Denials(Denied {
                operation: "unknown",
                reason: Reason::TargetAmbiguous,
                permission: None,
            }),
            "mlflow_authz_denials.operation=.=unknown;.;reason=.=target_ambiguous;.;permission=.=none;.;",
            Kind::Counter,
        ),
        (
            Metric::CacheLookups("hit"),
            "mlflow_authz_cache_lookups.result=.=hit;.;",
            Kind::Counter,
        ),
        (
            Metric::StaleServed,
            "mlflow_authz_stale_served",
            Kind::Counter,
        ),
        (
            Metric::OpenCircuits,
            "mlflow_authz_open_circuits",
            Kind::Gauge,
        ),
        (
            Metric::RevocationPolls("list"),
            "mlflow_authz_revocation_polls.outcome=.=list;.;",
            Kind::Counter,
        ),
        (
            Metric::RevokedPrincipals,
            "mlflow_authz_revoked_principals",
            Kind::Counter,
        ),
        (
            Metric::Callouts("timeout"),
            "mlflow_authz_callouts.outcome=.=timeout;.;",
            Kind::Counter,
        ),
        (
            Metric::CalloutMilliseconds,
            "mlflow_authz_callout_ms",
            Kind::Histogram,
        ),
        (
            Metric::AuthServiceMisconfigured,
            "mlflow_authz_auth_service_misconfigured",
            Kind::Counter,
        ),
        (
            Metric::CacheEntries,
            "mlflow_authz_cache_entries",
            Kind::Gauge,
        ),
        (
            Metric::Enforcing(Access::Delete),
            "mlflow_authz_enforcing.access=.=delete;.;",
            Kind::Gauge,
        ),
        (
            Metric::ConfigInfo([0, 0xab, 1, 0xff]),
            "mlflow_authz_config_info.hash=.=00ab01ff;.;",
            Kind::Gauge,
        ),
    ] {
        assert_eq!((metric.name().as_str(), metric.kind()), (name, kind));
    }
    let build = Metric::BuildInfo.name();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        build,
        format!("mlflow_authz_build_info.version=.={version};.;covers=.=2.0 to 3.18;.;")
    );
    assert_eq!(Metric::BuildInfo.kind(), Kind::Gauge);
}
