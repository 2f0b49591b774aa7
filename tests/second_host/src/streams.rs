//! The requests of one worker, as the module may read and change them. All of them are lent at each callback: the filter
//! resumes and answers requests from a reply or a tick, which are its root context's.

use std::collections::{BTreeMap, BTreeSet};

use proxy_wasm_host::abi::v0_2_1::types::{BufferType, MapType, Status, StreamType};
use proxy_wasm_host::abi::v0_2_1::{Access, ContextId, Invocation, LocalResponse, StreamState};
use proxy_wasm_host::{Buffer, HeaderMap, HeaderMapExt, VecHeaderMap};

pub use simulated_host::stream::{Answer, Outcome};

use crate::services::owned;

/// One request.
#[derive(Debug, Default)]
pub struct Stream {
    /// Headers as they are now.
    pub headers: VecHeaderMap,
    /// What of the body is held.
    pub body: Vec<u8>,
    /// Trailers as they are now.
    pub trailers: VecHeaderMap,
    /// Properties by path, a dot between names.
    pub properties: BTreeMap<String, Vec<u8>>,
    /// `None` as long as nothing became of it.
    pub outcome: Option<Outcome>,
}

impl Stream {
    /// Goes upstream as it is now.
    pub fn forward(&mut self) {
        if self.outcome.is_none() {
            self.outcome = Some(Outcome::Forwarded(self.headers.pairs()));
        }
    }
}

/// What a proxy on this crate may leave out: the crate then answers the module with the status of the ABI for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unserved {
    /// No property is read.
    Properties,
    /// No property is written: the access log has no field.
    PropertyWrites,
    /// No body is shown.
    Bodies,
    /// Trailers are not shown.
    Trailers,
    /// Request headers cannot be changed.
    HeaderWrites,
    /// Request headers are not shown.
    Headers,
    /// The filter cannot answer.
    Answers,
    /// The filter cannot resume a held request.
    Resuming,
    /// The filter cannot reset a stream.
    Resets,
}

/// All requests of a worker.
#[derive(Debug, Default)]
pub struct Streams {
    /// By context.
    pub by_context: BTreeMap<ContextId, Stream>,
    /// What is not served.
    pub unserved: BTreeSet<Unserved>,
}

impl Streams {
    fn stream(&mut self, call: Invocation) -> Result<&mut Stream, Status> {
        self.by_context
            .get_mut(&call.context)
            .ok_or(Status::NotFound)
    }

    fn serves(&self, what: Unserved, otherwise: Status) -> Result<(), Status> {
        if self.unserved.contains(&what) {
            Err(otherwise)
        } else {
            Ok(())
        }
    }
}

impl StreamState for Streams {
    fn header_map(
        &mut self,
        call: Invocation,
        access: Access,
        map: MapType,
    ) -> Result<&mut dyn HeaderMap, Status> {
        match map {
            MapType::HttpRequestHeaders => {
                self.serves(Unserved::Headers, Status::BadArgument)?;
                if access == Access::Write {
                    self.serves(Unserved::HeaderWrites, Status::BadArgument)?;
                }
                // What is upstream already is nobody's to change.
                match self.stream(call)? {
                    Stream {
                        outcome: Some(_), ..
                    } => Err(Status::BadArgument),
                    stream => Ok(&mut stream.headers),
                }
            }
            MapType::HttpRequestTrailers => {
                self.serves(Unserved::Trailers, Status::BadArgument)?;
                Ok(&mut self.stream(call)?.trailers)
            }
            _ => Err(Status::BadArgument),
        }
    }

    fn buffer(
        &mut self,
        call: Invocation,
        _: Access,
        buffer: BufferType,
    ) -> Result<&mut dyn Buffer, Status> {
        self.serves(Unserved::Bodies, Status::NotFound)?;
        match buffer {
            BufferType::HttpRequestBody => Ok(&mut self.stream(call)?.body),
            _ => Err(Status::NotFound),
        }
    }

    fn continue_stream(&mut self, call: Invocation, stream: StreamType) -> Result<(), Status> {
        self.serves(Unserved::Resuming, Status::Unimplemented)?;
        if stream != StreamType::HttpRequest {
            return Err(Status::BadArgument);
        }
        self.stream(call)?.forward();
        Ok(())
    }

    fn close_stream(&mut self, call: Invocation, _: StreamType) -> Result<(), Status> {
        self.serves(Unserved::Resets, Status::Unimplemented)?;
        self.stream(call)?.outcome = Some(Outcome::Reset);
        Ok(())
    }

    fn send_local_response(
        &mut self,
        call: Invocation,
        response: LocalResponse<'_>,
    ) -> Result<(), Status> {
        self.serves(Unserved::Answers, Status::Unimplemented)?;
        let stream = self.stream(call)?;
        if stream.outcome.is_some() {
            return Err(Status::BadArgument);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        stream.outcome = Some(Outcome::Answered(Answer {
            status: response.status_code,
            details: text(&response.status_code_details),
            headers: owned(&response.headers),
            body: response.body.to_vec(),
        }));
        Ok(())
    }

    fn property(
        &mut self,
        call: Invocation,
        path: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        self.serves(Unserved::Properties, Status::NotFound)?;
        let value = self.stream(call)?.properties.get(&joined(path));
        out.extend(value.ok_or(Status::NotFound)?);
        Ok(())
    }

    fn set_property(
        &mut self,
        call: Invocation,
        path: &[&[u8]],
        value: &[u8],
    ) -> Result<(), Status> {
        self.serves(Unserved::PropertyWrites, Status::NotFound)?;
        let stream = self.stream(call)?;
        stream.properties.insert(joined(path), value.to_vec());
        Ok(())
    }
}

fn joined(path: &[&[u8]]) -> String {
    String::from_utf8_lossy(&path.join(&b'.')).into_owned()
}
