use mono_storage::{db::TenantTx, sql};

async fn join(tx: &mut TenantTx) {
    let text = sql!(
        tx,
        "SELECT m.id FROM members m JOIN assignments a ON a.member_id = m.id WHERE m.tenant_id = $1"
    );
    let _ = text.rows().await;
}

fn main() {}
