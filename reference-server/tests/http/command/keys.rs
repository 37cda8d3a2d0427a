//! The master key: the wrong one stops the start, and another version goes on where the old one ended.

use super::program::{Serving, mono, postgres, run};
use mono_client::Client;
use mono_core::api::accounts::ListAccounts;
use mono_core::api::api_keys::CreateApiKey;
use mono_core::api::auth::LoginRequest;
use mono_storage::testkit::TestDatabase;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

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
