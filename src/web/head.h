// The strict reader of request heads. Nothing else looks at what a client sent before it has passed here, so
// what any two readers could understand differently (RFC 9112 11.2, request smuggling) ends here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/web/server.h"

namespace repodigest::web {

/// Which heads pass besides being right: usually a GET or HEAD without a body.
struct HeadRules {
  bool any_method = false;          ///< all others too; bodies are noted in Head::has_body
  std::string_view post_path = {};  ///< a POST to exactly this path, without a body; "" is none
  bool over_tls = false;            ///< what the absolute form of an https URL wants (RFC 9110 7.4)
};

/// A head that passed.
struct Head {
  /// Without its CRLF: a method, a target that begins with "/" (of an absolute form what follows its
  /// authority), HTTP/1.0 or 1.1.
  std::string request_line;
  /// As received, in order; but for a Host beside an absolute form, which has that one's authority.
  std::vector<std::pair<std::string, std::string>> headers;
  bool keep_alive = false;  ///< what the client asked for (RFC 9112 9.3)
  bool has_body = false;    ///< a body follows, which nobody reads: nothing behind it is a request

  /// The first header of that name (any case), or "".
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Why a request is answered without being understood; the connection ends with it.
struct Refusal {
  int status = 400;
  std::string_view text;  ///< a constant: foreign text is never sent back
};

/// Answers that need no request.
inline constexpr Refusal too_slow{408, "the request did not arrive in time"};
inline constexpr Refusal too_many_connections{503, "too many connections"};
inline constexpr Refusal too_many_requests{503, "too many requests at once"};
inline constexpr Refusal internal_error{500, "internal error"};
inline constexpr Refusal tls_wanted{400, "this port speaks TLS: ask by https://"};
inline constexpr Refusal unauthorized{401, "a user and a password are wanted"};
inline constexpr Refusal too_often{429, "too many requests in too short a time"};

/// How a refusal says why.
enum class Wording {
  text,
  json_message,  ///< {"message": …}, as Docker's API does
};

/// The whole reply to a refused request. `without_body` where it was a HEAD.
std::string reply_to(const Refusal& refusal, bool without_body, Wording wording);

/// Reads one head as it arrives, each byte once. Thread rule: one thread.
class HeadReader {
 public:
  static constexpr std::size_t max_bytes = ServerOptions::max_head_bytes;
  /// RFC 9112 3 wants at least 8000; cpp-httplib ends at 8192 with its line end.
  static constexpr std::size_t max_request_line = 8000;
  static constexpr std::size_t max_headers = 100;

  enum class Verdict { incomplete, complete, refused };

  explicit HeadReader(const HeadRules& rules) : rules_(rules) {}
  [[nodiscard]] const HeadRules& rules() const { return rules_; }

  /// Reads on. `received` is everything since the head's first byte: what it was at the last call, and
  /// perhaps more. To be called no more after complete or refused.
  Verdict read(std::string_view received);

  /// After complete: how many bytes of `received` are the head, and what it says.
  [[nodiscard]] std::size_t size() const { return position_; }
  [[nodiscard]] Head head(std::string_view received) const;

  /// After refused: why.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  /// Whether the method is known to be HEAD.
  [[nodiscard]] bool is_head() const { return is_head_; }

 private:
  /// Where a header's name and value stand; a head is shorter than 64 KiB.
  struct Field {
    std::uint16_t name = 0, name_size = 0, value = 0, value_size = 0;
  };

  std::optional<Refusal> request_line(std::string_view line);
  std::optional<Refusal> take_authority(std::string_view& target);
  std::optional<Refusal> header_line(std::string_view line, std::size_t line_position);
  std::optional<Refusal> meaning_of(std::string_view name, std::string_view value);
  [[nodiscard]] std::optional<Refusal> end_of_head() const;
  Verdict refuse(const Refusal& refusal);

  HeadRules rules_;
  std::size_t position_ = 0;    ///< of the next byte to read
  std::size_t line_start_ = 0;  ///< of the line it belongs to
  std::string request_line_;    ///< as Head has it; "" until it has come
  std::string authority_;       ///< of an absolute form
  std::vector<Field> fields_;
  Refusal refusal_;
  bool is_head_ = false;
  bool is_http_1_0_ = false;
  bool empty_line_came_ = false;  ///< before the request line
  bool has_host_ = false;
  bool has_length_ = false;
  bool has_body_ = false;
  bool end_is_unclear_ = false;  ///< of the body: its last coding is not chunked
  bool asks_close_ = false;
  bool asks_keep_alive_ = false;
};

}  // namespace repodigest::web
