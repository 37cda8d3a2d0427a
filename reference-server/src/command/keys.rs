//! `mono keys`

use crate::boot::{open_without_key, with_audit_keys};
use crate::config::Config;
use crate::master_key;
use clap::Subcommand;
use mono_auth::{KeyRing, Purpose};
use mono_core::caller::{Caller, SystemReason};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::db::Database;
use mono_storage::store::SealedColumn;
use std::collections::BTreeMap;

/// How long what an older version has signed may still be shown: as long as a session lives.
const SHOWN_HOURS: i64 = 24;

#[derive(Debug, Subcommand)]
pub(super) enum KeysAction {
    /// List the versions of the master key, and what still needs each.
    List,
    /// Add a version. It signs and seals from the next start of each server on; the older ones verify and open.
    Rotate,
    /// Seal again with the newest version what older ones have sealed. May be stopped and begun again at any moment.
    Reencrypt,
    /// Take away an older version that nothing needs any more. Every server was started again since the rotation: what
    /// one that was not seals from now on, nobody can open.
    Remove {
        /// The number of the version, as `mono keys list` shows it.
        version: u32,
    },
}

pub(super) async fn run(config: &Config, action: &KeysAction) -> Result<(), Error> {
    let ring = master_key::require(config)?;
    let database = with_audit_keys(open_without_key(config).await?, &ring)?;
    let result = match master_key::require_known(config, &database, &ring).await {
        Ok(()) => work(config, action, &database, &ring).await,
        Err(error) => Err(error),
    };
    database.close().await;
    result
}

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
async fn work(
    config: &Config,
    action: &KeysAction,
    database: &Database,
    ring: &KeyRing,
) -> Result<(), Error> {
    match action {
        KeysAction::List => {
            for (version, needs) in needs(database, ring).await? {
                let role = if version == ring.newest() { "signs and seals" } else { "verifies and opens" };
                println!("version {version}: {role}; {needs}");
            }
        }
        KeysAction::Rotate => {
            let version = master_key::rotate(config, database.random())?;
            let old = ring.newest();
            println!(
                "Version {version} of the master key was added. Start every server again now: a server that"
            );
            println!(
                "was not goes on signing and sealing with version {old}, and refuses what version {version} signs."
            );
            println!("What version {old} has signed stays good until it ends.");
        }
        KeysAction::Reencrypt => {
            followed(database, ring).await?;
            let done = ring.reencrypt(database).await?;
            println!("{} secrets were sealed again with version {}.", done.sealed, ring.newest());
            if !done.unreadable.is_empty() {
                let places = done.unreadable.join(", ");
                let message = format!("these cannot be read with any version and stay as they are: {places}");
                return Err(Error::new(ErrorKind::Conflict, "sealed_unreadable", message));
            }
        }
        KeysAction::Remove { version } => {
            require_removable(database, ring, *version).await?;
            let system = Caller::system(SystemReason::Keys);
            let mut tx = database.platform(&system).write().await?;
            tx.master_keys().remove(*version).await?;
            tx.commit().await?;
            master_key::remove(config, *version)?;
            println!("Version {version} of the master key was removed. Start every server again.");
        }
    }
    Ok(())
}

/// What still needs a version of the master key.
#[derive(Default)]
struct Needs {
    /// Entries of the audit logs, and marks of what was pruned from them.
    audit_entries: i64,
    /// API keys that work and were last used before the version was followed by another.
    api_keys: i64,
    /// Secrets that it has sealed.
    sealed: i64,
}

impl std::fmt::Display for Needs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { audit_entries, api_keys, sealed } = self;
        write!(f, "{audit_entries} audit entries, {api_keys} API keys and {sealed} sealed secrets need it")
    }
}

/// What needs each version, the newest first.
async fn needs(database: &Database, ring: &KeyRing) -> Result<BTreeMap<u32, Needs>, Error> {
    let system = Caller::system(SystemReason::Keys);
    let mut tx = database.platform(&system).read().await?;
    let mut needs: BTreeMap<u32, Needs> = BTreeMap::new();
    for (version, (name, _)) in ring.versions().zip(ring.derive_all(Purpose::ApiKey)?) {
        let api_keys = tx.api_keys().count_hashed(&format!("{name}:")).await?;
        let mut sealed = 0;
        for column in SealedColumn::ALL {
            sealed += tx.sealed(*column).count(version).await?;
        }
        needs.insert(version, Needs { api_keys, sealed, audit_entries: 0 });
    }
    let tenants = tx.tenants().all().await?;
    for log in std::iter::once(None).chain(tenants.iter().map(|tenant| Some(tenant.id))) {
        let report = tx.verify_audit(log).await?;
        if let Some(broken) = report.broken {
            let message = format!("an audit log is not whole, so nobody can say which key made it: {broken}");
            return Err(Error::new(ErrorKind::Conflict, "audit_broken", message));
        }
        for (version, entries) in ring.versions().zip(report.by_key) {
            needs.entry(version).or_default().audit_entries += entries;
        }
    }
    Ok(needs)
}

/// Refuses to take away what something needs.
async fn require_removable(database: &Database, ring: &KeyRing, version: u32) -> Result<(), Error> {
    let refuse = |code: &'static str, message: String| Err(Error::new(ErrorKind::Conflict, code, message));
    if version == ring.newest() {
        return refuse("key_in_use", format!("version {version} signs and seals: rotate first"));
    }
    let Some(needs) = needs(database, ring).await?.remove(&version) else {
        return refuse("key_unknown", format!("there is no version {version} of the master key"));
    };
    if needs.audit_entries + needs.api_keys + needs.sealed > 0 {
        let hint = "`mono audit prune` removes old entries, an API key is hashed anew when it is used, and \
                    `mono keys reencrypt` seals secrets again";
        return refuse("key_in_use", format!("version {version} cannot be removed: {needs} ({hint})"));
    }
    let earliest = followed(database, ring).await? + chrono::TimeDelta::hours(SHOWN_HOURS);
    if earliest > database.now() {
        let earliest = earliest.format("%Y-%m-%d %H:%M");
        return refuse(
            "key_in_use",
            format!("sessions that version {version} has signed may last until {earliest} UTC"),
        );
    }
    Ok(())
}

/// Since when the newest version signs and seals; refuses where no server was started with it yet.
async fn followed(database: &Database, ring: &KeyRing) -> Result<Timestamp, Error> {
    let system = Caller::system(SystemReason::Keys);
    let known = database.platform(&system).read().await?.master_keys().list().await?;
    let newest = known.iter().find(|key| key.version == ring.newest()).map(|key| key.created_at);
    newest.ok_or_else(|| {
        let message = format!("no server was started with version {} yet", ring.newest());
        Error::new(ErrorKind::Conflict, "key_in_use", message)
    })
}
