//! Injected outages: for a while nobody listens, and every connection but the one it was ordered on is
//! reset.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};

/// What `PUT /outage` takes.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// How long it lasts, in milliseconds.
    pub for_ms: u64,
}

/// Where outages are ordered and carried out.
#[derive(Debug, Clone)]
pub struct Outages {
    orders: mpsc::UnboundedSender<Outage>,
    queue: Arc<Mutex<mpsc::UnboundedReceiver<Outage>>>,
    cut: Arc<Notify>,
}

impl Default for Outages {
    fn default() -> Self {
        let (orders, queue) = mpsc::unbounded_channel();
        Self {
            orders,
            queue: Arc::new(Mutex::new(queue)),
            cut: Arc::default(),
        }
    }
}

impl Outages {
    /// Orders an outage; ready when it has begun.
    pub async fn order(&self, order: Order) {
        let (begun, wait) = oneshot::channel();
        let outage = Outage {
            length: Duration::from_millis(order.for_ms),
            begun,
            cut: Arc::clone(&self.cut),
        };
        // An error is the end of the service, which is an outage too.
        if self.orders.send(outage).is_ok() {
            let _ = wait.await;
        }
    }

    /// Ready when one is ordered.
    pub async fn ordered(&self) -> Outage {
        // This side keeps a sender, so the queue never closes.
        match self.queue.lock().await.recv().await {
            Some(outage) => outage,
            None => std::future::pending().await,
        }
    }

    /// For a new connection: tells of outages that begin from now on.
    pub fn cut(&self) -> Cut {
        Cut {
            notify: Arc::clone(&self.cut),
            next: Box::pin(Arc::clone(&self.cut).notified_owned()),
        }
    }
}

/// An outage that is ordered.
#[derive(Debug)]
pub struct Outage {
    length: Duration,
    begun: oneshot::Sender<()>,
    cut: Arc<Notify>,
}

impl Outage {
    /// Ends the connections and tells whoever ordered it. How long it lasts.
    pub fn begin(self) -> Duration {
        self.cut.notify_waiters();
        let _ = self.begun.send(());
        self.length
    }
}

/// A connection's ear for outages.
#[derive(Debug)]
pub struct Cut {
    notify: Arc<Notify>,
    next: Pin<Box<OwnedNotified>>,
}

impl Cut {
    /// Ready once for each outage.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let cut = self.next.as_mut().poll(cx);
        if cut.is_ready() {
            self.next = Box::pin(Arc::clone(&self.notify).notified_owned());
        }
        cut
    }
}
