//! TCP accept loop: permits, limits per address, back-off, shutdown.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::TerminalSettings;
use crate::telemetry::name;

/// Connections that may wait to be accepted: a fleet that reconnects after an outage comes all at once.
const BACKLOG: i32 = 4096;
/// First pause after a failed accept; doubles up to the setting.
const ACCEPT_PAUSE_FIRST: Duration = Duration::from_millis(10);

/// Binds a TCP listener with a long backlog.
///
/// # Errors
/// What the operating system says: address in use, not ours, not allowed.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Open connections, in all and by address.
#[derive(Debug, Default)]
struct Counts {
    all: u64,
    by_address: HashMap<IpAddr, u64>,
}

/// Gives permits to connections.
#[derive(Clone, Debug)]
pub(super) struct Permits {
    counts: Arc<Mutex<Counts>>,
    all_max: u64,
    per_address_max: u64,
}

/// The right to hold one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    counts: Arc<Mutex<Counts>>,
    address: IpAddr,
}

impl Permits {
    /// Permits up to the limits of the settings.
    pub(super) fn new(settings: &TerminalSettings) -> Self {
        Self {
            counts: Arc::default(),
            all_max: settings.connections_max,
            per_address_max: settings.connections_per_address_max,
        }
    }

    /// A permit, or the name of the limit that refuses it.
    ///
    /// # Errors
    /// The limit's name, for the metric.
    pub(super) fn take(&self, address: IpAddr) -> Result<Permit, &'static str> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.all_max {
            return Err("connections");
        }
        let here = counts.by_address.entry(address).or_default();
        if *here >= self.per_address_max {
            return Err("connections_per_address");
        }
        *here += 1;
        counts.all += 1;
        drop(counts);
        metrics::gauge!(name::CONNECTIONS).increment(1.0);
        Ok(Permit {
            counts: Arc::clone(&self.counts),
            address,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
        drop(counts);
        metrics::gauge!(name::CONNECTIONS).decrement(1.0);
    }
}

/// Accepts connections until `shutdown`, each handed to `serve` in a task of its own.
pub(super) async fn accept<F, S>(
    listener: TcpListener,
    permits: Permits,
    pause_max: Duration,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    serve: S,
) where
    S: Fn(TcpStream, SocketAddr, Permit) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut pause = ACCEPT_PAUSE_FIRST;
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = ACCEPT_PAUSE_FIRST;
                match permits.take(peer.ip()) {
                    Ok(permit) => {
                        tasks.spawn(serve(stream, peer, permit));
                    }
                    Err(limit) => {
                        metrics::counter!(name::LIMIT_HITS, "limit" => limit).increment(1);
                    }
                }
            }
            Err(error) => {
                // Out of file descriptors, mostly: others must close before this can go on.
                tracing::warn!(%error, pause_ms = pause.as_millis(), "accept failed");
                metrics::counter!(name::LIMIT_HITS, "limit" => "accept").increment(1);
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(pause_max);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_comes_back_when_its_connection_ends() {
        let permits = Permits {
            counts: Arc::default(),
            all_max: 2,
            per_address_max: 1,
        };
        let here = IpAddr::from([127, 0, 0, 1]);
        let there = IpAddr::from([127, 0, 0, 2]);
        let first = permits.take(here).unwrap();
        assert_eq!(permits.take(here).unwrap_err(), "connections_per_address");
        let _second = permits.take(there).unwrap();
        assert_eq!(
            permits.take(IpAddr::from([127, 0, 0, 3])).unwrap_err(),
            "connections"
        );
        drop(first);
        permits.take(here).unwrap();
    }
}
