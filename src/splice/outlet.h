// What goes out: all that comes in, but for the entries of lists that stand before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace repodigest::splice {

/// Takes what is fed piece by piece and copies whole stretches of it; holds back what may be a list, from its
/// bracket on. Pointers are into the piece begun last. Thread rule: one thread.
class Outlet {
 public:
  /// `max_held`: Options::max_list_bytes.
  explicit Outlet(std::size_t max_held) : max_held_(max_held) {}

  /// A piece begins, whose bytes will go to `out`.
  void begin_piece(const char* begin, std::string& out);
  /// It ends. What is held back goes on in the next one.
  void end_piece(const char* end);
  /// All goes out as it is, what was held back too.
  void give_up(const char* end);

  /// An array that may be a list begins with this bracket.
  void begin_list(const char* bracket);
  /// It was one, and ended before `end`.
  void end_list(const char* end);
  /// It is none.
  void no_list();
  /// Whether there is one between begin_list() and its end.
  [[nodiscard]] bool in_list() const { return in_list_; }

  [[nodiscard]] std::uint64_t removed() const { return removed_; }
  [[nodiscard]] std::uint64_t lists() const { return lists_; }

 private:
  const std::size_t max_held_;
  std::string* out_ = nullptr;
  const char* rest_ = nullptr;  ///< from here on nothing of the piece has gone out
  bool in_list_ = false;
  const char* list_from_ = nullptr;  ///< where in the piece the list begins or goes on
  std::string held_;                 ///< what earlier pieces had of it
  std::uint64_t removed_ = 0;
  std::uint64_t lists_ = 0;
};

}  // namespace repodigest::splice
