use mono_core::permission;

fn main() {
    let _ = permission!("tenant..create");
}
