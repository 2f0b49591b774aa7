//! The statuses of ABI 0.2.1 (`WasmResult` in proxy-wasm-cpp-host). Numbers and names, nothing else.

/// A host call's result; 0 is success.
pub type Status = u32;

/// Success.
pub const OK: Status = 0;
/// What was asked for is not there.
pub const NOT_FOUND: Status = 1;
/// An argument that the host does not accept.
pub const BAD_ARGUMENT: Status = 2;
/// A value that the host cannot hand over.
pub const SERIALIZATION_FAILURE: Status = 3;
/// A pointer outside the module's memory.
pub const INVALID_MEMORY_ACCESS: Status = 6;
/// Another writer was faster.
pub const CAS_MISMATCH: Status = 8;
/// The host failed.
pub const INTERNAL_FAILURE: Status = 10;

/// Every status but success, with its name.
pub const FAILURES: [(Status, &str); 12] = [
    (1, "NotFound"),
    (2, "BadArgument"),
    (3, "SerializationFailure"),
    (4, "ParseFailure"),
    (5, "BadExpression"),
    (6, "InvalidMemoryAccess"),
    (7, "Empty"),
    (8, "CasMismatch"),
    (9, "ResultMismatch"),
    (10, "InternalFailure"),
    (11, "BrokenConnection"),
    (12, "Unimplemented"),
];
