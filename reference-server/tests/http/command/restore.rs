//! `mono backup` and `mono restore`: the drill, and what is refused.

use super::backup::{PASSWORD, Place, client, manifest, said, sign_in};
use super::keys::code;
use super::program::Serving;
use crate::mailbox;
use mono_client::Client;
use mono_core::ErrorKind;
use mono_core::api::accounts::{CreateAccount, ListAccounts};
use mono_core::api::api_keys::{CreateApiKey, CreatedApiKey};
use mono_core::api::auth::{LoginAnswer, LoginRequest, LoginResponse};
use mono_core::api::emails::RequestMail;
use mono_core::api::magic_links::ConfirmMagicLink;
use mono_core::api::passwords::ConfirmPassword;
use mono_core::api::second_factor::SecondFactorLogin;
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::mail::MailKind;
use mono_core::text::Email;
use mono_storage::backup::{Manifest, TableRows};
use mono_storage::db::Database;
use mono_storage::store::NewMail;
use mono_storage::testkit::RedisServer;
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

const TOM: &str = "tom@harbour.example";
const UMA: &str = "uma@harbour.example";
const OLGA: &str = "olga@harbour.example";
const LENA: &str = "lena@lagoon.example";

/// Waits for the next mail of a server, and gives the token of its link.
fn token(server: &mut Serving, place: &Place) -> String {
    server.wait_for_log(".eml");
    let file = std::fs::read_dir(place.path("mails")).unwrap().next().unwrap().unwrap().path();
    let mail = mailbox::read(&std::fs::read(&file).unwrap());
    std::fs::remove_file(file).unwrap();
    mail.token
}

async fn accounts(client: &Client) -> u64 {
    let page = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    page.pagination.total
}

/// Makes accounts until it is told to stop; tells how many were acknowledged.
async fn write(client: Client, stop: Arc<AtomicBool>, written: watch::Sender<u64>) {
    let mut count = 0;
    while !stop.load(Ordering::Acquire) {
        let account = CreateAccount { name: format!("Berth {count}"), ..CreateAccount::default() };
        client.tenant().accounts().create(&account).await.unwrap();
        count += 1;
        let _ = written.send(count);
    }
}

async fn reaches(written: &mut watch::Receiver<u64>, count: u64) {
    let reached = written.wait_for(|written| *written >= count);
    tokio::time::timeout(Duration::from_mins(1), reached).await.unwrap().unwrap();
}

fn rows(manifest: &Manifest, table: &str) -> i64 {
    manifest.tables.iter().find(|known| known.name == table).unwrap().rows
}

/// The refusal of a refresh token, by status and code.
async fn refresh(server: &Serving, token: &str) -> (u16, String) {
    let address = format!("http://{}/api/v1/public/auth/refresh", server.address());
    let request = reqwest::Client::new().post(address).json(&json!({ "refreshToken": token }));
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: serde_json::Value = answer.json().await.unwrap();
    (status, body["details"]["reason"].as_str().unwrap_or_default().to_owned())
}

async fn refused(client: &Client) -> String {
    let error = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
    error.code().to_owned()
}

/// Signs Olga in, who has a second factor.
async fn second_factor(server: &Serving, code: &str) -> mono_core::Result<()> {
    let client = client(server);
    let login = LoginRequest::new(OLGA, PASSWORD);
    let LoginAnswer::SecondFactor(asked) = client.auth().begin(&login).await? else {
        panic!("the second factor was not asked for");
    };
    let shown = SecondFactorLogin { challenge: asked.challenge, code: code.to_owned(), cookies: false };
    client.auth().second_factor(&shown).await.map(drop)
}

fn without_log(manifest: &Manifest) -> Vec<TableRows> {
    manifest.tables.iter().filter(|table| table.name != "platform_audit_log").cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_backup_brings_back_the_rows_and_nobody_who_was_signed_out() {
    for source in Place::all().await {
        drill(&source).await;
    }
}

/// What people hold when the copy is made.
struct Held {
    ends: Client,
    ended: LoginResponse,
    rotates: Client,
    rotated: LoginResponse,
    keys: [CreatedApiKey; 2],
    link: ConfirmMagicLink,
    reset: ConfirmPassword,
    secret: String,
    codes: Vec<String>,
}

impl Held {
    async fn begin(server: &mut Serving, place: &Place) -> Self {
        let (ends, rotates) = (client(server), client(server));
        let login = LoginRequest::new(TOM, PASSWORD);
        let ended = ends.auth().login(&login).await.unwrap();
        let rotated = rotates.auth().login(&login).await.unwrap();
        let key = CreateApiKey {
            name: "harbour master".into(),
            scopes: vec!["tenant.accounts.read".into()],
            ..CreateApiKey::default()
        };
        let keys = [
            ends.tenant().api_keys().create(&key).await.unwrap(),
            ends.tenant().api_keys().create(&key).await.unwrap(),
        ];
        let address = RequestMail { email: UMA.into() };
        client(server).auth().request_magic_link(&address).await.unwrap();
        let link = ConfirmMagicLink::new(token(server, place));
        client(server).auth().request_password_reset(&address).await.unwrap();
        let password = "another right horse, 5 the Battery".into();
        let reset = ConfirmPassword { token: token(server, place), password };
        let olga = sign_in(server, OLGA).await;
        let secret = olga.user().second_factor().enrol().await.unwrap().secret;
        let codes = olga.user().second_factor().confirm(&code(&secret, 0)).await.unwrap().recovery_codes;
        Self { ends, ended, rotates, rotated, keys, link, reset, secret, codes }
    }

    /// What happens after the copy was made, and is not in it; gives the tokens that follow the rotated ones, and
    /// the code of an authenticator that was used.
    async fn go_on(&self, server: &Serving) -> (LoginResponse, String) {
        let [_, leaked] = &self.keys;
        self.ends.tenant().api_keys().revoke(leaked.api_key.id).await.unwrap();
        self.ends.user().sessions().revoke(self.ended.session_id).await.unwrap();
        let signed_in = client(server).auth().magic_link(&self.link).await.unwrap();
        assert!(matches!(signed_in, LoginAnswer::SignedIn(_)));
        second_factor(server, &self.codes[0]).await.unwrap();
        let shown = code(&self.secret, 1);
        second_factor(server, &shown).await.unwrap();
        (self.rotates.auth().refresh().await.unwrap(), shown)
    }

    /// Nothing of it lets anybody in.
    async fn has_ended(&self, server: &Serving, next: &LoginResponse, shown: &str) {
        for login in [&self.ended, &self.rotated, next] {
            assert_eq!(refused(&client(server).with_token(&login.access_token)).await, "session_ended");
            let token = login.refresh_token.as_deref().unwrap();
            assert_eq!(refresh(server, token).await, (401, "session_ended".to_owned()));
        }
        let error = client(server).auth().magic_link(&self.link).await.unwrap_err();
        assert_eq!(error.code(), "invalid_single_use_token");
        let error = client(server).auth().reset_password(&self.reset).await.unwrap_err();
        assert_eq!(error.code(), "invalid_single_use_token");
        for code in [&self.codes[0], &self.codes[1], shown] {
            assert_eq!(second_factor(server, code).await.unwrap_err().code(), "invalid_code");
        }
    }
}

async fn drill(source: &Place) {
    let mut server = source.serve();
    let held = Held::begin(&mut server, source).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let lena = sign_in(&server, LENA).await;
    let had = accounts(&lena).await;
    let (before, after) = copy_while_somebody_writes(source, lena, &backup).await;
    let copy = manifest(&backup);
    let (next, shown) = held.go_on(&server).await;
    assert_eq!(server.stop().0, Some(0));

    let target = source.empty().await;
    let told = target.succeed(&["restore", "--from", backup.to_str().unwrap()]);
    for words in ["Restored: ", "the platform: whole", "lagoon: whole", "harbour: whole", "2 API keys work"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let found = target.back_up(&folder.path().join("again"));
    assert_eq!(without_log(&found), without_log(&copy));
    assert_eq!(rows(&found, "platform_audit_log"), rows(&copy, "platform_audit_log") + 1, "the restore");
    let told = target.succeed(&["doctor"]);
    assert!(!told.contains("FAILED") && told.contains("ok      isolation"), "{told}");

    let server = target.serve();
    held.has_ended(&server, &next, &shown).await;
    let lena = sign_in(&server, LENA).await;
    let count = accounts(&lena).await - had;
    assert!(before <= count && count <= after, "{before} {count} {after}");
    assert_eq!(rows(&copy, "accounts"), i64::try_from(count + had + 2).unwrap(), "and those of the harbour");
    let account = CreateAccount { name: "After the flood".into(), ..CreateAccount::default() };
    lena.tenant().accounts().create(&account).await.unwrap();
    // Nobody can tell which key was revoked since: all of them work, or none does.
    for key in &held.keys {
        accounts(&client(&server).with_token(&key.key)).await;
    }
    let from = ["restore", "--from", backup.to_str().unwrap()];
    let told = target.fail(&[&from[..], &["--replace"]].concat());
    assert!(told.contains("stop every server"), "{told}");
    assert_eq!(accounts(&lena).await, count + had + 1, "nothing was touched");
    assert_eq!(server.stop().0, Some(0));

    let told = target.fail(&from);
    assert!(told.contains("is not empty") && told.contains("--replace"), "{told}");
    let told = target.succeed(&[&from[..], &["--replace", "--revoke-api-keys"]].concat());
    assert!(told.contains("0 API keys work"), "{told}");
    let found = target.back_up(&folder.path().join("replaced"));
    assert_eq!(without_log(&found), without_log(&copy));
    let server = target.serve();
    assert_eq!(accounts(&sign_in(&server, LENA).await).await, count + had);
    for key in &held.keys {
        refused(&client(&server).with_token(&key.key)).await;
    }
    target.succeed(&["audit", "verify"]);
    let kept = target.files().into_iter().filter(|name| name.contains("mono.db.replaced-")).count();
    assert_eq!(kept, usize::from(target.is_embedded()));
}

/// Lena writes before, while and after the copy is made; tells how many writes were acknowledged before, and how many had
/// been begun after it.
async fn copy_while_somebody_writes(place: &Place, lena: Client, backup: &Path) -> (u64, u64) {
    let (sender, mut written) = watch::channel(0);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write(lena, Arc::clone(&stop), sender));
    reaches(&mut written, 3).await;
    let before = *written.borrow();
    let command = place.command(&["backup", "--to", backup.to_str().unwrap()]);
    let (content, told) = tokio::task::spawn_blocking(move || said(command)).await.unwrap();
    assert!(content && told.contains("The master key is not in it"), "{told}");
    let after = *written.borrow() + 1;
    reaches(&mut written, after).await;
    stop.store(true, Ordering::Release);
    writer.await.unwrap();
    (before, after)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waited_is_not_sent_again() {
    for source in Place::all().await {
        source.install();
        let database = Database::connect(&source.options()).await.unwrap();
        let mut tx = database.platform(&Caller::system(SystemReason::Mail)).write().await.unwrap();
        tx.mails().enqueue(NewMail::new(MailKind::ResetPassword, Email::parse(TOM).unwrap())).await.unwrap();
        tx.commit().await.unwrap();
        database.close().await;
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("backup");
        source.back_up(&backup);
        let target = source.empty().await;
        target.succeed(&["restore", "--from", backup.to_str().unwrap()]);
        let told = target.succeed(&["mails", "list"]);
        assert!(told.contains("may have left since") && told.contains("1 mails were given up."), "{told}");
        assert!(target.succeed(&["mails", "retry", "--all"]).contains("1 mails are tried again"));
        target.serve().wait_for_log(".eml");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_keeps_from_before_is_forgotten() {
    let Some(redis) = RedisServer::start() else { return };
    for source in Place::all().await {
        source.install();
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("backup");
        source.back_up(&backup);
        let mut target = source.empty().await;
        target.redis = Some(redis.url());
        let restore = ["restore", "--from", backup.to_str().unwrap(), "--replace"];
        target.succeed(&restore);
        let server = target.serve();
        let lena = sign_in(&server, LENA).await;
        let account = CreateAccount { name: "Lost".into(), ..CreateAccount::default() };
        lena.tenant().accounts().create(&account).await.unwrap();
        assert_eq!(accounts(&lena).await, 3, "from now on Redis keeps it");
        assert_eq!(server.stop().0, Some(0));
        target.succeed(&restore);
        let server = target.serve();
        assert_eq!(accounts(&sign_in(&server, LENA).await).await, 2);
        assert_eq!(server.stop().0, Some(0));
        // Bound and never listening again: nobody answers at this port.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        target.redis = Some(format!("redis://127.0.0.1:{port}"));
        let told = target.fail(&restore);
        assert!(told.contains("Redis does not answer"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_an_application_are_copied_or_refused() {
    let sources = Place::all().await;
    let Some(source) = sources.iter().find(|source| source.test.is_some()) else { return };
    source.install();
    let test = source.test.as_ref().unwrap();
    test.as_owner(
        "CREATE TABLE \"the \"\"notes'\" (id bigint GENERATED ALWAYS AS IDENTITY, note text);
         INSERT INTO \"the \"\"notes'\" (note) VALUES ('one'), ('two');
         CREATE TABLE hidden (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
         CALL mono_protect_table('hidden');
         ALTER POLICY platform_access ON hidden USING (id IS NULL)",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let to = ["backup", "--to", backup.to_str().unwrap()];
    let told = source.fail(&to);
    assert!(told.contains("would not be whole: hidden, the \"notes', the \"notes'_id_seq. GRANT"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no draft is left");
    test.as_owner(
        "CALL mono_protect_table('hidden'); GRANT SELECT ON ALL TABLES IN SCHEMA public TO mono_platform;
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO mono_platform",
    )
    .await;
    let copy = source.back_up(&backup);
    assert_eq!((rows(&copy, "the \"notes'"), rows(&copy, "hidden")), (2, 0));
    let target = source.empty().await;
    target.succeed(&["restore", "--from", backup.to_str().unwrap()]);
    let found = target.back_up(&folder.path().join("again"));
    assert_eq!(without_log(&found), without_log(&copy));
    target.succeed(&["doctor"]);
}
