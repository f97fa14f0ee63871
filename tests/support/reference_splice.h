// What the Splicer should do, said again as simply as can be: the whole text at once, a function for each
// thing of the grammar, a list compared with all that went before it. Slow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace repodigest::support {

class ReferenceSplice {
 public:
  ReferenceSplice(std::string_view text, bool bare_lists) : text_(text) {
    bool word = false;
    while (valid_ && (space(), at_ < text_.size())) {
      const bool glued = word && at_ > 0 && !is_one_of(text_[at_ - 1], " \t\r\n");
      word = !is_one_of(peek(), "[{\"");
      if (glued && word) valid_ = false;
      value(bare_lists, false);
    }
    output_ += text_.substr(gone_out_);
  }
  [[nodiscard]] bool valid() const { return valid_; }
  /// From the list on in which an error is, or else from the error on, as it came in.
  [[nodiscard]] const std::string& output() const { return output_; }

 private:
  static bool is_one_of(char c, std::string_view set) { return c != '\0' && set.find(c) != set.npos; }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() {
    while (is_one_of(peek(), " \t\r\n")) ++at_;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view word) {
    for (const char c : word) valid_ = valid_ && take(c);
  }

  void value(bool may_be_list, bool sealed) {
    space();
    if (!valid_) return;
    if (peek() == '{') return object(sealed);
    if (peek() == '[') return array(may_be_list && !sealed, sealed);
    if (peek() == '"') return static_cast<void>(string());
    if (peek() == 't') return expect("true");
    if (peek() == 'f') return expect("false");
    if (peek() == 'n') return expect("null");
    number();
  }

  void object(bool sealed) {
    valid_ = ++depth_ <= 10'000;
    expect("{");
    for (bool first = true; space(), valid_ && !(first && peek() == '}'); first = false) {
      const std::string key = string();
      space();
      expect(":");
      value(key == "RepoDigests", sealed || key == "Config" || key == "Labels");
      space();
      if (!take(',')) break;
    }
    expect("}");
    --depth_;
  }

  void array(bool is_list, bool sealed) {
    struct Entry {
      std::string text;
      std::size_t from, end;
    };
    std::vector<Entry> entries;
    const std::size_t begin = at_;
    valid_ = ++depth_ <= 10'000;
    expect("[");
    for (bool first = true; space(), valid_ && !(first && peek() == ']'); first = false) {
      is_list = is_list && peek() == '"';
      const std::size_t entry = at_;
      if (is_list)
        entries.push_back({string(), text_.rfind(first ? '[' : ',', entry), at_});
      else
        value(false, sealed);
      space();
      if (!take(',')) break;
    }
    expect("]");
    --depth_;
    if (!valid_ || !is_list) return;
    output_ += text_.substr(gone_out_, begin - gone_out_);
    gone_out_ = begin;
    for (auto one = entries.begin(); one != entries.end(); ++one) {
      if (std::none_of(entries.begin(), one, [&](const Entry& other) { return other.text == one->text; }))
        continue;
      output_ += text_.substr(gone_out_, one->from - gone_out_);
      gone_out_ = one->end;
    }
  }

  void number() {
    take('-');
    if (!take('0')) digits();
    if (take('.')) digits();
    if (is_one_of(peek(), "eE")) {
      ++at_;
      if (!take('+')) take('-');
      digits();
    }
  }
  void digits() {
    valid_ = valid_ && is_one_of(peek(), "0123456789");
    while (is_one_of(peek(), "0123456789")) ++at_;
  }

  std::string string() {
    std::u32string text;
    expect("\"");
    while (valid_ && !take('"')) text += character();
    // UTF-32 as bytes is enough to compare; surrogates that belong together have become one.
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::uint32_t point = text[i];
      if (point >> 10U == 0x36 && i + 1 < text.size() &&
          static_cast<std::uint32_t>(text[i + 1]) >> 10U == 0x37)
        point = 0x10000 + ((point & 0x3FFU) << 10U) + (text[++i] & 0x3FFU);
      if (point < 0x80) {
        bytes += static_cast<char>(point);
      } else {
        bytes += '\x80' + std::to_string(point) + ';';
      }
    }
    return bytes;
  }

  char32_t character() {
    const auto byte = [&] { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_++]) : 0U; };
    const std::uint32_t lead = byte();
    if (lead == '\\') return escaped();
    if (lead >= 0x20 && lead < 0x80) return lead;
    const std::uint32_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    valid_ = valid_ && lead >= 0xC0 && lead < 0xF8;
    std::uint32_t point = lead & (0x3FU >> more);
    for (std::uint32_t i = 0; valid_ && i < more; ++i) {
      const std::uint32_t next = byte();
      valid_ = next >> 6U == 2;
      point = point << 6U | (next & 0x3FU);
    }
    const bool shortest = point >= (more == 1 ? 0x80U : more == 2 ? 0x800U : 0x10000U);
    valid_ = valid_ && shortest && point < 0x110000 && point >> 11U != 0x1B;
    return point;
  }
  char32_t escaped() {
    const char c = peek();
    at_ += 1;
    if (c != 'u') {
      valid_ = valid_ && is_one_of(c, "\"\\/bfnrt");
      return static_cast<unsigned char>(c == 'b'   ? '\b'
                                        : c == 'f' ? '\f'
                                        : c == 'n' ? '\n'
                                        : c == 'r' ? '\r'
                                        : c == 't' ? '\t'
                                                   : c);
    }
    char32_t unit = 0;
    for (int i = 0; i < 4; ++i) {
      const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(peek());
      valid_ = valid_ && at_ < text_.size() && digit < 22;
      unit = unit * 16 + static_cast<char32_t>(digit < 16 ? digit : digit - 6);
      at_ += 1;
    }
    return unit;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool valid_ = true;
  std::string output_;
  std::size_t gone_out_ = 0;
};

}  // namespace repodigest::support
