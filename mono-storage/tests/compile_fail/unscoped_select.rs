use mono_storage::{db::TenantTx, sql};

async fn all_accounts(tx: &mut TenantTx) {
    let _ = sql!(tx, "SELECT id FROM accounts WHERE deleted_at IS NULL").rows().await;
}

fn main() {}
