// Bytes in, the same bytes out, but for the RepoDigests lists of JSON documents: these are made unique. A
// validating scanner that never holds more than one such list. Knows no HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "repodigest/base/result.h"

namespace repodigest::splice {

struct Options {
  /// A document that is nothing but an array of strings is a list too, as
  /// `docker image inspect --format '{{json .RepoDigests}}'` prints it.
  bool bare_lists = false;
  /// A list of more bytes than these, and that comes in more than one piece, is let pass as it is: whoever
  /// serves strangers has neither the memory for it nor the time.
  std::size_t max_list_bytes = std::numeric_limits<std::size_t>::max();
};

/// Where something stands in what was fed, both from 1. A column counts bytes.
struct Place {
  std::uint64_t line = 1;
  std::uint64_t column = 1;
  friend bool operator==(const Place&, const Place&) = default;
};

/// Makes every RepoDigests list of a stream of JSON documents unique: any number of them, in a row, with
/// white space between them or not (a number or a word behind another needs some). A list is the value of a
/// key `RepoDigests` (as decoded) if it is an array of nothing but strings, at any depth but below a key
/// `Config` or `Labels`; entries are equal if their decoded strings are; the first appearance keeps its place
/// and its spelling (moby v27.4.0 daemon/containerd/image.go, sliceutil.Dedup). With an entry go the comma
/// before it and the white space between. Every other byte is kept.
///
/// JSON is RFC 8259: strict, UTF-8 without byte order mark, \uD800 alone is let pass, nesting at most
/// max_depth. Memory: the largest single list (up to ten times, if its entries are of a letter or two) and
/// the nesting, not the documents. Time: linear, n log n in a list's entries. Thread rule: one thread.
class Splicer {
 public:
  static constexpr std::size_t max_depth = 10'000;  ///< as Go's encoding/json

  explicit Splicer(Options options = {});
  ~Splicer();
  Splicer(Splicer&&) noexcept;
  Splicer& operator=(Splicer&&) noexcept;

  /// Takes in the next bytes, cut anywhere, and appends to `out` what is decided. Error: Reason::parse, what
  /// is wrong, without its place; then everything fed so far has gone out, this piece included, unchanged
  /// from the list on that was not finished: whoever passes bytes on may go on without us. Not to be fed
  /// after that.
  Status feed(std::string_view bytes, std::string& out);

  /// Says that nothing more comes. Errors: as feed(), where the last document is not whole. No document at
  /// all is none.
  Status finish(std::string& out);

  /// Entries left out so far.
  [[nodiscard]] std::uint64_t removed() const;
  /// Lists seen so far, those without duplicates or entries included.
  [[nodiscard]] std::uint64_t lists() const;
  /// After an Error: where it is.
  [[nodiscard]] Place place() const;

 private:
  class Scanner;
  std::unique_ptr<Scanner> scanner_;
};

}  // namespace repodigest::splice
