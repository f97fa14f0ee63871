#include "command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "repodigest/base/secret.h"

namespace repodigest::cli {
namespace {

bool starts_with_dash(std::string_view text) {
  return text.substr(0, 1) == "-" && text != "-";
}

/// Levenshtein's distance.
std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

constexpr std::array<std::pair<Command, const char*>, 4> command_names = {
    {{Command::check, "check"},
     {Command::digest, "digest"},
     {Command::dedupe, "dedupe"},
     {Command::healthcheck, "healthcheck"}}};

/// The commands that take the options of a group, "check or healthcheck".
std::string commands_of(Group group) {
  std::string names;
  for (const auto& [command, name] : command_names)
    if (takes(command, group)) names += (names.empty() ? "" : " or ") + std::string(name);
  return names;
}

/// Flags that `command` takes, without dashes.
std::vector<std::string> flags_of(Command command) {
  std::vector<std::string> flags = {"help", "version"};
  for (const auto& option : options()) {
    if (!takes(command, option.group)) continue;
    flags.push_back(option.name);
    if (option.kind == Option::Kind::negatable) flags.push_back("no-" + option.name);
  }
  return flags;
}

std::string unexpected(Command command, const std::string& argument) {
  if (!starts_with_dash(argument)) {
    // A URL, but not an image's reference, can have a password in it.
    const bool is_url = argument.find("://") != std::string::npos;
    const std::string shown = is_url ? without_password(argument) : argument;
    if (command != Command::daemon) return "unexpected argument \"" + shown + "\"";
    std::vector<std::string> names;
    names.reserve(command_names.size());
    for (const auto& [known, name] : command_names) names.emplace_back(name);
    return "unknown command \"" + shown + "\"" + did_you_mean(argument, names);
  }
  const std::string flag = argument.substr(0, argument.find('='));
  const std::string name = flag.substr(std::min(flag.find_first_not_of('-'), flag.size()));
  const auto* const option = find_option(name);
  if (option != nullptr && !takes(command, option->group))
    return flag + " belongs behind the command " + commands_of(option->group);
  if (option != nullptr && flag.substr(0, 2) == "--")
    return flag + " stands behind \"--\", where no flags are read";
  return "unknown flag " + flag + did_you_mean(name, flags_of(command), "--");
}

/// What is wrong with "--name=", which CLI11 would read as "--name" with the next argument as its value.
std::string flag_without_value(const std::vector<std::string>& arguments) {
  for (const auto& argument : arguments) {
    if (argument == "--") break;
    if (argument.size() > 3 && argument.substr(0, 2) == "--" && argument.back() == '=')
      return argument.substr(0, argument.size() - 1) + " needs a value";
  }
  return "";
}

CLI::Option* add(CLI::App& app, const Option& option) {
  if (option.is_switch())
    return app
        .add_flag(option.kind == Option::Kind::negatable ? "--" + option.name + ",!--no-" + option.name
                                                         : "--" + option.name)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return app.add_option("--" + option.name)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);  // or "[::1]" would be read as a list
}

}  // namespace

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& candidates,
                         const std::string& prefix) {
  const std::string* best = nullptr;
  std::size_t least = std::max<std::size_t>(2, typed.size() / 5) + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(typed, candidate);
    if (distance >= least) continue;
    least = distance;
    best = &candidate;
  }
  // "listen-address" is far from "web.listen-address" but surely means it.
  const std::string ending = "." + std::string(typed);
  for (const auto& candidate : candidates)
    if (best == nullptr && candidate.size() > ending.size() &&
        candidate.compare(candidate.size() - ending.size(), ending.size(), ending) == 0)
      best = &candidate;
  return best == nullptr ? "" : "; did you mean " + prefix + *best + "?";
}

CommandLine read_command_line(int argc, const char* const* argv) {
  CommandLine line;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();            // what is unknown gets a text of ours
  app.fallthrough();             // shared flags stand before and behind the command
  app.require_subcommand(0, 1);  // behind `check`, "digest" is an image
  auto* const help = app.add_flag("-h,--help");
  auto* const help_man = app.add_flag("--help-man");
  auto* const version = app.add_flag("--version");
  std::vector<std::pair<Command, CLI::App*>> commands;
  for (const auto& [command, name] : command_names) {
    commands.emplace_back(command, app.add_subcommand(name));
    if (command != Command::healthcheck) commands.back().second->add_option("OPERAND", line.operands);
  }

  std::vector<std::pair<const Option*, CLI::Option*>> added;
  for (const auto& option : options()) {
    if (takes(Command::daemon, option.group)) {
      added.emplace_back(&option, add(app, option));
      continue;
    }
    for (const auto& [command, parser] : commands)
      if (takes(command, option.group)) added.emplace_back(&option, add(*parser, option));
  }

  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError&) {
    // All counts and types are open but one: a flag at the very end whose value is missing.
    const std::string& last = arguments.back();
    line.mistake = last.substr(0, last.find('=')) + " needs a value";
  }

  for (const auto& [command, parser] : commands)
    if (parser->parsed()) line.command = command;
  line.help = help->count() > 0;
  line.help_man = help_man->count() > 0;
  line.version = version->count() > 0;
  for (const auto& [option, parsed] : added) {
    if (parsed->count() == 0) continue;
    line.values[option] = parsed->results();
    if (parsed->count() > 1 && option->kind != Option::Kind::list && line.mistake.empty())
      line.mistake = "--" + option->name + " is given more than once";
  }
  if (line.mistake.empty()) line.mistake = flag_without_value(arguments);
  for (const auto& argument : app.remaining(true)) {
    if (argument == "--") continue;
    line.mistake = unexpected(line.command, argument);
    break;
  }
  if (line.mistake.empty() && line.command == Command::digest && line.operands.size() != 1)
    line.mistake = line.operands.empty()
                       ? "digest wants an image, such as nginx:latest"
                       : "digest takes one image, not " + std::to_string(line.operands.size());
  return line;
}

}  // namespace repodigest::cli
