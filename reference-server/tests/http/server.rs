//! A server in the test process, over a throw-away database, with people who can really sign in.

use crate::mailbox::Mailbox;
use axum::Router;
use mono_auth::{Authenticator, KeyRing, Passwords};
use mono_client::{Client, ClientBuilder};
use mono_core::api::accounts::CreateAccount;
use mono_core::api::auth::LoginRequest;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{TenantId, UserId, Uuid};
use mono_core::model::account::Account;
use mono_core::permission::Scope;
use mono_core::text::{Email, Name};
use mono_storage::db::Database;
use mono_storage::platform_sql;
use mono_storage::store::{NewAssignment, NewPlatformAssignment, NewUser};
use mono_storage::system::SystemRandom;
use mono_storage::testkit::World;
use reference_server::{App, HttpSettings, ServerLimits, serve};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

pub(crate) const ACCOUNTS: &str = "/api/v1/tenant/accounts";
pub(crate) const LOGIN: &str = "/api/v1/public/auth/login";

/// The password of everybody.
pub(crate) const PASSWORD: &str = "a right horse, 4 the Battery";

pub(crate) const ADMIN: &str = "admin@harbour.example";
/// Has the role `user` in the harbour.
pub(crate) const USER: &str = "user@harbour.example";
/// A member of the harbour without any role.
pub(crate) const MEMBER: &str = "member@harbour.example";
/// The admin of the other tenant.
pub(crate) const STRANGER: &str = "admin@lagoon.example";
/// An admin of the harbour, and a little later of the lagoon.
pub(crate) const BOTH: &str = "both@example.com";
/// A person with no tenant and no role.
pub(crate) const LONER: &str = "loner@example.com";
/// The admin of the platform, with no tenant.
pub(crate) const STAFF: &str = "staff@platform.example";

/// Fewer than the requests that race, as in production.
pub(crate) const CONNECTIONS: u32 = 5;

/// A server on a free port. It stops when it is dropped.
pub(crate) struct Server {
    pub(crate) world: World,
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    pub(crate) mailbox: Mailbox,
    http: reqwest::Client,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn key_ring() -> KeyRing {
    KeyRing::new((0..32).collect()).unwrap()
}

fn seeding() -> Caller {
    Caller::system(SystemReason::Seed)
}

impl Server {
    pub(crate) async fn start(world: World) -> Self {
        Self::start_beside(world, Router::new()).await
    }

    /// Starts with routes of an application beside those of the server.
    pub(crate) async fn start_beside(world: World, own: Router<App>) -> Self {
        Self::start_with_http(world, Arc::default(), own).await
    }

    /// Starts with other settings of HTTP, and with routes of an application.
    pub(crate) async fn start_with_http(world: World, http: Arc<HttpSettings>, own: Router<App>) -> Self {
        // Boxed: every test holds this future.
        Box::pin(Self::start_with(world, CONNECTIONS, |database| database, http, own)).await
    }

    /// Starts with a number of connections to the database, and with another clock, say.
    pub(crate) async fn start_over(
        world: World,
        connections: u32,
        change: impl FnOnce(Database) -> Database,
    ) -> Self {
        Self::start_with(world, connections, change, Arc::default(), Router::new()).await
    }

    async fn start_with(
        world: World,
        connections: u32,
        change: impl FnOnce(Database) -> Database,
        http: Arc<HttpSettings>,
        own: Router<App>,
    ) -> Self {
        let mut options = world.test.options.clone();
        options.max_connections = connections;
        // Fifty requests at once stand in line for a few connections, however slow the machine is.
        options.acquire_timeout = Duration::from_mins(1);
        let database = change(Database::connect(&options).await.unwrap());
        let authenticator = Authenticator::new(database.clone(), &key_ring()).unwrap();
        let mailbox = Mailbox::new();
        let mailer = mailbox.mailer(&authenticator);
        let app = App { http, ..App::new(database, authenticator, mailer) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, limits) = (reference_server::router_with(app.clone(), own), ServerLimits::default());
        let task = tokio::spawn(serve(listener, router, limits, std::future::pending()));
        let server = Self { world, app, address, mailbox, http: reqwest::Client::new(), task };
        server.people().await;
        server
    }

    async fn people(&self) {
        let (harbour, lagoon) = (self.world.harbour.id, self.world.lagoon.id);
        let admin = Some("tenant_admin");
        self.add_person(ADMIN, &[(harbour, admin)]).await;
        self.add_person(USER, &[(harbour, Some("user"))]).await;
        self.add_person(MEMBER, &[(harbour, None)]).await;
        self.add_person(STRANGER, &[(lagoon, admin)]).await;
        self.add_person(BOTH, &[(harbour, admin), (lagoon, admin)]).await;
        self.add_person(LONER, &[]).await;
        let staff = self.add_person(STAFF, &[]).await;
        let system = seeding();
        let mut tx = self.database().platform(&system).write().await.unwrap();
        tx.assignments().assign(NewPlatformAssignment::new(staff, "platform_admin")).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Makes a person with the password and with a role, or none, in each of the tenants.
    pub(crate) async fn add_person(&self, email: &str, tenants: &[(TenantId, Option<&str>)]) -> UserId {
        let system = seeding();
        let mut tx = self.database().platform(&system).write().await.unwrap();
        let new = NewUser {
            email: Email::parse(email).unwrap(),
            name: Name::parse(email).unwrap(),
            password_hash: Some(password_hash().await),
        };
        let user = tx.users().create(new).await.unwrap();
        tx.commit().await.unwrap();
        for (tenant, role) in tenants {
            let system = Caller::system_in(SystemReason::Seed, *tenant);
            let mut tx = self.database().tenant(&system).write().await.unwrap();
            let member = tx.members().add(&user).await.unwrap();
            if let Some(role) = role {
                let new = NewAssignment::new(member.id, *role, Scope::tenant(*tenant));
                tx.assignments().assign(new).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        user.id
    }

    pub(crate) async fn suspend_person(&self, email: &str) {
        let system = seeding();
        let mut tx = self.database().platform(&system).write().await.unwrap();
        let suspended =
            platform_sql!(tx, "UPDATE users SET status = 'suspended' WHERE email_norm = $1", email)
                .execute()
                .await;
        assert_eq!(suspended.unwrap(), 1);
        tx.commit().await.unwrap();
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.app.database
    }

    /// A client that is not signed in.
    pub(crate) fn client(&self) -> Client {
        builder(self.address).build().unwrap()
    }

    /// A client that somebody has signed in with.
    pub(crate) async fn sign_in(&self, email: &str) -> Client {
        let client = self.client();
        client.auth().login(&credentials(email)).await.unwrap();
        client
    }

    pub(crate) async fn token(&self, email: &str) -> String {
        self.client().auth().login(&credentials(email)).await.unwrap().access_token
    }

    /// A bare request, for what the typed client would never send.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// How many accounts of a tenant are counted as used.
    pub(crate) async fn used(&self, tenant: TenantId) -> u64 {
        let system = Caller::system_in(SystemReason::Seed, tenant);
        let mut tx = self.database().tenant(&system).read().await.unwrap();
        tx.used("accounts").await.unwrap()
    }

    /// The entries about a thing in the audit log, of whatever tenant: tenant and action, in the order of time.
    pub(crate) async fn audited(&self, thing: impl Into<Uuid>) -> Vec<(TenantId, String)> {
        let system = seeding();
        let mut tx = self.database().platform(&system).read().await.unwrap();
        let rows = platform_sql!(
            tx,
            "SELECT tenant_id, action FROM audit_log WHERE entity_id = $1 ORDER BY sequence",
            thing.into()
        )
        .rows()
        .await
        .unwrap();
        rows.iter().map(|row| (row.get("tenant_id").unwrap(), row.get("action").unwrap())).collect()
    }
}

/// A client to be, which waits as long as it takes.
pub(crate) fn builder(address: SocketAddr) -> ClientBuilder {
    Client::builder(format!("http://{address}")).timeout(Duration::from_mins(2))
}

async fn password_hash() -> String {
    // One hash for all tests: hashing is slow on purpose.
    static HASH: OnceCell<String> = OnceCell::const_new();
    let hash = HASH.get_or_init(async || {
        Passwords::new(&SystemRandom).unwrap().hash(PASSWORD.into(), &SystemRandom).await.unwrap()
    });
    hash.await.clone()
}

pub(crate) fn credentials(email: &str) -> LoginRequest {
    LoginRequest::new(email, PASSWORD)
}

pub(crate) fn named(name: &str) -> CreateAccount {
    CreateAccount { name: name.into(), ..Default::default() }
}

pub(crate) async fn create(client: &Client, name: &str) -> Account {
    client.tenant().accounts().create(&named(name)).await.unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.text().await.unwrap() }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and reason of a failure in our envelope, which is checked on the way.
    pub(crate) fn failure(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(body["success"], false, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        assert!(!self.header("x-request-id").is_empty(), "{self:?}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (code, reason) = (text(&body["error"]), text(&body["details"]["reason"]));
        let known = mono_core::ErrorKind::from_code(&code);
        assert_eq!(known.map(mono_core::ErrorKind::status), Some(self.status), "{self:?}");
        assert!(!text(&body["message"]).is_empty() && !reason.is_empty(), "{self:?}");
        assert_eq!(body.as_object().unwrap().len(), 4, "success, error, message, details: {self:?}");
        (self.status, reason)
    }
}
