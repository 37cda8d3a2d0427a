// swift-tools-version: 5.9
import PackageDescription

// `packages/build.py swift` puts this together. On a Mac the library is an XCFramework; elsewhere it lies in `lib`.
#if os(macOS)
let ffi: [Target] = [.binaryTarget(name: "MonoFFI", path: "MonoFFI.xcframework")]
let settings: [LinkerSetting] = []
#else
let ffi: [Target] = [.systemLibrary(name: "MonoFFI", path: "Sources/MonoFFI")]
let settings: [LinkerSetting] = [.unsafeFlags(["-L\(Context.packageDirectory)/lib"]), .linkedLibrary("mono_bindings")]
#endif

let package = Package(
    name: "Mono",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "Mono", targets: ["Mono"])],
    targets: ffi + [
        .target(name: "Mono", dependencies: ["MonoFFI"], path: "Sources/Mono", linkerSettings: settings)
    ]
)
