// A command line, an environment and a config file as lines: "$NAME=VALUE" is a variable, what stands behind
// a line "%%" the file, all else an argument. Errors are one line; what is taken is the same when all of it
// is said by flags; and a flag wins over its variable.
#include <cstdint>
#include <regex>

#include "repodigest/cli/options.h"
#include "require.h"
#include "unit/cli/world.h"

namespace repodigest::fuzz {
namespace {

using cli::Command;
using cli::Option;
using cli::Parsed;
using cli::World;

struct Said {
  World world;
  std::vector<std::string> arguments;

  explicit Said(std::string_view text) {
    const auto mark = text.find("\n%%\n");
    for (const auto line : split(text.substr(0, mark), "\n")) {
      const auto equals = std::min(line.find('='), line.size());
      if (line.starts_with('$') && equals < line.size())
        world.variables[std::string(line.substr(1, equals - 1))] = std::string(line.substr(equals + 1));
      else if (!line.empty())
        arguments.emplace_back(line.substr(0, line.find('\0')));
    }
    if (mark == std::string_view::npos) return;
    world.files["/etc/r.yml"] = std::string(text.substr(mark + 4));
    arguments.emplace_back("--config.file=/etc/r.yml");
  }

  /// It would read the web config files of this machine.
  [[nodiscard]] bool asks_for_check() const {
    const auto has = [](std::string_view text, std::string_view part) {
      return text.find(part) != std::string_view::npos;
    };
    return std::any_of(arguments.begin(), arguments.end(),
                       [&](const auto& argument) { return has(argument, "config.check"); }) ||
           world.variables.contains("REPODIGEST_EXPORTER_CONFIG_CHECK") ||
           std::any_of(world.files.begin(), world.files.end(),
                       [&](const auto& file) { return has(file.second, "check"); });
  }
};

bool is_yes(std::string value) {
  for (char& c : value)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return value == "true" || value == "yes" || value == "on" || value == "1";
}

/// All that was found out, said by flags; where the command does not take one, by its variable. False if that
/// cannot be said.
bool say_again(const Parsed& parsed, World& world, std::vector<std::string>& arguments) {
  static const std::vector<std::pair<Command, const char*>> commands = {
      {Command::check, "check"},
      {Command::digest, "digest"},
      {Command::dedupe, "dedupe"},
      {Command::healthcheck, "healthcheck"}};
  const Command command = parsed.config->command;
  for (const auto& [known, name] : commands)
    if (known == command) arguments.emplace_back(name);
  for (const auto& [name, values] : parsed.settings) {
    const Option& option = *cli::find_option(name);
    if (name == "config.file" || values.empty()) continue;
    const bool flag = cli::takes(command, option.group);
    for (const auto& value : values) {
      if (value.empty() || value.find('\0') != std::string::npos) return false;
      if (!flag && option.kind == Option::Kind::list && value.find(',') != std::string::npos) return false;
    }
    if (!flag) {
      std::string& joined = world.variables[option.variable()];
      for (const auto& value : values) joined += (joined.empty() ? "" : ",") + value;
    } else if (option.is_switch()) {
      if (is_yes(values[0]))
        arguments.push_back("--" + name);
      else if (option.kind == Option::Kind::negatable)
        arguments.push_back("--no-" + name);
    } else {
      for (const auto& value : values) arguments.push_back("--" + name + "=" + value);
    }
  }
  std::vector<std::string> operands = parsed.config->check_images;
  if (command == Command::digest) operands = {parsed.config->digest_image};
  if (command == Command::dedupe) operands = parsed.config->dedupe_files;
  if (!operands.empty()) arguments.emplace_back("--");
  for (const auto& operand : operands) arguments.push_back(operand);
  return true;
}

void check_refusal(const Parsed& parsed) {
  require(!parsed.output.empty() && parsed.output.back() == '\n', "what is printed ends its line");
  if (parsed.exit_code == 0) return;
  require(parsed.exit_code >= 1 && parsed.exit_code <= 3, "an error is 1 to 3");
  const std::string_view line(parsed.output.data(), parsed.output.size() - 1);
  for (const char c : line)
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "an error is one line");
  require(line.starts_with(parsed.exit_code == 3 ? "REPODIGESTS UNKNOWN - " : "repodigest_exporter: "),
          "and says who speaks");
}

void check(std::string_view text) {
  const Said said(text);
  if (said.asks_for_check()) return;
  const Parsed parsed = said.world.parse(said.arguments);
  if (!parsed.config) return check_refusal(parsed);
  require(parsed.exit_code == 0 && parsed.output.empty(), "what is taken prints nothing");
  require(!parsed.config->web_listen_addresses.empty(), "there is a place to listen at");
  const std::string described = cli::described(*parsed.config);

  World by_flags;
  std::vector<std::string> arguments;
  // Of host and context the stronger was kept.
  const bool both =
      !parsed.settings.at("docker.host").empty() && !parsed.settings.at("docker.context").empty();
  if (!both && say_again(parsed, by_flags, arguments)) {
    const Parsed again = by_flags.parse(arguments);
    require(again.config.has_value() && cli::described(*again.config) == described,
            "it is the same when flags say it");
  }

  Said contradicted = said;
  for (const Option& option : cli::options())
    for (const auto& argument : said.arguments) {
      if (argument == "--") break;
      if (argument.substr(0, argument.find('=')) == "--" + option.name || argument == "--no-" + option.name)
        contradicted.world.variables[option.variable()] = "\x01 no value";
    }
  const Parsed same = contradicted.world.parse(said.arguments);
  require(same.config.has_value() && cli::described(*same.config) == described,
          "a flag wins over its variable");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  repodigest::fuzz::check(repodigest::fuzz::text_of(data, size));
  return 0;
}
