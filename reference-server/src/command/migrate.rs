//! `mono migrate`

use crate::boot::{make_private_folder, update_tables};
use crate::config::Config;
use mono_core::Error;

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
pub(super) async fn run(config: &Config) -> Result<(), Error> {
    make_private_folder(config)?;
    let options = config.database()?;
    update_tables(config, &options).await?;
    println!("The tables in {} are up to date.", options.system());
    Ok(())
}
