//! Servers in Docker, for machines where the programs are not installed.

use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::output::warn;
use crate::process::{output_of, run};
use crate::services::running::{Running, wait};
use crate::stop::Stop;

/// An image and how to run it.
pub(crate) struct Image {
    /// What the server is called in messages.
    pub(crate) name: &'static str,
    /// Name and version.
    pub(crate) tag: &'static str,
    /// The port inside the container.
    pub(crate) port: u16,
    /// Options of `docker run`.
    pub(crate) options: &'static [&'static str],
    /// Arguments of the server.
    pub(crate) arguments: &'static [&'static str],
}

struct Container {
    name: &'static str,
    id: String,
    port: u16,
}

/// Whether a Docker is running that we may use.
pub(crate) fn is_usable() -> bool {
    let info = Command::new("docker")
        .args(["version", "--format", "{{.Server.Version}}"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    info.is_ok_and(|status| status.success())
}

/// Fetches the image, which may take minutes.
pub(crate) fn pull(image: &Image, stop: &Stop) -> Result<()> {
    run(Command::new("docker").args(["pull", "--quiet", image.tag]), stop)
}

/// Runs the image and waits until it answers.
pub(crate) fn start(image: &Image, answers: fn(u16) -> bool, stop: &Stop) -> Result<Box<dyn Running>> {
    let mut command = Command::new("docker");
    command.args(["run", "--detach", "--rm", "--label=mono-services"]);
    // No host port is named: Docker takes a free one.
    command.arg(format!("--publish=127.0.0.1::{}", image.port)).args(image.options);
    command.arg(image.tag).args(image.arguments);
    let id = output_of(&mut command)?.trim().to_owned();
    let mut container = Container { name: image.name, id, port: 0 };
    let published = output_of(Command::new("docker").args(["port", &container.id, &image.port.to_string()]))?;
    container.port = host_port(&published)
        .ok_or_else(|| Failure::new(format!("cannot read the port in `{}`", published.trim())))?;
    wait(&mut container, answers, stop)?;
    Ok(Box::new(container))
}

fn host_port(published: &str) -> Option<u16> {
    published.lines().next()?.rsplit_once(':')?.1.trim().parse().ok()
}

impl Running for Container {
    fn name(&self) -> &'static str {
        self.name
    }

    fn port(&self) -> u16 {
        self.port
    }

    /// Asking Docker takes too long for a loop; the tests notice a container that has gone.
    fn check(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let removed = output_of(Command::new("docker").args(["rm", "--force", "--volumes", &self.id]));
        if let Err(failure) = removed {
            warn(&format!("xtask: {} is still in Docker as {}: {failure}", self.name, self.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_port_is_read() {
        assert_eq!(host_port("127.0.0.1:49153\n"), Some(49_153));
        assert_eq!(host_port(""), None);
        assert_eq!(host_port("Error: No public port"), None);
    }
}
