// A recording of a real engine: what it answered, byte for byte, and by which names each image could be asked
// for. tests/recorded/<version>-<store> holds a body `X` beside `X.headers` (request line, status, headers).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/base/result.h"

namespace repodigest::support {

/// One answer. Content-Length and Transfer-Encoding are not among the headers: they follow from the body.
struct Answer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  ///< in the order received
  std::string body;

  /// Replaces the header of that name (any case), or appends it.
  void set_header(std::string_view name, std::string_view value);
};

/// What a recorded engine answers. A value; tests change it to say what happened on the engine. Thread rule:
/// one user at a time (ReplayEngine guards its own).
class Recording {
 public:
  /// Which images the engine has: the usual corpus, or with them the ones in odd states (`odd_*` files:
  /// config gone, names that are not canonical, a dangling name beside tags). Of an odd image whose inspect
  /// was not recorded nothing is known, so it is left out of the list.
  enum class Images { usual, odd };

  /// Reads a folder of tests/recorded. Errors: Reason::usage with the file that is missing or not understood.
  static Result<Recording> from_folder(const std::filesystem::path& folder, Images images = Images::usual);
  /// Engine 27.3.1 with the containerd store, which is linked into the program for --demo. Cannot fail: the
  /// build embeds what the unit tests load.
  static Recording embedded();

  /// What the engine answers to `method` and `target` (path, with or without /v1.NN, and query, which changes
  /// nothing). An image is found by what its inspect calls it (tag, repo@digest), as Docker reads names
  /// (`nginx` is `docker.io/library/nginx:latest`), by Id and by any unambiguous part of an Id's beginning.
  [[nodiscard]] Answer answer(std::string_view method, std::string_view target) const;

  /// Ids of the rows of the list, in its order.
  [[nodiscard]] std::vector<std::string> ids() const;
  /// Inspect body of an image by its full Id; empty if its inspect answers 404.
  [[nodiscard]] std::string inspect_body(std::string_view id) const;
  /// Body of a fixed path: "/version", "/info", "/_ping", "/images/json", and "/containers/json", which was
  /// not recorded and names none.
  [[nodiscard]] std::string body(std::string_view path) const;

  /// Takes an image away: its rows of the list and its inspect.
  void remove_image(std::string_view id);
  /// Adds an image at the list's end. Both are JSON objects with the same `Id` (asserted).
  void add_image(std::string_view row, std::string_view inspect);
  /// Gives an image another inspect body (any bytes; empty: it answers 404). The names it is found by stay.
  void set_inspect(std::string_view id, std::string body);
  /// Gives a fixed path another body (any bytes).
  void set_body(std::string_view path, std::string body);

 private:
  using Files = std::map<std::string, std::string, std::less<>>;

  static Result<Recording> load(const Files& files, Images images);
  [[nodiscard]] Answer inspect(std::string_view name) const;
  void add_inspect(const std::string& id, Answer answer);

  std::map<std::string, Answer, std::less<>> fixed_;       ///< by path; HEAD of the ping by "HEAD /_ping"
  std::map<std::string, Answer, std::less<>> inspects_;    ///< by full Id
  std::map<std::string, std::string, std::less<>> names_;  ///< familiar name with tag or digest → full Id
  Answer page_not_found_;
  Answer no_such_image_;  ///< names the image `no-such-image:1`
  Answer api_too_new_;    ///< names the version 1.99
  Answer api_too_old_;    ///< names the version 1.11
};

}  // namespace repodigest::support
