# frozen_string_literal: true

# Before Ruby 3.2 an IO can be waited for only with this.
require "io/wait"
require "mono_bindings"
