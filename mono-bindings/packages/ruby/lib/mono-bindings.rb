# frozen_string_literal: true

# Before Ruby 3.2 an IO can be waited for only with this.
require "io/wait"
require "mono_bindings"

# What the generated sources lack.
module MonoBindings
  constants.map { |name| const_get(name) }.grep(Class).each do |type|
    next unless type.respond_to?(:uniffi_allocate)

    # An object of the library is a handle. A copy would free it once more: `dup` copies the finalizer before it asks
    # `initialize_copy`.
    refuse = proc { |*| raise TypeError, "a #{self.class} is neither copied nor marshalled: pass it on as it is" }
    %i[dup clone marshal_dump].each { |copy| type.define_method(copy, &refuse) }
  end

  # So that `rescue MonoBindings::MonoError` catches every error of the library.
  MonoError.constants.map { |name| MonoError.const_get(name) }.grep(Class).each { |kind| kind.include(MonoError) }

  if const_defined?(:Client)
    # A span of time is a number of seconds; the generated source takes a `Time` that lies so long after the epoch.
    RustBufferBuilder.prepend(Module.new do
      def write_Duration(seconds)
        super(Time.at(seconds))
      end
    end)

    # They hold a secret.
    [Login, LoginAnswer, SecondFactorChallenge].each do |type|
      type.define_method(:inspect) { "#<#{self.class}>" }
    end

    # It waits for stores and listeners, which are Ruby: they need the global lock meanwhile.
    UniFFILib.attach_function(
      :uniffi_mono_bindings_fn_func_shutdown, [RustCallStatus.by_ref], :void, blocking: true
    )

    # Whatever a store or listener raises is a failure of it. `NotImplementedError`, say, would else be taken for success.
    singleton_class.prepend(Module.new do
      def uniffi_trait_interface_call(call_status, make_call, *others)
        guarded = lambda do
          make_call.call
        rescue StandardError
          raise
        rescue Exception => raised # rubocop:disable Lint/RescueException
          raise raised.class.name
        end
        super(call_status, guarded, *others)
      end
    end)
  end
end
