use mono_storage::{db::TenantTx, sql};

async fn injected(tx: &mut TenantTx, column: &str) {
    let text = format!("SELECT id FROM accounts WHERE tenant_id = $1 ORDER BY {column}");
    let _ = sql!(tx, text).rows().await;
}

fn main() {}
