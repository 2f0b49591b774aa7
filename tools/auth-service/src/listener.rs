//! A TCP listener whose connections can be told to end in a reset, and that can be told to go away.
//!
//! A handler cannot reach its connection. It gets a switch instead, and the connection looks at the switch
//! when it is dropped: with `SO_LINGER` at zero, closing the socket sends RST where it would send FIN.
//!
//! In an outage the port stays bound and nobody listens on it, so that the system refuses connections and
//! does not pick the port for somebody else's.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::outage::{Cut, Outages};

/// Connections that may wait to be accepted, as tokio has it.
const BACKLOG: u32 = 1_024;

/// Between attempts to have the port back, should somebody else have taken it.
const BEFORE_ANOTHER_TRY: Duration = Duration::from_millis(10);

/// Orders one connection to end in a reset.
#[derive(Debug, Clone, Default)]
pub struct ResetSwitch(Arc<Ordered>);

#[derive(Debug, Default)]
struct Ordered {
    reset: AtomicBool,
    no_reply: AtomicBool,
    spared: AtomicBool,
}

impl ResetSwitch {
    /// From now on the connection ends in a reset.
    pub fn arm(&self) {
        self.0.reset.store(true, Ordering::Relaxed);
    }

    /// The connection ends in a reset in place of the next reply.
    pub fn cut(&self) {
        self.arm();
        self.0.no_reply.store(true, Ordering::Relaxed);
    }

    /// The connection outlives outages.
    pub fn spare(&self) {
        self.0.spared.store(true, Ordering::Relaxed);
    }

    fn armed(&self) -> bool {
        self.0.reset.load(Ordering::Relaxed)
    }

    fn no_reply(&self) -> bool {
        self.0.no_reply.load(Ordering::Relaxed)
    }

    fn spared(&self) -> bool {
        self.0.spared.load(Ordering::Relaxed)
    }
}

impl Connected<IncomingStream<'_, ResettableListener>> for ResetSwitch {
    fn connect_info(stream: IncomingStream<'_, ResettableListener>) -> Self {
        stream.io().reset.clone()
    }
}

/// Accepts connections that have a switch.
#[derive(Debug)]
pub struct ResettableListener {
    address: SocketAddr,
    /// `None` in an outage.
    listener: Option<TcpListener>,
    outages: Outages,
}

impl ResettableListener {
    /// Accepts what `listener` does, but for `outages`.
    ///
    /// # Errors
    ///
    /// As the system's `getsockname`.
    pub fn new(listener: TcpListener, outages: Outages) -> io::Result<Self> {
        Ok(Self {
            address: listener.local_addr()?,
            listener: Some(listener),
            outages,
        })
    }

    async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let listener = match &mut self.listener {
                Some(listener) => listener,
                empty => empty.insert(listen_again(self.address).await),
            };
            let outage = tokio::select! {
                accepted = Listener::accept(listener) => return accepted,
                outage = self.outages.ordered() => outage,
            };
            self.listener = None;
            let held = bound(self.address);
            let length = outage.begin();
            tokio::time::sleep(length).await;
            self.listener = held.and_then(|held| held.listen(BACKLOG)).ok();
        }
    }
}

async fn listen_again(address: SocketAddr) -> TcpListener {
    loop {
        match bound(address).and_then(|socket| socket.listen(BACKLOG)) {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(BEFORE_ANOTHER_TRY).await,
        }
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // The connections there were may linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Listener for ResettableListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, peer) = self.next().await;
        // Head and body of a cut reply are two writes; without this the second may wait for an ACK.
        let _ = stream.set_nodelay(true);
        let reset = ResetSwitch::default();
        let outage = self.outages.cut();
        let connection = Connection {
            stream,
            reset,
            outage,
        };
        (connection, peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// An accepted connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    reset: ResetSwitch,
    outage: Cut,
}

impl Connection {
    /// Ready when an outage ends it.
    fn poll_outage(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.outage.poll(cx));
            if !self.reset.spared() {
                self.reset.arm();
                return Poll::Ready(io::ErrorKind::ConnectionReset.into());
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.reset.armed() {
            // If the peer is already gone there is nobody to reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(outage) = self.poll_outage(cx) {
            return Poll::Ready(Err(outage));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.reset.no_reply() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.reset.no_reply() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.armed() {
            // A FIN here would tell the peer of an orderly end.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
