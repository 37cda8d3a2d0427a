use mono_core::caller::Caller;

fn main() {
    let _ = Caller { identity: todo!(), request: todo!() };
}
