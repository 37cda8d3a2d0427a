//! A TCP port that is free right now.

use std::net::{Ipv4Addr, TcpListener};

use crate::failure::{Context, Failure, Result};

/// Asks the system for a free port on 127.0.0.1. Somebody may take it before we do: starters try again.
pub(crate) fn free() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr().context("no free port")?.port())
}

/// How far the bus of a node of a Redis Cluster is above its port.
const BUS: u16 = 10_000;

/// A free port below a free port for the bus of a node of a Redis Cluster.
pub(crate) fn free_with_bus() -> Result<u16> {
    for _ in 0..1_000 {
        let port = free()?;
        if port.checked_add(BUS).is_some_and(|bus| TcpListener::bind((Ipv4Addr::LOCALHOST, bus)).is_ok()) {
            return Ok(port);
        }
    }
    Err(Failure::new("no two free ports that are 10000 apart"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_taken() {
        let port = free().unwrap();
        assert_ne!(port, 0);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
