//! `mono recount`

use crate::boot::open_existing;
use crate::config::Config;
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
pub(super) async fn run(config: &Config) -> Result<(), Error> {
    let database = open_existing(config).await?;
    let system = Caller::system(SystemReason::Recount);
    let tenants = database.platform(&system).read().await?.tenants().all().await?;
    let mut found = 0_u32;
    for tenant in &tenants {
        let system = Caller::system_in(SystemReason::Recount, tenant.id);
        let mut tx = database.tenant(&system).write().await?;
        for drift in tx.recount().await? {
            found += 1;
            println!("{}: {} was {} and is {} now", tenant.slug, drift.limit, drift.counted, drift.rows);
        }
        tx.commit().await?;
    }
    database.close().await;
    println!("{} tenants were counted, {found} counters were mended.", tenants.len());
    Ok(())
}
