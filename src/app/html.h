// HTML as text: what comes from outside is escaped here and nowhere else.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace repodigest::app {

/// Text of the engine or of a person, harmless in HTML text and in quoted attributes. Any thread.
std::string escaped(std::string_view text);

/// HTML that grows. Thread rule: one thread.
class Html {
 public:
  /// Markup of our own.
  Html& html(std::string_view markup) {
    bytes_ += markup;
    return *this;
  }
  /// Anything else.
  Html& text(std::string_view text);
  Html& text(std::size_t number) { return html(std::to_string(number)); }

  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// The template with the HTML of each {{name}} in its place, which is not looked into again; a name without
/// one leaves nothing. Any thread.
std::string filled(std::string_view form,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> values);

}  // namespace repodigest::app
