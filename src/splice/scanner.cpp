#include "scanner.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "runs.h"

namespace repodigest::splice {
namespace {

static_assert(Splicer::max_depth == 10'000, "a message names it");

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// What makes a number or a word longer, so that it cannot be what follows one.
constexpr bool continues_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '+' ||
         c == '-' || c == '.';
}

constexpr std::string_view unknown_word = "a word that JSON does not know";
constexpr std::string_view unknown_number = "a number not as JSON writes it";
constexpr std::string_view invalid_utf8 = "invalid UTF-8";

}  // namespace

Status Splicer::Scanner::feed(std::string_view bytes, std::string& out) {
  assert(trouble_.empty());
  if (bytes.empty()) return {};
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  outlet_.begin_piece(begin, out);
  key_from_ = begin;
  const bool has_mark = bytes.front() == '\xEF' && lines_.next() == Place{};
  const char* const stopped =
      has_mark ? wrong(begin, "a byte order mark before the document") : scan(begin, end);
  lines_.pass({begin, static_cast<std::size_t>(stopped - begin)});
  if (!trouble_.empty()) {
    outlet_.give_up(end);
    return error();
  }
  if (in_key_) hold_key(end);
  outlet_.end_piece(end);
  return {};
}

Status Splicer::Scanner::finish(std::string& out) {
  assert(trouble_.empty());
  if (may_end()) return {};
  trouble_ = cut_short();
  const char* const nothing = "";
  outlet_.begin_piece(nothing, out);
  outlet_.give_up(nothing);
  return error();
}

const char* Splicer::Scanner::scan(const char* p, const char* end) {
  while (p != end && trouble_.empty()) {
    if (state_ <= State::after_value) {
      p = skip_white(p, end);
      if (p == end) break;
    }
    switch (state_) {
      case State::document:
      case State::value:
        p = value(p);
        break;
      case State::first_element:
        p = *p == ']' ? close(p) : value(p);
        break;
      case State::first_key:
      case State::key:
        p = key(p);
        break;
      case State::colon:
        if (*p != ':') return wrong(p, "a colon is expected");
        ++p;
        state_ = State::value;
        break;
      case State::after_value:
        p = after_value(p);
        break;
      case State::string:
        p = string(p, end);
        break;
      case State::escape:
        p = escape(p);
        break;
      case State::hex:
        p = hex(p);
        break;
      case State::character:
        p = character(p);
        break;
      case State::word:
        p = word(p, end);
        break;
      case State::word_end:
        if (continues_word(*p)) return wrong(p, unknown_word);
        end_value();
        break;
      default:
        p = number(p, end);
    }
  }
  return p;
}

const char* Splicer::Scanner::wrong(const char* p, std::string_view trouble) {
  trouble_ = trouble;
  return p;
}

const char* Splicer::Scanner::value(const char* p) {
  if (*p == '"') {
    key_ = Key::other;
    state_ = State::string;
    return p + 1;
  }
  if (*p == '[' || *p == '{') return open(p);
  if (outlet_.in_list()) outlet_.no_list();
  key_ = Key::other;
  switch (*p) {
    case 't':
      begin_word("rue");
      return p + 1;
    case 'f':
      begin_word("alse");
      return p + 1;
    case 'n':
      begin_word("ull");
      return p + 1;
    case '-':
      state_ = State::minus;
      return p + 1;
    case '0':
      state_ = State::zero;
      return p + 1;
    default:
      if (!is_digit(*p)) break;
      state_ = State::integer;
      return p + 1;
  }
  if (state_ == State::first_element) return wrong(p, "a value or ] is expected");
  return wrong(p, "a value is expected");
}

const char* Splicer::Scanner::open(const char* p) {
  if (outlet_.in_list()) outlet_.no_list();
  if (depth_ == max_depth) return wrong(p, "nested deeper than 10000");
  const bool is_object = *p == '{';
  const Key key = std::exchange(key_, Key::other);
  const bool is_bare = depth_ == 0 && options_.bare_lists;
  if (!is_object && sealed_depth_ == 0 && (key == Key::list || is_bare)) outlet_.begin_list(p);
  objects_[depth_++] = in_object_ = is_object;
  if (key == Key::seal && sealed_depth_ == 0) sealed_depth_ = depth_;
  state_ = is_object ? State::first_key : State::first_element;
  return p + 1;
}

const char* Splicer::Scanner::close(const char* p) {
  if (outlet_.in_list()) outlet_.end_list(p + 1);
  if (sealed_depth_ == depth_) sealed_depth_ = 0;
  --depth_;
  in_object_ = depth_ > 0 && objects_[depth_ - 1];
  end_value();
  return p + 1;
}

const char* Splicer::Scanner::key(const char* p) {
  if (*p == '"') {
    in_key_ = true;
    key_from_ = p + 1;
    state_ = State::string;
    return p + 1;
  }
  if (state_ == State::key) return wrong(p, "a key is expected");
  return *p == '}' ? close(p) : wrong(p, "a key or } is expected");
}

const char* Splicer::Scanner::after_value(const char* p) {
  if (*p == ',') {
    state_ = in_object_ ? State::key : State::value;
    return p + 1;
  }
  if (*p == (in_object_ ? '}' : ']')) return close(p);
  return wrong(p, in_object_ ? "a comma or } is expected" : "a comma or ] is expected");
}

void Splicer::Scanner::begin_word(std::string_view rest) {
  word_left_ = rest;
  state_ = State::word;
}

const char* Splicer::Scanner::word(const char* p, const char* end) {
  for (; p != end && !word_left_.empty(); ++p) {
    if (*p != word_left_.front()) return wrong(p, unknown_word);
    word_left_.remove_prefix(1);
  }
  if (word_left_.empty()) state_ = State::word_end;
  return p;
}

const char* Splicer::Scanner::number(const char* p, const char* end) {
  const auto take = [&](State next) {
    state_ = next;
    return p + 1;
  };
  switch (state_) {
    case State::minus:
      if (*p == '0') return take(State::zero);
      if (is_digit(*p)) return take(State::integer);
      return wrong(p, unknown_number);
    case State::point:
      return is_digit(*p) ? take(State::fraction) : wrong(p, unknown_number);
    case State::exponent:
      if (*p == '+' || *p == '-') return take(State::sign);
      [[fallthrough]];
    case State::sign:
      return is_digit(*p) ? take(State::power) : wrong(p, unknown_number);
    default:
      break;
  }
  if (state_ != State::zero) p = std::find_if_not(p, end, is_digit);
  if (p == end) return p;
  if (*p == '.' && (state_ == State::zero || state_ == State::integer)) return take(State::point);
  if ((*p == 'e' || *p == 'E') && state_ != State::power) return take(State::exponent);
  if (continues_word(*p)) return wrong(p, unknown_number);
  end_value();
  return p;
}

const char* Splicer::Scanner::string(const char* p, const char* end) {
  p = skip_plain(p, end);
  if (p == end) return p;
  if (*p == '"') {
    end_string(p);
  } else if (*p == '\\') {
    state_ = State::escape;
  } else if (static_cast<unsigned char>(*p) < 0x20) {
    return wrong(p, "a control character in a string");
  } else if (!begin_character(static_cast<unsigned char>(*p))) {
    return wrong(p, invalid_utf8);
  }
  return p + 1;
}

const char* Splicer::Scanner::escape(const char* p) {
  if (*p == 'u') {
    hex_left_ = 4;
    state_ = State::hex;
  } else if (std::string_view("\"\\/bfnrt").find(*p) != std::string_view::npos) {
    state_ = State::string;
  } else {
    return wrong(p, "an escape that JSON does not know");
  }
  return p + 1;
}

const char* Splicer::Scanner::hex(const char* p) {
  if (!is_hex(*p)) return wrong(p, "four hexadecimal digits are expected");
  if (--hex_left_ == 0) state_ = State::string;
  return p + 1;
}

// Unicode 15.0, table 3-7: only the second byte has bounds of its own.
bool Splicer::Scanner::begin_character(unsigned char lead) {
  if (lead < 0xC2 || lead > 0xF4) return false;
  character_left_ = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  character_low_ = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  character_high_ = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  state_ = State::character;
  return true;
}

const char* Splicer::Scanner::character(const char* p) {
  const auto byte = static_cast<unsigned char>(*p);
  if (byte < character_low_ || byte > character_high_) return wrong(p, invalid_utf8);
  character_low_ = 0x80;
  character_high_ = 0xBF;
  if (--character_left_ == 0) state_ = State::string;
  return p + 1;
}

void Splicer::Scanner::end_string(const char* quote) {
  if (!in_key_) return end_value();
  in_key_ = false;
  state_ = State::colon;
  if (key_spelling_.empty()) {
    key_ = key_of({key_from_, static_cast<std::size_t>(quote - key_from_)});
    return;
  }
  hold_key(quote);
  key_ = key_of(key_spelling_);
  key_spelling_.clear();
}

void Splicer::Scanner::hold_key(const char* end) {
  // One byte more than the longest tells that it is none of ours.
  const std::size_t room = longest_spelling + 1 - key_spelling_.size();
  key_spelling_.append(key_from_, std::min(room, static_cast<std::size_t>(end - key_from_)));
}

bool Splicer::Scanner::may_end() const {
  if (state_ == State::document) return true;
  const bool whole = state_ == State::word_end || state_ == State::zero || state_ == State::integer ||
                     state_ == State::fraction || state_ == State::power;
  return whole && depth_ == 0;
}

std::string_view Splicer::Scanner::cut_short() const {
  switch (state_) {
    case State::string:
    case State::escape:
    case State::hex:
    case State::character:
      return "the document ends in the middle of a string";
    case State::word:
      return "the document ends in the middle of a word";
    case State::minus:
    case State::point:
    case State::exponent:
    case State::sign:
      return "the document ends in the middle of a number";
    default:
      return in_object_ ? "the document ends in the middle of an object"
                        : "the document ends in the middle of an array";
  }
}

}  // namespace repodigest::splice
