//! Backups for tests: an installation to copy, and empty places to bring a copy back to.

use super::program::{Serving, mono, postgres};
use mono_client::Client;
use mono_core::api::auth::LoginRequest;
use mono_core::id::Random as _;
use mono_storage::backup::Manifest;
use mono_storage::db::DatabaseOptions;
use mono_storage::system::SystemRandom;
use mono_storage::testkit::TestDatabase;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use tempfile::TempDir;

pub(super) const PASSWORD: &str = "a right horse, 4 the Battery";

/// A data folder, and a database on PostgreSQL where it is not in the folder.
pub(super) struct Place {
    folder: TempDir,
    database: Option<(String, String)>,
    /// Where its servers meet.
    pub(super) redis: Option<String>,
    /// Keeps the database until the test ends.
    pub(super) test: Option<TestDatabase>,
}

impl Place {
    /// One place in each kind of database that there is.
    pub(super) async fn all() -> Vec<Self> {
        let folder = || tempfile::tempdir().unwrap();
        let embedded = Self { folder: folder(), database: None, redis: None, test: None };
        let server = postgres().await.map(|test| Self {
            folder: folder(),
            database: Some((test.url.clone(), test.owner_url.clone().unwrap())),
            redis: None,
            test: Some(test),
        });
        [Some(embedded), server].into_iter().flatten().collect()
    }

    /// An empty place of the same kind, with the same master key. On PostgreSQL its owner is no superuser, and its logins
    /// are yet to be made.
    pub(super) async fn empty(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("root.key");
        std::fs::copy(self.path("root.key"), key).unwrap();
        let Some(test) = &self.test else { return Self { folder, database: None, redis: None, test: None } };
        let mut bytes = [0_u8; 8];
        SystemRandom.fill(&mut bytes);
        let name = format!("mono_test_{:016x}", u64::from_be_bytes(bytes));
        test.as_owner(&format!("CREATE ROLE {name}_owner LOGIN CREATEROLE PASSWORD 'p'")).await;
        test.as_owner(&format!("CREATE DATABASE {name} OWNER {name}_owner")).await;
        let host = test.owner_url.as_deref().unwrap().rsplit('@').next().unwrap();
        let host = host.split('/').next().unwrap();
        let url = |login: &str, password: &str| format!("postgres://{login}:{password}@{host}/{name}");
        let database = (url(&name, "p%27w%40x"), url(&format!("{name}_owner"), "p"));
        Self { folder, database: Some(database), redis: None, test: None }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn options(&self) -> DatabaseOptions {
        let embedded = format!("sqlite:{}", self.path("mono.db").display());
        DatabaseOptions::parse(self.database.as_ref().map_or(&embedded, |(url, _)| url)).unwrap()
    }

    /// What shows that a restore is at work here: on SQLite that its draft is there, on PostgreSQL the psql that it has
    /// started.
    pub(super) fn at_work(&self, restore: &Child) -> Option<String> {
        if self.is_embedded() {
            return self.path("mono.db.restoring").exists().then(String::new);
        }
        let parent = restore.id().to_string();
        let children = Command::new("pgrep").args(["-P", &parent, "psql"]).output().unwrap();
        let found = String::from_utf8(children.stdout).unwrap().trim().to_owned();
        (!found.is_empty()).then_some(found)
    }

    /// What lies in the data folder.
    pub(super) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    pub(super) fn is_embedded(&self) -> bool {
        self.database.is_none()
    }

    /// The program in this place.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mono(self.folder.path());
        command.args(arguments).env("MONO_RATE_LIMITS", "off");
        command.env("MONO_PUBLIC_URL", "http://127.0.0.1:8080").env("MONO_DEMO_PASSWORD", PASSWORD);
        if let Some((url, owner)) = &self.database {
            command.env("MONO_DATABASE_URL", url).env("MONO_DATABASE_OWNER_URL", owner);
        }
        if let Some(redis) = &self.redis {
            command.env("MONO_REDIS_URL", redis);
        }
        command
    }

    /// Runs the program to its end: whether it was content, and what it said.
    pub(super) fn run(&self, arguments: &[&str]) -> (bool, String) {
        said(self.command(arguments))
    }

    /// As [`run`](Self::run), for what has to succeed.
    pub(super) fn succeed(&self, arguments: &[&str]) -> String {
        let (content, said) = self.run(arguments);
        assert!(content, "{arguments:?}: {said}");
        said
    }

    /// As [`run`](Self::run), for what has to fail.
    pub(super) fn fail(&self, arguments: &[&str]) -> String {
        let (content, said) = self.run(arguments);
        assert!(!content, "{arguments:?}: {said}");
        said
    }

    pub(super) fn serve(&self) -> Serving {
        Serving::start(&mut self.command(&[]), false)
    }

    /// An installation with its demo, that runs no more.
    pub(super) fn install(&self) {
        assert_eq!(self.serve().stop().0, Some(0));
    }

    pub(super) fn back_up(&self, folder: &Path) -> Manifest {
        self.succeed(&["backup", "--to", folder.to_str().unwrap()]);
        manifest(folder)
    }
}

/// Whether a process runs; none has no number. One that has ended may wait for a parent that asks how.
pub(super) fn is_alive(process: &str) -> bool {
    let state = std::fs::read_to_string(Path::new("/proc").join(process).join("stat"));
    !process.is_empty() && state.is_ok_and(|state| !state.contains(") Z "))
}

pub(super) fn said(mut command: impl std::borrow::BorrowMut<Command>) -> (bool, String) {
    let output = command.borrow_mut().output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

pub(super) fn manifest(backup: &Path) -> Manifest {
    serde_json::from_str(&std::fs::read_to_string(backup.join("manifest.json")).unwrap()).unwrap()
}

/// The file of a backup that holds the database.
pub(super) fn data(backup: &Path) -> PathBuf {
    backup.join(&manifest(backup).files[0].name)
}

/// A copy of a backup, to be spoilt.
pub(super) fn copied(backup: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(backup).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Changes the manifest of a backup as somebody would who knows how it is hashed.
pub(super) fn change(backup: &Path, change: impl FnOnce(&mut Manifest)) {
    let mut manifest = manifest(backup);
    change(&mut manifest);
    let text = serde_json::to_vec(&manifest).unwrap();
    let hash = Sha256::digest(&text).iter().fold(String::new(), |mut hash, byte| {
        write!(hash, "{byte:02x}").unwrap();
        hash
    });
    std::fs::write(backup.join("manifest.json"), text).unwrap();
    let file = &manifest.files[0];
    let sums = format!("{}  {}\n{hash}  manifest.json\n", file.sha256, file.name);
    std::fs::write(backup.join("SHA256SUMS"), sums).unwrap();
}

pub(super) fn client(server: &Serving) -> Client {
    Client::builder(format!("http://{}", server.address())).build().unwrap()
}

/// A person of the demo, signed in.
pub(super) async fn sign_in(server: &Serving, email: &str) -> Client {
    let client = client(server);
    client.auth().login(&LoginRequest::new(email, PASSWORD)).await.unwrap();
    client
}
