//! What is published, heard through a connection of its own.

use super::Shared;
use redis::aio::MultiplexedConnection;
use redis::{Msg, PushInfo, PushKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long a subscription may hear nothing before its connection counts as lost. Whoever subscribes publishes a sign of
/// life every second.
const SILENCE: Duration = Duration::from_secs(3);

/// The pause between two attempts to listen.
const PAUSE: Duration = Duration::from_millis(100);

/// What a subscriber hears.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The subscription stands, for the first time or again: what was published before may be missed.
    Listening,
    /// What was published.
    Message(Vec<u8>),
    /// The connection is lost: what is published from now on may be missed.
    Lost,
}

/// A subscription to one channel.
pub(crate) struct Subscription {
    shared: Arc<Shared>,
    channel: String,
    open: Option<(MultiplexedConnection, UnboundedReceiver<PushInfo>)>,
}

impl Subscription {
    pub(super) const fn new(shared: Arc<Shared>, channel: String) -> Self {
        Self { shared, channel, open: None }
    }

    /// Waits for what comes next, for as long as it takes. To be cancelled only where the subscription is then dropped.
    pub(crate) async fn next(&mut self) -> Heard {
        let Some((_, heard)) = &mut self.open else {
            self.listen().await;
            return Heard::Listening;
        };
        loop {
            match tokio::time::timeout(SILENCE, heard.recv()).await {
                Ok(Some(push)) if push.kind == PushKind::Message => {
                    if let Some(message) = Msg::from_push_info(push) {
                        return Heard::Message(message.get_payload_bytes().to_vec());
                    }
                }
                Ok(Some(push)) if push.kind != PushKind::Disconnection => {}
                _ => break,
            }
        }
        self.open = None;
        Heard::Lost
    }

    async fn listen(&mut self) {
        loop {
            let (sender, receiver) = unbounded_channel();
            match self.shared.target.listen(&self.channel, sender).await {
                Ok(connection) => {
                    self.open = Some((connection, receiver));
                    return;
                }
                Err(error) => tracing::debug!("cannot listen to Redis: {error}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
