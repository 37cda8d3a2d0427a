use mono_core::id::AccountId;
use mono_storage::db::Database;

async fn direct(database: Database, id: AccountId) {
    let _ = database.roles().get(id).await;
}

fn main() {}
