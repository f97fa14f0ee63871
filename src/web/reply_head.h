// How replies begin that cpp-httplib does not write: refusals, a passage's replies and flows.
#pragma once

#include <string>
#include <string_view>

namespace repodigest::web {

/// The usual phrase of a status (RFC 9110 15, RFC 6585), or "".
std::string_view phrase_of(int status);

/// The time now as the header Date has it (RFC 9110 5.6.7, 6.6.1); valid until the next call on this thread.
/// Any thread.
std::string_view http_date();

/// Whether a reply of that status ends with its head (RFC 9112 6.3).
constexpr bool is_without_content(int status) {
  return status == 204 || status == 304;
}

/// What of a request decides how its reply is framed.
struct Manner {
  bool is_head = false;
  bool is_http_1_0 = false;
  bool keep_alive = false;
};

/// Collects the text of a reply's head. A value.
class ReplyHead {
 public:
  explicit ReplyHead(int status);
  /// Leaves out what is no header: a name that is no token, a value with a control character (a line end!).
  ReplyHead& add(std::string_view name, std::string_view value);
  /// Says whether the connection stays, where that is not plain from the version.
  ReplyHead& add_connection(bool keep_alive, bool is_http_1_0);
  /// With its empty line.
  std::string text() &&;

 private:
  std::string text_;
};

}  // namespace repodigest::web
