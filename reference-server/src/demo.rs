//! A small world to look at: two tenants, their accounts, and one person for each role of the default chain.

use crate::config::Config;
use mono_auth::Authenticator;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{AccountId, Random, TenantId};
use mono_core::model::account::{AccountFilter, AccountType, NewAccount};
use mono_core::model::tenant::Tenant;
use mono_core::model::user::User;
use mono_core::page::PageRequest;
use mono_core::permission::Scope;
use mono_core::subscription::{Key, Subscription};
use mono_core::text::{Email, Name, Slug};
use mono_core::{Error, ErrorKind};
use mono_storage::db::Database;
use mono_storage::store::{NewAssignment, NewPlatformAssignment, NewUser, id_of_key};
use std::fmt::Write as _;
use std::path::Path;

/// The person who runs the platform. Made last, so that a demo without this person was cut off and is taken up again.
const PLATFORM_ADMIN: Person =
    Person { email: "ada@platform.example", name: "Ada", role: "platform_admin", tenant: "" };

/// The people of the tenants.
const PEOPLE: &[Person] = &[
    Person { email: "tom@harbour.example", name: "Tom", role: "tenant_admin", tenant: "harbour" },
    Person { email: "olga@harbour.example", name: "Olga", role: "account_owner", tenant: "harbour" },
    Person { email: "uma@harbour.example", name: "Uma", role: "user", tenant: "harbour" },
    Person { email: "lena@lagoon.example", name: "Lena", role: "tenant_admin", tenant: "lagoon" },
];

/// A tenant with its plan and the names of its accounts.
const TENANTS: &[(&str, &str, &str, [&str; 2])] = &[
    ("harbour", "Harbour", "starter", ["North Quay", "South Quay"]),
    ("lagoon", "Lagoon", "unlimited", ["East Bank", "West Bank"]),
];

/// Where the password of the demo people is kept.
const PASSWORD_FILE: &str = "demo-password";

/// One person of the demo.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// The address to sign in with.
    pub email: &'static str,
    name: &'static str,
    /// The role that the person has.
    pub role: &'static str,
    /// The slug of the tenant; empty for the platform.
    pub tenant: &'static str,
}

/// The people who can sign in, and their password.
pub struct Demo {
    /// The password of all of them.
    pub password: String,
}

impl Demo {
    /// Everybody, from the platform down.
    pub fn people() -> impl Iterator<Item = &'static Person> {
        std::iter::once(&PLATFORM_ADMIN).chain(PEOPLE)
    }

    /// The demo of this database, if it has one whose password this data folder keeps.
    pub(crate) async fn find(config: &Config, database: &Database) -> Result<Option<Self>, Error> {
        let Ok(password) = std::fs::read_to_string(config.data_directory.join(PASSWORD_FILE)) else {
            return Ok(None);
        };
        let system = Caller::system(SystemReason::Seed);
        let mut tx = database.platform(&system).read().await?;
        let admin = tx.users().credentials(&Email::parse(PLATFORM_ADMIN.email)?).await?;
        Ok(admin.map(|_| Self { password }))
    }
}

/// Puts the demo into a database in which there is nobody yet, if this server may have one.
pub(crate) async fn seed(
    config: &Config,
    database: &Database,
    authenticator: &Authenticator,
) -> Result<(), Error> {
    if config.is_production() {
        return refuse(database).await;
    }
    if config.no_demo || !config.listen.ip().is_loopback() {
        return Ok(());
    }
    // Of several servers that start on an empty database one makes the demo; the others wait, and find it.
    let system = Caller::system(SystemReason::Seed);
    let mut turn = database.platform(&system).read().await?;
    turn.lock(id_of_key("demo", "")).await?;
    if !is_wanted(database).await? {
        return Ok(());
    }
    let password = match &config.demo_password {
        Some(password) => given_password(secrecy::ExposeSecret::expose_secret(password))?,
        None => new_password(database.random()),
    };
    let password = keep(&config.data_directory, &password)?;
    let hash = authenticator.passwords().hash(password.into(), database.random()).await?;
    for (slug, name, plan, accounts) in TENANTS {
        let tenant = tenant(database, slug, name, plan).await?;
        for account in accounts {
            create_account(database, tenant.id, account).await?;
        }
    }
    for person in PEOPLE {
        add_person(database, person, &hash).await?;
    }
    let mut tx = database.platform(&system).write().await?;
    let ada = tx.users().create(new_user(&PLATFORM_ADMIN, &hash)?).await?;
    tx.assignments().assign(NewPlatformAssignment::new(ada.id, PLATFORM_ADMIN.role)).await?;
    tx.commit().await
}

/// The people of the demo have one password, which the banner of another server may have told.
async fn refuse(database: &Database) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).read().await?;
    for person in Demo::people() {
        if tx.users().credentials(&Email::parse(person.email)?).await?.is_some() {
            let message = format!(
                "the database holds demo data ({}): production begins with another database",
                person.email
            );
            return Err(Error::invalid("mode", "demo_data", message));
        }
    }
    Ok(())
}

/// Whether there is nobody yet, or a demo that was cut off.
async fn is_wanted(database: &Database) -> Result<bool, Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).read().await?;
    if !tx.users().any().await? {
        return Ok(true);
    }
    let mut exists = async |person: &Person| {
        tx.users().credentials(&Email::parse(person.email)?).await.map(|found| found.is_some())
    };
    let first = PEOPLE.first().unwrap_or(&PLATFORM_ADMIN);
    Ok(exists(first).await? && !exists(&PLATFORM_ADMIN).await?)
}

/// A variable that is set to nothing must not open the demo to everybody, and one line is what the banner shows.
fn given_password(password: &str) -> Result<String, Error> {
    if password.len() < 8 || password.len() > 256 || password.contains(char::is_control) {
        let message = "the demo password has 8 to 256 bytes on one line";
        return Err(Error::invalid("demo_password", "invalid_password", message));
    }
    Ok(password.to_owned())
}

/// 120 random bits in base 32, in groups that can be read out, with what a password policy may ask for.
fn new_password(random: &dyn Random) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; 24];
    random.fill(&mut bytes);
    let mut password = String::from("Demo");
    for (i, byte) in bytes.iter().enumerate() {
        if i % 6 == 0 {
            password.push('-');
        }
        let letter = LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'a');
        password.push(char::from(letter));
    }
    let _ = write!(password, "-{}", bytes.first().map_or(0, |byte| byte % 10));
    password
}

/// Keeps the password where only the owner of the folder reads it; of one that is kept already, that one holds.
fn keep(folder: &Path, password: &str) -> Result<String, Error> {
    crate::key_file::create_private(&folder.join(PASSWORD_FILE), password)
}

async fn tenant(database: &Database, slug: &str, name: &str, plan: &str) -> Result<Tenant, Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).write().await?;
    let slug = Slug::parse(slug)?;
    let tenant = match tx.tenants().find_by_slug(&slug).await? {
        Some(tenant) => tenant,
        None => tx.tenants().create(&slug, &Name::parse(name)?).await?,
    };
    tx.subscriptions().set(tenant.id, &Subscription::new(Key::parse(plan)?)).await?;
    tx.commit().await?;
    Ok(tenant)
}

async fn create_account(database: &Database, tenant: TenantId, name: &str) -> Result<(), Error> {
    let system = Caller::system_in(SystemReason::Seed, tenant);
    let mut tx = database.tenant(&system).write().await?;
    let new = NewAccount {
        name: Name::parse(name)?,
        slug: Slug::suggest(name)?,
        account_type: AccountType::Business,
        email: None,
    };
    match tx.accounts().create(new).await {
        Ok(_) => tx.commit().await,
        Err(error) if error.kind() == ErrorKind::Conflict => tx.rollback().await,
        Err(error) => Err(error),
    }
}

fn new_user(person: &Person, hash: &str) -> Result<NewUser, Error> {
    Ok(NewUser {
        email: Email::parse(person.email)?,
        name: Name::parse(person.name)?,
        password_hash: Some(hash.to_owned()),
    })
}

async fn add_person(database: &Database, person: &Person, hash: &str) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).write().await?;
    let new = new_user(person, hash)?;
    let user = match tx.users().credentials(&new.email).await? {
        Some(found) => found.user,
        None => tx.users().create(new).await?,
    };
    let tenant = tx.tenants().find_by_slug(&Slug::parse(person.tenant)?).await?;
    tx.commit().await?;
    match tenant {
        Some(tenant) => add_member(database, tenant.id, &user, person.role).await,
        None => Ok(()),
    }
}

async fn add_member(database: &Database, tenant: TenantId, user: &User, role: &str) -> Result<(), Error> {
    let system = Caller::system_in(SystemReason::Seed, tenant);
    let mut tx = database.tenant(&system).write().await?;
    // The owner of an account has the role in that account; everybody else in the whole tenant.
    let account = if role == "account_owner" { first_account(&mut tx).await? } else { None };
    let scope = account.map_or(Scope::tenant(tenant), |account| Scope::account(tenant, account));
    let member = match tx.members().add(user).await {
        Ok(member) => member,
        Err(error) if error.kind() == ErrorKind::Conflict => return tx.rollback().await,
        Err(error) => return Err(error),
    };
    tx.assignments().assign(NewAssignment::new(member.id, role, scope)).await?;
    tx.commit().await
}

async fn first_account(tx: &mut mono_storage::db::TenantTx) -> Result<Option<AccountId>, Error> {
    let page = tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await?;
    Ok(page.items.last().map(|account| account.id))
}
