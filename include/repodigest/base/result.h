// Errors are values in this house: a function that can fail returns Result<T>, and what went wrong is an
// Error whose text says what happened, where, and what to do about it.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace repodigest {

/// What kind of failure an Error is. The names are label values of docker_poll_failures_total and
/// docker_api_request_failures_total, so they never change their meaning.
enum class Reason {
  connect,      ///< no connection: socket missing, refused, reset, host not found
  permission,   ///< the operating system or a security module forbids it
  tls,          ///< handshake or certificate trouble
  timeout,      ///< a deadline passed
  http,         ///< an answer with status >= 300, or an answer that is not HTTP
  api_version,  ///< the engine serves no API version that this program speaks
  interrupted,  ///< the program is stopping, or the connection ended in the middle of an answer
  parse,        ///< the body is not what the API promises
  too_large,    ///< the answer is larger than the cap of its call
  not_found,    ///< 404: the thing asked for does not exist
  usage,        ///< bad input of the person who runs the program; never a metric label
};

/// Label values in the order of Reason; `usage` is left out because it never becomes one.
inline constexpr std::array<std::string_view, 10> reason_names = {
    "connect",     "permission",  "tls",   "timeout",   "http",
    "api_version", "interrupted", "parse", "too_large", "not_found"};

/// The label value of a reason ("usage" for Reason::usage).
constexpr std::string_view name_of(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  return index < reason_names.size() ? reason_names[index] : std::string_view("usage");
}

/// One failure. `text` is a whole sentence for a person; `status` is the HTTP status if an answer caused it,
/// else 0.
struct Error {
  Reason reason = Reason::connect;
  std::string text;
  int status = 0;
};

/// Either a value or the Error that prevented it. Reading the wrong side is a programming error (asserted).
/// Thread rule: as its T.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return *checked(); }
  const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(*checked()); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return checked(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const& {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }
  [[nodiscard]] Error&& error() && {
    assert(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  T* checked() {
    assert(ok());
    return std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

/// A Result without a value: success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const& {
    assert(!ok());
    return *error_;
  }
  [[nodiscard]] Error&& error() && {
    assert(!ok());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

/// The operating system's text for an errno value, e.g. "no such file or directory" (lower case, without the
/// number). Any thread.
std::string errno_text(int error_number);

}  // namespace repodigest
