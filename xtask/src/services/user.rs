//! The user that runs the servers: PostgreSQL refuses to run as root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::failure::{Context, Failure, Result};
use crate::process::output_of;

/// A user and its group, by number.
#[derive(Clone, Copy)]
pub(crate) struct User {
    user: u32,
    group: u32,
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Another user when we are root; nobody else otherwise.
pub(crate) fn for_servers() -> Result<Option<User>> {
    if !is_root() {
        return Ok(None);
    }
    let user = ["postgres", "nobody"].into_iter().find_map(lookup);
    user.map(Some).ok_or_else(|| Failure::setup("neither the user `postgres` nor `nobody` exists"))
}

/// Runs the command as the user.
pub(crate) fn run_as(command: &mut Command, user: Option<User>) {
    if let Some(User { user, group }) = user {
        command.uid(user).gid(group);
    }
}

/// Makes the user the owner of the folder.
pub(crate) fn give(folder: &Path, user: Option<User>) -> Result<()> {
    let Some(User { user, group }) = user else { return Ok(()) };
    std::os::unix::fs::chown(folder, Some(user), Some(group))
        .context(format_args!("cannot give {} away", folder.display()))
}

fn lookup(name: &str) -> Option<User> {
    let id = |option| {
        let text = output_of(Command::new("id").args([option, name])).ok()?;
        text.trim().parse().ok()
    };
    Some(User { user: id("-u")?, group: id("-g")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        assert_eq!(lookup("root").map(|root| root.user), Some(0));
        assert!(lookup("no-such-user").is_none());
    }
}
