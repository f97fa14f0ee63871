// What the Splicer is inside: a state machine that is fed bytes and finds the lists in them.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lines.h"
#include "outlet.h"
#include "repodigest/splice/splicer.h"
#include "spelling.h"

namespace repodigest::splice {

class Splicer::Scanner {
 public:
  explicit Scanner(Options options) : options_(options), outlet_(options.max_list_bytes) {}

  Status feed(std::string_view bytes, std::string& out);
  Status finish(std::string& out);
  [[nodiscard]] const Outlet& outlet() const { return outlet_; }
  [[nodiscard]] Place place() const { return lines_.next(); }

 private:
  /// What may come next, or what it is in the middle of.
  enum class State : std::uint8_t {
    document,       ///< a value, or the end of all
    value,          ///< behind a colon, or behind a comma of an array
    first_element,  ///< a value or ]
    key,            ///< behind a comma of an object
    first_key,      ///< a key or }
    colon,
    after_value,  ///< in an array or object: a comma or its end
    string,
    escape,     ///< behind a backslash
    hex,        ///< in the digits of \u
    character,  ///< in a character of several bytes
    word,       ///< in true, false or null
    word_end,   ///< behind one, where nothing may stand that makes it longer
    minus,      ///< from here on a number: behind its sign,
    zero,       ///< behind a zero in front,
    integer,    ///< in its digits,
    point,      ///< behind its decimal point,
    fraction,   ///< in the digits behind that,
    exponent,   ///< behind its e,
    sign,       ///< behind the sign of that,
    power,      ///< in the digits of that
  };

  // Each takes what it can of [p, end) and returns what comes behind; with trouble_ set, the byte that is
  // wrong.
  const char* scan(const char* p, const char* end);
  const char* value(const char* p);
  const char* open(const char* p);
  const char* close(const char* p);
  const char* key(const char* p);
  const char* after_value(const char* p);
  const char* string(const char* p, const char* end);
  const char* escape(const char* p);
  const char* hex(const char* p);
  const char* character(const char* p);
  const char* word(const char* p, const char* end);
  const char* number(const char* p, const char* end);
  const char* wrong(const char* p, std::string_view trouble);

  void begin_word(std::string_view rest);
  bool begin_character(unsigned char lead);  ///< whether it can begin one
  void end_string(const char* quote);
  void end_value() { state_ = depth_ == 0 ? State::document : State::after_value; }
  void hold_key(const char* end);
  [[nodiscard]] bool may_end() const;
  [[nodiscard]] std::string_view cut_short() const;
  [[nodiscard]] Error error() const { return {Reason::parse, std::string(trouble_)}; }

  const Options options_;
  State state_ = State::document;
  std::string_view trouble_;  ///< empty: none

  std::bitset<max_depth> objects_;  ///< of each level: whether it is an object
  std::size_t depth_ = 0;
  bool in_object_ = false;        ///< of the innermost level
  std::size_t sealed_depth_ = 0;  ///< the level of the outermost value of a Config or Labels; 0: in none
  Key key_ = Key::other;          ///< the key whose value comes next

  bool in_key_ = false;
  const char* key_from_ = nullptr;  ///< where in the piece a key begins or goes on
  std::string key_spelling_;        ///< what earlier pieces had of it, as much as can matter
  std::uint8_t hex_left_ = 0;
  std::uint8_t character_left_ = 0;  ///< bytes of a character of several bytes, and
  unsigned char character_low_ = 0;  ///< where the next one of these lies
  unsigned char character_high_ = 0;
  std::string_view word_left_;

  Outlet outlet_;
  Lines lines_;
};

}  // namespace repodigest::splice
