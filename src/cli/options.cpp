#include "repodigest/cli/options.h"

#include <algorithm>

#include "option_table.h"

namespace repodigest::cli {

std::string Option::flag() const {
  std::string text = kind == Kind::negatable ? "--[no-]" + name : "--" + name;
  if (!placeholder.empty()) text += "=" + placeholder;
  return text;
}

std::string Option::variable() const {
  std::string text(variable_prefix);
  for (const char c : name)
    text += c == '.' || c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

const std::vector<Option>& options() {
  static const std::vector<Option> table = [] {
    std::vector<Option> all;
    for (const auto make : {make_engine_options, make_web_options, make_other_options})
      for (auto& option : make()) all.push_back(std::move(option));
    return all;
  }();
  return table;
}

const Option* find_option(std::string_view name) {
  const auto& table = options();
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Option& option) { return option.name == name; });
  return found == table.end() ? nullptr : &*found;
}

bool takes(Command command, Group group) {
  switch (group) {
    case Group::check:
      return command == Command::check;
    case Group::digest:
      return command == Command::digest;
    case Group::dedupe:
      return command == Command::dedupe;
    case Group::running_daemon:
      return command == Command::check || command == Command::healthcheck;
    default:
      return true;
  }
}

}  // namespace repodigest::cli
