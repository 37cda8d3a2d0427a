//! The private Redis Cluster: three masters, and a replica of each.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::failure::{Context, Failure, Result};
use crate::process::LOOK_AGAIN;
use crate::services::redis::{SETTINGS, answers, ask, data_folder};
use crate::services::running::Running;
use crate::services::server::Plan;
use crate::services::user::User;
use crate::services::{binaries, port};
use crate::stop::Stop;

const MASTERS: usize = 3;
const NODES: usize = 2 * MASTERS;
const SLOTS: usize = 16_384;

/// How long the nodes may take until they agree. They need a little more than two seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// A master that does not answer for this many milliseconds is replaced. Its data is sent to a replica at once.
const NODE: [&str; 8] = [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "2000",
    "--cluster-allow-replica-migration",
    "no",
    "--repl-diskless-sync-delay",
    "0",
];

/// Six servers that are one.
pub(crate) struct Cluster {
    nodes: Vec<Box<dyn Running>>,
}

impl Cluster {
    /// Starts the nodes and tells them of each other; they need a while until they agree. `None` where the program is not
    /// installed: the nodes name each other by their ports, which Docker would change.
    pub(crate) fn start(folder: &Path, user: Option<User>, stop: &Stop) -> Result<Option<Self>> {
        let Some(program) = binaries::redis() else { return Ok(None) };
        let name = "Redis Cluster";
        let plan = Plan { name, folder, user, port: port::free_with_bus, answers, end: Signal::TERM };
        let data = data_folder(folder, "redis-cluster", user)?;
        let command = |port: u16| {
            let mut command = plan.command(&program)?;
            command.args(SETTINGS).args(NODE).args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
            command.args(["--cluster-config-file", &format!("nodes-{port}.conf"), "--dir"]).arg(&data);
            Ok(command)
        };
        let nodes = (0..NODES).map(|_| plan.start(command, stop)).collect::<Result<_>>()?;
        let cluster = Self { nodes };
        cluster.introduce().context("cannot make the Redis Cluster")?;
        Ok(Some(cluster))
    }

    /// Waits until every node knows all others, serves all slots and is what it is meant to be.
    pub(crate) fn wait(&mut self, stop: &Stop) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            stop.check()?;
            self.check()?;
            if self.agrees().unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Err(Failure::new(format!("the Redis Cluster did not agree within {} s", PATIENCE.as_secs())))
    }

    /// Fails when a node ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.nodes.iter_mut().try_for_each(|node| node.check())
    }

    /// The address of one node: a client asks it for the others.
    pub(crate) fn url(&self) -> String {
        self.ports().next().map(|port| format!("redis-cluster://127.0.0.1:{port}")).unwrap_or_default()
    }

    fn ports(&self) -> impl Iterator<Item = u16> {
        self.nodes.iter().map(|node| node.port())
    }

    fn introduce(&self) -> std::io::Result<()> {
        for (number, port) in self.ports().enumerate() {
            if number < MASTERS {
                let slots: Vec<String> = (0..SLOTS)
                    .filter(|slot| slot * MASTERS / SLOTS == number)
                    .map(|slot| slot.to_string())
                    .collect();
                let words = ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str));
                ask(port, &words.collect::<Vec<_>>())?;
            }
            // Else two masters would have to settle first which of them is the newer one.
            ask(port, &["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()])?;
        }
        for (number, port) in self.ports().enumerate() {
            for other in self.ports().skip(number + 1) {
                ask(port, &["CLUSTER", "MEET", "127.0.0.1", &other.to_string()])?;
            }
        }
        Ok(())
    }

    fn agrees(&self) -> std::io::Result<bool> {
        let mut agree = true;
        let masters: Vec<String> = self
            .ports()
            .take(MASTERS)
            .map(|port| ask(port, &["CLUSTER", "MYID"]))
            .collect::<Result<_, _>>()?;
        for (port, master) in self.ports().skip(MASTERS).zip(&masters) {
            let replication = ask(port, &["INFO", "replication"])?;
            if replication.contains("role:master") {
                // Refused until the node has heard of its master.
                ask(port, &["CLUSTER", "REPLICATE", master])?;
            }
            agree &= replication.contains("master_link_status:up");
        }
        for port in self.ports() {
            let info = ask(port, &["CLUSTER", "INFO"])?;
            agree &= info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:6");
            agree &= ask(port, &["CLUSTER", "NODES"])?.matches("slave ").count() == MASTERS;
        }
        Ok(agree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::user;

    #[test]
    fn six_nodes_become_one_cluster() {
        if binaries::redis().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let user = user::for_servers().unwrap();
        user::give(folder.path(), user).unwrap();
        let stop = Stop::default();
        let mut cluster = Cluster::start(folder.path(), user, &stop).unwrap().unwrap();
        cluster.wait(&stop).unwrap();
        let slots = ask(cluster.ports().last().unwrap(), &["CLUSTER", "INFO"]).unwrap();
        assert!(slots.contains("cluster_slots_ok:16384"), "{slots}");
    }
}
