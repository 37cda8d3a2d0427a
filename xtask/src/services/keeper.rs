//! The process that owns the servers. It ends when its standard input does, or by a signal, and takes along the
//! servers, their folder, and the tests of a parent that was killed.

use std::fs::Permissions;
use std::io::{BufRead, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::{Context, Result};
use crate::process::{LOOK_AGAIN, end_group};
use crate::services::cluster::Cluster;
use crate::services::{postgres, redis, smtp, user};
use crate::stop::Stop;

/// The hidden command that starts a keeper.
pub(crate) const COMMAND: &str = "keep-services";

/// What the parent says when none of its commands is running.
pub(crate) const NOBODY: u32 = 0;

/// Where the servers answer, and the file for reports of tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// The owner's URL of the PostgreSQL.
    pub(crate) postgres: String,
    /// The URL of the Redis.
    pub(crate) redis: String,
    /// The URL of the mail server.
    pub(crate) smtp: String,
    /// The folder that mails come into.
    pub(crate) mails: String,
    /// The URL of one node of the Redis Cluster; empty where there is none.
    pub(crate) redis_cluster: String,
    /// The file that tests append to.
    pub(crate) report: PathBuf,
}

impl Addresses {
    /// Reads what [`Addresses::write`] wrote; nothing if the keeper ended before.
    pub(crate) fn read(input: impl BufRead) -> Option<Self> {
        let mut lines = input.lines().map_while(Result::ok);
        Some(Self {
            postgres: lines.next()?,
            redis: lines.next()?,
            smtp: lines.next()?,
            mails: lines.next()?,
            redis_cluster: lines.next()?,
            report: lines.next()?.into(),
        })
    }

    fn write(&self, mut output: impl Write) -> std::io::Result<()> {
        let Self { postgres, redis, redis_cluster, smtp, mails, report } = self;
        writeln!(output, "{postgres}\n{redis}\n{smtp}\n{mails}\n{redis_cluster}\n{}", report.display())?;
        output.flush()
    }
}

/// Starts the servers, tells the parent where, and keeps them until it is time to stop.
pub(crate) fn run(stop: &Stop) -> Result<()> {
    let tests = listen(stop.clone());
    let folder = tempfile::Builder::new()
        .prefix("mono-services-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .context("cannot make a folder")?;
    let kept = keep(folder.path(), stop);
    end_group_of_tests(&tests);
    kept.and(folder.close().context("cannot remove the folder of the servers"))
}

fn keep(folder: &Path, stop: &Stop) -> Result<()> {
    let user = user::for_servers()?;
    user::give(folder, user)?;
    // First, for its nodes need a while until they agree.
    let mut cluster = Cluster::start(folder, user, stop)?;
    let mut postgres = postgres::start(folder, user, stop)?;
    let mut redis = redis::start(folder, user, stop)?;
    let (mut smtp, mails) = smtp::start(folder, user, stop)?;
    if let Some(cluster) = &mut cluster {
        cluster.wait(stop)?;
    }
    let addresses = Addresses {
        postgres: format!("postgres://postgres@127.0.0.1:{}/postgres", postgres.port()),
        redis: format!("redis://127.0.0.1:{}", redis.port()),
        redis_cluster: cluster.as_ref().map(Cluster::url).unwrap_or_default(),
        smtp: format!("smtp://127.0.0.1:{}", smtp.port()),
        mails: mails.display().to_string(),
        report: folder.join("report"),
    };
    addresses.write(std::io::stdout().lock()).context("nobody wants the servers any more")?;
    while !stop.requested() {
        postgres.check()?;
        redis.check()?;
        smtp.check()?;
        cluster.as_mut().map_or(Ok(()), Cluster::check)?;
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// Follows what the parent says: the process group of its current command. The end of the pipe is a request to stop.
fn listen(stop: Stop) -> Arc<AtomicU32> {
    let current = Arc::new(AtomicU32::new(NOBODY));
    let shared = Arc::clone(&current);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            shared.store(line.parse().unwrap_or(NOBODY), Ordering::SeqCst);
        }
        stop.request();
    });
    current
}

fn end_group_of_tests(current: &AtomicU32) {
    let group = current.load(Ordering::SeqCst);
    if group != NOBODY {
        end_group(group, || true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_travel_through_the_pipe() {
        let addresses = Addresses {
            postgres: "postgres://x".into(),
            redis: "redis://y".into(),
            smtp: "smtp://v".into(),
            mails: "/z/mails".into(),
            redis_cluster: String::new(),
            report: "/z/report".into(),
        };
        let mut text = Vec::new();
        addresses.write(&mut text).unwrap();
        assert_eq!(Addresses::read(text.as_slice()), Some(addresses));
    }

    #[test]
    fn a_keeper_that_ended_early_gave_no_addresses() {
        assert_eq!(Addresses::read("postgres://x\n".as_bytes()), None);
    }
}
