//! TLS begins: the handshake of one more layer, through those that are there, within a time.

use decoy::{Secure, Secured};
use evidence::{End, Handshake, HelloReader, Time};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep_until, timeout};

use crate::connection::{Dialogue, Failure, Raw, guarded};
use crate::limits;
use crate::tls::Layer;

/// A handshake under way.
struct Shaking {
    layer: Layer,
    hello: HelloReader,
    /// When the client's first byte came.
    began: Option<Time>,
    /// What came behind the handshake.
    plain: Vec<u8>,
}

impl Dialogue<'_> {
    /// Makes the handshake that the conversation asked for, and reports it.
    pub(crate) async fn secure(&mut self, secure: Secure) -> Result<Option<End>, Failure> {
        let unread = std::mem::take(&mut self.unread);
        let (before, first) = if secure.purge { (unread, Vec::new()) } else { (Vec::new(), unread) };
        let asked_at = self.watch.now();
        let layer = match self.sensor.certificates.layer(&secure.server, asked_at) {
            Ok(layer) => layer,
            Err(error) => {
                tracing::error!(%error, "TLS cannot be offered");
                self.unread = [before, first].concat();
                return Ok(Some(End::Failed));
            }
        };
        let mut shaking = Shaking { layer, hello: HelloReader::default(), began: None, plain: Vec::new() };
        let handshake = self.shake(&mut shaking, first).await;
        let Shaking { layer, hello, began, plain } = shaking;
        if matches!(handshake, Handshake::Done { .. }) {
            self.layers.push(layer);
            self.unread = plain;
        }
        let secured = Secured { at: began.unwrap_or(asked_at), before, hello: hello.into_bytes(), handshake };
        let now = self.watch.now();
        guarded(|| self.conversation.secured(now, secured, &mut self.out)).map(|()| None)
    }

    /// Shakes hands until it is known what became of it.
    async fn shake(&mut self, shaking: &mut Shaking, first: Vec<u8>) -> Handshake {
        let sensor = self.sensor;
        let deadline = Instant::now() + limits::HANDSHAKE_WITHIN;
        let mut bytes = first;
        loop {
            if !bytes.is_empty() {
                shaking.began.get_or_insert(self.watch.now());
                shaking.hello.push(&bytes);
                shaking.plain.extend(shaking.layer.read(&bytes));
                let handshake = shaking.layer.handshake();
                // To bytes that are no TLS a real server has nothing to say, and hangs up.
                if !matches!(handshake, Some(Handshake::Failed(_))) || is_tls(&shaking.hello) {
                    let answer = shaking.layer.write(&[]);
                    let wire = self.layers.seal(answer);
                    match timeout(limits::WRITE_WITHIN, self.stream.write_all(&wire)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return Handshake::Left,
                        Err(_) => return Handshake::Late,
                    }
                }
                if let Some(handshake) = handshake {
                    return handshake;
                }
            }
            bytes = tokio::select! {
                read = self.read_raw() => match read {
                    Raw::Bytes(bytes) => bytes,
                    Raw::End | Raw::Reset => return Handshake::Left,
                },
                () = sleep_until(deadline) => return Handshake::Late,
                () = sensor.stop.cancelled() => return Handshake::Stopped,
            };
        }
    }
}

/// Whether what came first is a TLS record.
fn is_tls(hello: &HelloReader) -> bool {
    matches!(hello.bytes(), [0x14..=0x17, 3, ..])
}
