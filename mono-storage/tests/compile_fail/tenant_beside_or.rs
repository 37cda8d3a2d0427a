use mono_storage::{db::TenantTx, sql};

async fn opened(tx: &mut TenantTx) {
    let _ = sql!(tx, "DELETE FROM accounts WHERE tenant_id = $1 OR status = 'archived'").execute().await;
}

fn main() {}
