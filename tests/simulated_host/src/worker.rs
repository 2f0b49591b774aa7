//! One worker: the callbacks in the order in which Envoy makes them, and what it does when one returns.
//!
//! Verbs never fail: after a trap they do nothing, and what went wrong is in [`Worker::trap`] and
//! [`Host::violations`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::callouts::Reply;
use crate::host::{Commons, Deferred, Host, Root};
use crate::pairs::Pair;
use crate::stream::{Outcome, Part, Request, Stream};
use crate::vm::Vm;

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

/// A worker thread of the proxy with its VM.
pub struct Worker {
    vm: Vm,
    /// `allow_on_headers_stop_iteration`: `Pause` on headers lets the body callbacks run.
    pub allow_stop_iteration: bool,
    /// Streams are opened without telling the module of their contexts.
    pub forgets_to_create: bool,
    /// What the root is configured with between the next stream's creation and its headers.
    pub configures_between: Option<Vec<u8>>,
    /// What trapped, if anything.
    pub trap: Option<String>,
    /// Streams that are deleted.
    pub gone: BTreeMap<u32, Stream>,
    last_context: u32,
}

impl Worker {
    /// A fresh VM without a root context.
    ///
    /// # Panics
    /// When the module does not start.
    pub fn new(commons: Rc<RefCell<Commons>>, seed: u64) -> Self {
        Self {
            vm: Vm::start(Host::new(commons, seed)).expect("the module starts"),
            allow_stop_iteration: false,
            forgets_to_create: false,
            configures_between: None,
            trap: None,
            gone: BTreeMap::new(),
            last_context: 0,
        }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        self.vm.host()
    }

    /// The host.
    pub fn host_mut(&mut self) -> &mut Host {
        self.vm.host_mut()
    }

    /// How many instructions the module has executed.
    pub fn instructions(&self) -> u64 {
        self.vm.instructions()
    }

    /// The size of the VM's memory.
    pub fn memory_bytes(&self) -> usize {
        self.vm.memory_bytes()
    }

    /// A new root context with a configuration, and whether the module accepted it.
    pub fn add_root(&mut self, configuration: &[u8]) -> (u32, bool) {
        let id = self.new_context();
        self.host_mut().roots.insert(id, Root::default());
        self.callback("proxy_on_context_create", id, &[0]);
        let started = self.callback("proxy_on_vm_start", id, &[0]).unwrap_or(1);
        (id, started != 0 && self.configure(id, configuration))
    }

    /// Configures a root context, again if need be.
    pub fn configure(&mut self, root: u32, configuration: &[u8]) -> bool {
        let size = u32::try_from(configuration.len()).unwrap();
        if let Some(root) = self.host_mut().roots.get_mut(&root) {
            root.configuration = configuration.to_vec();
        }
        self.callback("proxy_on_configure", root, &[size])
            .unwrap_or(1)
            != 0
    }

    /// Shuts a root context down. Its streams must be gone: Envoy keeps it as long as one lives.
    pub fn remove_root(&mut self, root: u32) {
        if self.callback("proxy_on_done", root, &[]).unwrap_or(1) != 0 {
            self.delete_root(root);
        } else if let Some(root) = self.host_mut().roots.get_mut(&root) {
            root.shutting_down = true;
        }
    }

    fn delete_root(&mut self, root: u32) {
        self.callback("proxy_on_delete", root, &[]);
        self.host_mut().roots.remove(&root);
        self.host_mut().callouts.cancel_all_of(root);
    }

    /// Request headers arrive. Returns the stream's context id.
    pub fn open(&mut self, root: u32, request: Request) -> u32 {
        let id = self.new_context();
        let headers = u32::try_from(request.headers.len()).unwrap();
        let end = u32::from(!request.more_follows);
        let stream = Stream::new(root, request, self.host().clock());
        self.host_mut().streams.insert(id, stream);
        if !self.forgets_to_create {
            self.callback("proxy_on_context_create", id, &[root]);
        }
        if let Some(configuration) = self.configures_between.take() {
            self.configure(root, &configuration);
        }
        let action = self.callback("proxy_on_request_headers", id, &[headers, end]);
        let (trapped, now) = (self.trap.is_some(), self.host().clock());
        if let Some(stream) = self.host_mut().streams.get_mut(&id)
            && stream.waits()
        {
            // A VM that has trapped holds everything back.
            match action.unwrap_or(CONTINUE) {
                CONTINUE if !trapped => stream.forward(now),
                _ => stream.paused = true,
            }
        }
        id
    }

    /// A chunk of the body arrives.
    pub fn body(&mut self, stream: u32, bytes: Vec<u8>, end: bool) {
        self.part(stream, Part::Body { bytes, end });
    }

    /// Trailers arrive.
    pub fn trailers(&mut self, stream: u32, trailers: Vec<Pair>) {
        self.part(stream, Part::Trailers(trailers));
    }

    fn part(&mut self, id: u32, part: Part) {
        let all_stopped = !self.allow_stop_iteration;
        let Some(stream) = self.host_mut().streams.get_mut(&id) else {
            return;
        };
        if matches!(stream.outcome, Some(Outcome::Answered(_) | Outcome::Reset)) {
            return;
        }
        if stream.paused && all_stopped {
            stream.queued.push_back(part);
            return;
        }
        let action = match part {
            Part::Body { bytes, end } => {
                stream.body.extend(bytes);
                let size = u32::try_from(stream.body.len()).unwrap();
                self.callback("proxy_on_request_body", id, &[size, end.into()])
            }
            Part::Trailers(trailers) => {
                let count = u32::try_from(trailers.len()).unwrap();
                stream.trailers = trailers;
                stream.trailers_readable = true;
                self.callback("proxy_on_request_trailers", id, &[count])
            }
        };
        let (trapped, now) = (self.trap.is_some(), self.host().clock());
        let host = self.host_mut();
        let Some(stream) = host.streams.get_mut(&id) else {
            return;
        };
        stream.trailers_readable &= action != Some(CONTINUE);
        match (action.unwrap_or(CONTINUE), &stream.outcome) {
            (CONTINUE, None) if !trapped => stream.forward(now),
            (CONTINUE, Some(Outcome::Forwarded(_))) => stream.body.clear(),
            (PAUSE, Some(Outcome::Forwarded(_))) => {
                host.violation("holds back the body of a request that went on");
            }
            _ => {}
        }
    }

    /// Upstream, or the filter's own answer, responds through the filter.
    pub fn respond(&mut self, stream: u32) {
        if self.host().streams.contains_key(&stream) {
            self.callback("proxy_on_response_headers", stream, &[1, 0]);
            self.callback("proxy_on_response_body", stream, &[0, 1]);
        }
    }

    /// A stream ends, decided or not.
    pub fn delete(&mut self, stream: u32) {
        if !self.host().streams.contains_key(&stream) {
            return;
        }
        // Envoy passes over what `proxy_on_done` of a stream returns (`Context::onDestroy`).
        self.callback("proxy_on_done", stream, &[]);
        self.callback("proxy_on_log", stream, &[]);
        self.callback("proxy_on_delete", stream, &[]);
        if let Some(gone) = self.host_mut().streams.remove(&stream) {
            self.gone.insert(stream, gone);
        }
    }

    /// A callout is replied to.
    pub fn reply(&mut self, token: u32, reply: Reply) {
        let Some(callout) = self.host_mut().callouts.take(token) else {
            return;
        };
        let headers = u32::try_from(reply.headers.len()).unwrap();
        let body = u32::try_from(reply.body.len()).unwrap();
        self.host_mut().reply = Some((callout.root, reply));
        let arguments = [token, headers, body, 0];
        self.callback("proxy_on_http_call_response", callout.root, &arguments);
    }

    /// The root's timer fires, if it is set.
    pub fn tick(&mut self, root: u32) {
        let now = self.host().passed();
        if let Some(root) = self.host_mut().roots.get_mut(&root)
            && !root.tick_period.is_zero()
        {
            root.timer_began = now;
        } else {
            return;
        }
        self.callback("proxy_on_tick", root, &[]);
    }

    /// A stream, there or gone.
    ///
    /// # Panics
    /// When there never was one.
    pub fn stream(&self, id: u32) -> &Stream {
        let here = self.host().streams.get(&id).or_else(|| self.gone.get(&id));
        here.expect("a stream that was opened")
    }

    fn new_context(&mut self) -> u32 {
        self.last_context += 1;
        self.last_context
    }

    /// A callback that no sound host makes, with whatever arguments. What it returns, `None` for nothing.
    pub fn odd_callback(&mut self, name: &'static str, arguments: &[u32]) -> Option<u32> {
        let (first, more) = arguments.split_first()?;
        self.callback(name, *first, more)
    }

    /// Makes a callback, then does what the module left to be done. `None` where there is no such callback.
    fn callback(&mut self, name: &'static str, context: u32, more: &[u32]) -> Option<u32> {
        if self.trap.is_some() {
            return None;
        }
        let host = self.host_mut();
        let before = (host.callback, host.current);
        (host.callback, host.current) = (name, context);
        (host.effective, host.stop_iteration) = (0, false);
        let arguments = [&[context], more].concat();
        let result = self.vm.call(name, &arguments);
        let host = self.vm.host_mut();
        (host.callback, host.current) = before;
        (host.effective, host.reply) = (0, None);
        let stopped = std::mem::take(&mut host.stop_iteration);
        match result {
            Ok(result) => {
                self.drain();
                result.map(|action| if stopped { PAUSE } else { action })
            }
            Err(trap) => {
                self.trap = Some(trap);
                None
            }
        }
    }

    /// As Envoy does it: in order, each with all that follows from it, before anything else.
    fn drain(&mut self) {
        let now = self.host().clock();
        while let Some(deferred) = self.host_mut().deferred.pop_front() {
            match deferred {
                Deferred::Continue(id) => {
                    if self
                        .undecided(id, "continues")
                        .is_some_and(|stream| stream.paused)
                    {
                        self.go_on(id);
                    } else {
                        self.host_mut()
                            .violation("continues a request that is not held");
                    }
                }
                Deferred::Answer(id, answer) => {
                    if let Some(stream) = self.undecided(id, "answers") {
                        stream.decide(Outcome::Answered(answer), now);
                        self.respond(id);
                        self.end_hasty(id);
                    }
                }
                // Trailers can be kept from a request that went on only by ending it.
                Deferred::Reset(id) if self.is_at_trailers(id) => {
                    if let Some(stream) = self.host_mut().streams.get_mut(&id) {
                        stream.decide(Outcome::Reset, now);
                    }
                }
                Deferred::Reset(id) => {
                    if let Some(stream) = self.undecided(id, "resets") {
                        stream.decide(Outcome::Reset, now);
                        self.end_hasty(id);
                    }
                }
                Deferred::Done(root) => self.delete_root(root),
            }
        }
    }

    fn is_at_trailers(&self, id: u32) -> bool {
        let stream = self.host().streams.get(&id);
        stream.is_some_and(|it| {
            it.trailers_readable && matches!(it.outcome, Some(Outcome::Forwarded(_)))
        })
    }

    /// A stream that something may still become of; anything else is a violation.
    fn undecided(&mut self, id: u32, does: &str) -> Option<&mut Stream> {
        let host = self.vm.host_mut();
        let problem = match host.streams.get(&id) {
            Some(stream) if stream.waits() => None,
            Some(stream) => Some(format!(
                "{does} a request that is decided: {:?}",
                stream.outcome
            )),
            None => Some(format!("{does} a request that is gone")),
        };
        if let Some(problem) = problem {
            host.violation(&problem);
        }
        host.streams.get_mut(&id).filter(|stream| stream.waits())
    }

    fn go_on(&mut self, id: u32) {
        let now = self.host().clock();
        let host = self.host_mut();
        let Some(stream) = host.streams.get_mut(&id) else {
            return;
        };
        stream.forward(now);
        let queued = std::mem::take(&mut stream.queued);
        for part in queued {
            self.part(id, part);
        }
    }

    fn end_hasty(&mut self, id: u32) {
        if self
            .host()
            .streams
            .get(&id)
            .is_some_and(|stream| stream.hasty)
        {
            self.delete(id);
        }
    }
}
