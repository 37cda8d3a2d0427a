# frozen_string_literal: true

# Before Ruby 3.2 an IO can be waited for only with this.
require "io/wait"
require "mono_bindings"

# An object of the library is a handle. A copy would free it once more: `dup` copies the finalizer before it asks
# `initialize_copy`.
MonoBindings.constants.map { |name| MonoBindings.const_get(name) }.each do |type|
  next unless type.is_a?(Class) && type.respond_to?(:uniffi_allocate)

  refuse = proc { |*| raise TypeError, "a #{self.class} is neither copied nor marshalled: pass it on as it is" }
  %i[dup clone marshal_dump].each { |copy| type.define_method(copy, &refuse) }
end
