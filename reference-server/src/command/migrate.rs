//! `mono migrate`

use crate::boot::make_private_folder;
use crate::config::Config;
use mono_core::Error;

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
pub(super) async fn run(config: &Config) -> Result<(), Error> {
    make_private_folder(&config.data_directory)?;
    let options = config.database()?;
    mono_storage::db::migrate(&options, config.owner_url()).await?;
    println!("The tables in {} are up to date.", options.system());
    Ok(())
}
