//! What is probably wrong if the auth service answers with a status outside the contract. Owns the advice; it reads no
//! reply.

/// What to check after a key validation.
pub(super) const fn advice(status: u16) -> &'static str {
    match status {
        201 => {
            "it created something, so auth_service.path may be the endpoint that makes keys; name the one that \
             validates them"
        }
        202 => {
            "it accepted the request and answers later; the filter needs the answer in a 200 to this request, so check \
             auth_service.path"
        }
        204 => {
            "it answered without a body; a valid key is a 200 with a JSON object that has its scopes, so check \
             auth_service.path"
        }
        200..=299 => {
            "a valid key is a 200 with a JSON object that has its scopes; check auth_service.path"
        }
        300..=399 => {
            "it redirects, and the filter follows no redirect; set auth_service.path, and auth_service.authority, to \
             where it redirects, and use TLS in the cluster if that is https; if it is a login page, the path is not for \
             services"
        }
        400 => {
            "it cannot read the request; check auth_service.protocol, method, key_in and service_id, and that it accepts \
             auth_service.authority as its Host"
        }
        404 => {
            "it serves nothing at that path; check auth_service.path, and auth_service.authority where the Host selects the \
             service"
        }
        405 => {
            "it does not take this method at that path; check auth_service.method and auth_service.path"
        }
        406 => "it does not answer with application/json; check auth_service.path",
        407 => {
            "a proxy in front of the auth service asks for a login; let the cluster reach the service without that proxy"
        }
        408 => "it timed out while it waited for the request; check its own log",
        413 => {
            "the request is too large for it; check what limits the size of headers or bodies in front of it"
        }
        415 => {
            "it does not take this type of body; check auth_service.key_in and auth_service.path"
        }
        421 | 426 => {
            "it wants another host name, TLS or version of HTTP; check auth_service.authority, and in the cluster the SNI \
             and http2_protocol_options"
        }
        422 => {
            "it reads the body and refuses what is in it; check auth_service.service_id and auth_service.key_in"
        }
        431 => "a header is too large for it; check what limits the size of headers in front of it",
        _ => "check auth_service.path",
    }
}

/// What to check after a poll for revoked keys.
pub(super) const fn advice_for_polls(status: u16) -> &'static str {
    match status {
        401 | 403 => "it refuses the poll; check revocation.credential_header",
        429 => "it is polled too often; raise revocation.every",
        300..=399 => {
            "it redirects, and the filter follows no redirect; set revocation.path to where it redirects"
        }
        _ => "check revocation.path",
    }
}
