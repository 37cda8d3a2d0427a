use mono_storage::{db::TenantTx, platform_sql};

async fn everybody(tx: &mut TenantTx) {
    let _ = platform_sql!(tx, "SELECT id FROM accounts").rows().await;
}

fn main() {}
