//! Servers of Redis that belong to one test, which may kill and stop them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);

/// A Redis of its own for one test, without anything on disk. It ends with the value.
pub struct RedisServer {
    port: u16,
    child: Child,
    arguments: Vec<String>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server, or `None` where the program `redis-server` is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// As [`start`](Self::start), with further arguments: `["--maxmemory", "2mb"]`.
    ///
    /// # Panics
    /// Where the program is there and does not start.
    pub fn start_with(arguments: &[&str]) -> Option<Self> {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>();
        // Another process may take the port that was free a moment ago.
        for _ in 0..5 {
            let (port, folder) = (free_port(), tempfile::tempdir().expect("a temporary folder"));
            let child = spawn(port, &arguments, &folder)?;
            let mut server = Self { port, child, arguments: arguments.clone(), folder };
            if server.wait() {
                return Some(server);
            }
        }
        panic!("redis-server does not start");
    }

    /// The port on the loopback address.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends the process without warning. Asking again does nothing.
    pub fn kill(&mut self) {
        // A process that is stopped takes this signal too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts the process again on the same port, empty.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port, &self.arguments, &self.folder).expect("redis-server is installed");
        assert!(self.wait(), "redis-server starts again");
    }

    /// Stops the process where it stands: connections stay open, and nothing answers.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a stopped process go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Runs a command by `redis-cli` and gives its answer.
    ///
    /// # Panics
    /// Where the server refuses it.
    pub fn command(&self, words: &[&str]) -> String {
        let port = self.port.to_string();
        let output = Command::new("redis-cli")
            .args(["-p", &port, "-e"])
            .args(words)
            .output()
            .expect("redis-cli is installed with redis-server");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Whether every slot is served, and a replica has what its master has: another cannot take over.
    fn is_in_cluster(&self) -> bool {
        self.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
            && !self.command(&["INFO", "replication"]).contains("master_link_status:down")
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success(), "the server is there");
    }

    /// Whether the server answers before it ends or the time is over.
    fn wait(&mut self) -> bool {
        let end = Instant::now() + START;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            if answers(self.port).unwrap_or(false) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three masters and three replicas of their own for one test.
pub struct RedisCluster {
    /// The servers: the masters first.
    pub servers: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a cluster, or `None` where the program `redis-server` is not installed.
    ///
    /// # Panics
    /// Where the servers do not become a cluster.
    pub fn start() -> Option<Self> {
        let arguments =
            ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0"];
        let servers = (0..6).map(|_| RedisServer::start_with(&arguments)).collect::<Option<Vec<_>>>()?;
        let addresses = servers.iter().map(|server| format!("127.0.0.1:{}", server.port()));
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .output()
            .expect("redis-cli is installed with redis-server");
        assert!(created.status.success(), "a cluster: {}", String::from_utf8_lossy(&created.stdout));
        let cluster = Self { servers };
        let end = Instant::now() + START;
        while !cluster.servers.iter().all(RedisServer::is_in_cluster) {
            assert!(Instant::now() < end, "the servers become a cluster");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(cluster)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let hosts = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port()));
        format!("redis-cluster://{}", hosts.collect::<Vec<_>>().join(","))
    }
}

fn spawn(port: u16, arguments: &[String], folder: &TempDir) -> Option<Child> {
    let child = Command::new("redis-server")
        .args([
            "--save",
            "",
            "--appendonly",
            "no",
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--dir",
        ])
        .arg(folder.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match child {
        Ok(child) => Some(child),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            #[expect(
                clippy::print_stderr,
                reason = "a person who runs one test by hand sees what was left out"
            )]
            {
                eprintln!("left out: the program redis-server is not installed");
            }
            None
        }
        Err(error) => panic!("redis-server: {error}"),
    }
}

/// A port that is free, and whose partner for the bus of a cluster is a port as well.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        if let Some(bus) = port.checked_add(10_000)
            && TcpListener::bind((Ipv4Addr::LOCALHOST, bus)).is_ok()
        {
            return port;
        }
    }
}

fn answers(port: u16) -> std::io::Result<bool> {
    const SECOND: Duration = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SECOND)?;
    stream.set_read_timeout(Some(SECOND))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG\r\n")
}
