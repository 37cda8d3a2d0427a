# What several cases need.

require "json"
require "minitest/autorun"
require "mono-bindings"
require "time"

include MonoBindings

ADDRESS = ENV.fetch("MONO_TEST_ADDRESS")
PASSWORD = ENV.fetch("MONO_TEST_PASSWORD")
SEED = File.read(ENV.fetch("MONO_TEST_SEED"), encoding: "UTF-8")

# In seconds; no test waits for it.
TIMEOUT = 300

# Keeps the session in memory, and counts.
class MemoryStore < TokenStore
  attr_reader :session, :saved, :cleared

  def initialize(session = nil, error: nil)
    super()
    @session, @error, @saved, @cleared = session, error, 0, 0
  end

  def load
    @session
  end

  def save(session)
    raise @error if @error

    @session = session
    @saved += 1
  end

  def clear
    @session = nil
    @cleared += 1
  end
end

def client(store = nil)
  Client.new(ADDRESS, TIMEOUT, store)
end

def signed_in(email, store = nil)
  client(store).tap { |mono| mono.login(email, PASSWORD) }
end
