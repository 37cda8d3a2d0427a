//! Keeps a tenant and its accounts in SQLite.

use mono_core::caller::{Caller, SystemReason};
use mono_core::model::account::{AccountType, NewAccount};
use mono_core::seed::Seed;
use mono_core::subscription::{Key, Subscription};
use mono_core::text::{Name, Slug};
use mono_core::{Error, ErrorKind};
use mono_storage::db::{Database, DatabaseOptions, migrate};
use mono_storage::sql;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let options = DatabaseOptions::parse("sqlite:quickstart.db")?;
    migrate(&options, None).await?;
    let database = Database::connect(&options).await?;

    // Above the tenants: what can be granted and sold, and one tenant with a plan.
    let seed = Seed::parse(Seed::STARTER).map_err(Error::validation)?;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).write().await?;
    tx.catalogue().save(&seed).await?;
    let slug = Slug::parse("harbour")?;
    let tenant = match tx.tenants().find_by_slug(&slug).await? {
        Some(tenant) => tenant,
        None => tx.tenants().create(&slug, &Name::parse("Harbour")?).await?,
    };
    tx.subscriptions().set(tenant.id, &Subscription::new(Key::parse("starter")?)).await?;
    tx.commit().await?;

    // Inside the tenant. The program acts for itself here; for a person, mono-auth makes the caller of a token.
    let caller = Caller::system_in(SystemReason::Seed, tenant.id);
    let mut tx = database.tenant(&caller).write().await?;
    let new = NewAccount {
        name: Name::parse("North Quay")?,
        slug: Slug::parse("north-quay")?,
        account_type: AccountType::Business,
        email: None,
    };
    // Checks the permission, writes the row and its audit entry, counts it against the plan.
    match tx.accounts().create(new).await {
        Ok(account) => {
            tx.commit().await?;
            println!("made {}, version {}", account.slug, account.version);
        }
        // Dropped without a commit, a transaction leaves nothing behind.
        Err(error) if error.kind() == ErrorKind::Conflict => println!("{error}"),
        Err(error) => return Err(error),
    }

    // SQL of your own. `$1` is the tenant; without `tenant_id = $1` this does not compile.
    let mut tx = database.tenant(&caller).read().await?;
    let row = sql!(tx, "SELECT count(*) AS total FROM accounts WHERE tenant_id = $1").row().await?;
    println!("{} has {} account", tenant.name, row.get::<i64>("total")?);
    Ok(())
}
