# frozen_string_literal: true

# `packages/build.py ruby` puts the library of this machine and the generated source into `lib`, and writes the version.
Gem::Specification.new do |spec|
  spec.name = "mono-bindings"
  spec.version = File.read(File.join(__dir__, "VERSION")).strip
  spec.platform = Gem::Platform.local
  spec.summary = "Permissions, limits and the client of mono."
  spec.authors = ["the mono authors"]
  spec.licenses = ["MIT", "Apache-2.0"]
  spec.homepage = "https://github.com/mono-rs/mono"
  spec.required_ruby_version = ">= 3.1"
  spec.files = Dir.chdir(__dir__) { Dir["lib/*", "README.md"] }
  spec.add_dependency "ffi", "~> 1.15"
end
