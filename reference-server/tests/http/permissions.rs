//! What a device is given to decide by itself.

use crate::server::{ADMIN, LONER, Server, USER, named};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mono_core::ErrorKind;
use mono_core::permission::{Scope, Snapshot, SnapshotError};
use mono_storage::testkit::World;

mono_storage::conformance!(a_snapshot_decides_as_the_server_does, who_works_in_no_tenant_has_no_snapshot);

async fn a_snapshot_decides_as_the_server_does(world: World) {
    let server = Server::start(world).await;
    let tenant = server.world.harbour.id;
    let now = server.database().now();
    for (email, may_create) in [(ADMIN, true), (USER, false)] {
        let client = server.sign_in(email).await;
        let answer = client.user().permission_snapshot().await.unwrap();
        let bytes = STANDARD.decode(answer.snapshot).unwrap();
        let key: [u8; 32] = STANDARD.decode(answer.public_key).unwrap().try_into().unwrap();
        let snapshot = Snapshot::verify(&bytes, &[key], now).unwrap();
        assert_eq!(snapshot.check("tenant.accounts.create", &Scope::tenant(tenant), now), may_create);
        let tried = client.tenant().accounts().create(&named("New")).await;
        assert_eq!(tried.is_ok(), may_create, "{email}: {tried:?}");
        assert!(!snapshot.check("tenant.accounts.create", &Scope::tenant(server.world.lagoon.id), now));
        let mut changed = bytes;
        changed[40] ^= 1;
        assert_eq!(Snapshot::verify(&changed, &[key], now).unwrap_err(), SnapshotError::BadSignature);
    }
}

async fn who_works_in_no_tenant_has_no_snapshot(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(LONER).await;
    let error = client.user().permission_snapshot().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Validation, "tenant_required"));
}
