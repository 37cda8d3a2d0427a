//! The master key: the wrong one stops the start, and another version goes on where the old one ended.

use super::program::{Serving, mono, postgres, run};
use mono_auth::{KeyRing, Purpose};
use mono_client::Client;
use mono_core::api::accounts::ListAccounts;
use mono_core::api::api_keys::CreateApiKey;
use mono_core::api::auth::{LoginAnswer, LoginRequest};
use mono_core::api::second_factor::SecondFactorLogin;
use mono_core::caller::{Caller, SystemReason};
use mono_core::time::Clock;
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::platform_sql;
use mono_storage::system::SystemClock;
use mono_storage::testkit::TestDatabase;
use secrecy::ExposeSecret;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use totp_rs::{Builder, Secret};

const OTHER: &str = "b7f0c1d2e3a4958677889900aabbccddeeff00112233445566778899aabbccdd";

fn with(folder: &Path, database: Option<&TestDatabase>) -> Command {
    let mut command = mono(folder);
    if let Some(database) = database {
        command.env("MONO_DATABASE_URL", &database.url);
        command.env("MONO_DATABASE_OWNER_URL", database.owner_url.as_deref().unwrap());
    }
    command
}

fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(output.stdout.is_empty() && !told.contains(OTHER) && !told.contains(&OTHER[..16]), "{told}");
    told
}

fn keys(folder: &Path, database: Option<&TestDatabase>, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = with(folder, database);
    command.arg("keys").args(arguments);
    let output = run(command);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn client(server: &Serving) -> Client {
    Client::builder(format!("http://{}", server.address())).build().unwrap()
}

async fn lists(server: &Serving, credential: &str) {
    let client = client(server).with_token(credential);
    client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_missing_master_key_stops_the_start() {
    for database in [None, postgres().await] {
        let (folder, database) = (tempfile::tempdir().unwrap(), database.as_ref());
        assert_eq!(Serving::start(&mut with(folder.path(), database), true).stop().0, Some(0));
        let file = folder.path().join("root.key");
        let key = std::fs::read_to_string(&file).unwrap();

        let told = refused(with(folder.path(), database).env("MONO_MASTER_KEY", OTHER));
        assert!(told.contains("version 1 of the master key is not the one"), "{told}");
        assert!(told.contains("mend MONO_MASTER_KEY;"), "{told}");
        let told = refused(with(folder.path(), database).env("MONO_MASTER_KEY", format!("2:{OTHER}")));
        assert!(told.contains("version 1 of the master key is missing"), "{told}");
        let told = refused(with(folder.path(), database).env("MONO_MASTER_KEY", "hunter2"));
        assert!(told.contains("MONO_MASTER_KEY does not hold a key") && !told.contains("hunter2"), "{told}");
        let both = [("MONO_MASTER_KEY", OTHER), ("MONO_MASTER_KEY_FILE", "/nowhere")];
        assert!(refused(with(folder.path(), database).envs(both)).contains("not both"));

        std::fs::remove_file(&file).unwrap();
        let told = refused(&mut with(folder.path(), database));
        assert!(told.contains("is missing: put it back into") && told.contains("root.key"), "{told}");
        assert!(!file.exists(), "no new key is made for a database that knows one");

        let elsewhere = folder.path().join("kept.key");
        std::fs::write(&elsewhere, &key).unwrap();
        let named = elsewhere.to_str().unwrap();
        std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(
            refused(with(folder.path(), database).env("MONO_MASTER_KEY_FILE", named)).contains("chmod 600")
        );
        std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o600)).unwrap();
        for (name, value) in [("MONO_MASTER_KEY_FILE", named), ("MONO_MASTER_KEY", key.as_str())] {
            let mut command = with(folder.path(), database);
            assert_eq!(Serving::start(command.env(name, value), true).stop().0, Some(0), "{name}");
        }
        let mut rotate = with(folder.path(), database);
        let told = refused(rotate.args(["keys", "rotate"]).env("MONO_MASTER_KEY", &key));
        assert!(told.contains("openssl rand -hex 32") && !told.contains(key.trim()), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_signs_nobody_out() {
    for database in [None, postgres().await] {
        let (folder, database) = (tempfile::tempdir().unwrap(), database.as_ref());
        let server = Serving::start(&mut with(folder.path(), database), true);
        let login = LoginRequest::new("tom@harbour.example", server.password());
        let before = client(&server);
        let token = before.auth().login(&login).await.unwrap().access_token;
        let wanted = |name: &str| CreateApiKey {
            name: name.into(),
            scopes: vec!["tenant.accounts.read".into()],
            ..Default::default()
        };
        let used = before.tenant().api_keys().create(&wanted("used")).await.unwrap();
        let unused = before.tenant().api_keys().create(&wanted("unused")).await.unwrap();
        assert_eq!(keys(folder.path(), database, &["remove", "1"]).0, Some(1), "it is the only one");
        let (code, said) = keys(folder.path(), database, &["rotate"]);
        assert!(code == Some(0) && said.contains("Version 2") && said.contains("Start every server again"));
        lists(&server, &token).await;
        assert_eq!(server.stop().0, Some(0));

        let server = Serving::start(&mut with(folder.path(), database), true);
        lists(&server, &token).await;
        lists(&server, &used.key).await;
        let after = client(&server);
        let fresh = after.auth().login(&login).await.unwrap().access_token;
        lists(&server, &fresh).await;
        assert_eq!(server.stop().0, Some(0));

        let mut verify = with(folder.path(), database);
        verify.args(["audit", "verify"]);
        let output = run(verify);
        assert!(output.status.success(), "entries of both versions: {output:?}");
        let (code, said) = keys(folder.path(), database, &["list"]);
        assert_eq!(code, Some(0), "{said}");
        let line = |version: &str| said.lines().find(|line| line.starts_with(version)).unwrap().to_owned();
        assert!(line("version 1").contains("verifies and opens"), "{said}");
        assert!(line("version 1").contains("1 API keys"), "the one that was not used since: {said}");
        assert!(line("version 2").contains("signs and seals") && line("version 2").contains("1 API keys"));
        for (version, told) in
            [("1", "version 1 cannot be removed"), ("2", "rotate first"), ("3", "there is no version 3")]
        {
            let (code, said) = keys(folder.path(), database, &["remove", version]);
            assert!(code == Some(1) && said.contains(told), "{said}");
        }
        let server = Serving::start(&mut with(folder.path(), database), true);
        lists(&server, &unused.key).await;
    }
}

/// What the database has after a day, without its old audit entries.
async fn let_a_day_pass(folder: &Path, database: Option<&TestDatabase>) {
    let file = std::fs::read_to_string(folder.join("root.key")).unwrap();
    let byte = |text: &str, at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    let versions = file.lines().map(|line| {
        let (version, key) = line.split_once(':').unwrap();
        (version.parse().unwrap(), (0..key.len()).step_by(2).map(|at| byte(key, at)).collect())
    });
    let ring = KeyRing::of_versions(versions).unwrap();
    let keys = ring.derive_all(Purpose::Audit).unwrap();
    let [newest, older] = [&keys[0], &keys[1]].map(|(_, key)| key.expose_secret());
    let embedded = DatabaseOptions::parse(&format!("sqlite:{}", folder.join("mono.db").display())).unwrap();
    let options = database.map_or(&embedded, |database| &database.options);
    let open = Database::connect(options).await.unwrap().with_audit_keys(newest, &[older]).unwrap();
    let system = Caller::system(SystemReason::Keys);
    let tenants = open.platform(&system).read().await.unwrap().tenants().all().await.unwrap();
    let owner = database.and_then(|database| database.owner_url.as_deref());
    for log in std::iter::once(None).chain(tenants.iter().map(|tenant| Some(tenant.id))) {
        open.prune_audit(owner, log, open.now()).await.unwrap();
    }
    let mut tx = open.platform(&system).write().await.unwrap();
    let earlier = open.now() - Duration::from_hours(25);
    let known = tx.master_keys().list().await.unwrap().remove(1).check_value;
    tx.master_keys().remove(2).await.unwrap();
    let moved = platform_sql!(
        tx,
        "INSERT INTO master_keys (version, check_value, created_at) VALUES (2, $1, $2)",
        known,
        earlier
    );
    moved.execute().await.unwrap();
    tx.commit().await.unwrap();
    open.close().await;
}

/// The code that an authenticator with this secret shows in a number of steps from now.
pub(super) fn code(secret: &str, steps: u64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    let now = u64::try_from(SystemClock.now().timestamp()).unwrap();
    totp.generate(now + 30 * steps).to_string()
}

async fn signs_in(server: &Serving, login: &LoginRequest, code: String) {
    let client = client(server);
    let LoginAnswer::SecondFactor(asked) = client.auth().begin(login).await.unwrap() else {
        panic!("the second factor was not asked for");
    };
    let shown = SecondFactorLogin { challenge: asked.challenge, code, cookies: false };
    client.auth().second_factor(&shown).await.unwrap();
    client.user().profile().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_removed_once_nothing_needs_it() {
    for database in [None, postgres().await] {
        let (folder, database) = (tempfile::tempdir().unwrap(), database.as_ref());
        let server = Serving::start(&mut with(folder.path(), database), true);
        let login = LoginRequest::new("tom@harbour.example", server.password());
        let tom = client(&server);
        tom.auth().login(&login).await.unwrap();
        let enrolment = tom.user().second_factor().enrol().await.unwrap();
        let recovery = tom.user().second_factor().confirm(&code(&enrolment.secret, 0)).await.unwrap();
        assert_eq!(keys(folder.path(), database, &["rotate"]).0, Some(0));
        let (status, said) = keys(folder.path(), database, &["reencrypt"]);
        assert!(status == Some(1) && said.contains("no server was started with version 2 yet"), "{said}");
        assert_eq!(server.stop().0, Some(0));

        let server = Serving::start(&mut with(folder.path(), database), true);
        signs_in(&server, &login, recovery.recovery_codes[0].clone()).await;
        let_a_day_pass(folder.path(), database).await;
        let (status, said) = keys(folder.path(), database, &["remove", "1"]);
        assert!(status == Some(1) && said.contains("0 audit entries, 0 API keys and 1 sealed"), "{said}");
        assert!(said.contains("mono keys reencrypt"), "{said}");
        for (sealed, version) in [("1", "2"), ("0", "2")] {
            let (status, said) = keys(folder.path(), database, &["reencrypt"]);
            let told = format!("{sealed} secrets were sealed again with version {version}.");
            assert!(status == Some(0) && said.contains(&told), "{said}");
        }
        signs_in(&server, &login, code(&enrolment.secret, 1)).await;
        let (status, said) = keys(folder.path(), database, &["remove", "1"]);
        assert!(status == Some(0) && said.contains("Version 1 of the master key was removed"), "{said}");
        assert_eq!(server.stop().0, Some(0));

        let file = std::fs::read_to_string(folder.path().join("root.key")).unwrap();
        assert!(file.starts_with("2:") && file.lines().count() == 1);
        let server = Serving::start(&mut with(folder.path(), database), true);
        signs_in(&server, &login, recovery.recovery_codes[1].clone()).await;
        let (status, said) = keys(folder.path(), database, &["list"]);
        assert!(status == Some(0) && said.contains("1 sealed secrets need it"), "{said}");
        assert!(said.lines().filter(|line| line.starts_with("version")).count() == 1, "{said}");
        let mut verify = with(folder.path(), database);
        verify.args(["audit", "verify"]);
        let output = run(verify);
        assert!(output.status.success(), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_verify_tokens_where_that_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let keys = async |server: &Serving| {
        let answer =
            reqwest::get(format!("http://{}/.well-known/jwks.json", server.address())).await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "public, max-age=300");
        answer.json::<mono_core::api::jwks::JwkSet>().await.unwrap().keys
    };
    let server = Serving::start(&mut mono(folder.path()), true);
    assert!(keys(&server).await.is_empty());
    let login = LoginRequest::new("tom@harbour.example", server.password());
    let secret = client(&server).auth().login(&login).await.unwrap().access_token;
    assert_eq!(server.stop().0, Some(0));
    let server = Serving::start(mono(folder.path()).env("MONO_TOKEN_ALGORITHM", "EdDSA"), true);
    let shown = keys(&server).await;
    assert_eq!(shown.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["access_public.1"]);
    let public = client(&server).auth().login(&login).await.unwrap().access_token;
    assert_ne!(public.split('.').next(), secret.split('.').next());
    lists(&server, &public).await;
    lists(&server, &secret).await;
}
