use mono_core::id::AccountId;
use mono_storage::db::TenantTx;

async fn late(mut tx: TenantTx, id: AccountId) {
    tx.commit().await.unwrap();
    let _ = tx.accounts().get(id).await;
}

fn main() {}
