// The one table of everything that can be set. The command line, the environment, the config file, --help and
// the man page are all driven by it, so that none of them can know an option the others don't.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/base/result.h"
#include "repodigest/cli/config.h"

namespace repodigest::cli {

/// The texts one source gives for one option: exactly one, or one and more for Kind::list.
using Values = std::vector<std::string>;

/// What an option is about. Those from running_daemon on belong to single commands.
enum class Group {
  docker,
  polling,
  metrics,
  web,
  docker_api,
  configuration,
  logging,
  running_daemon,
  check,
  digest,
  dedupe
};

struct Option {
  enum class Kind {
    value,      ///< --name=VALUE
    list,       ///< --name=VALUE, repeatable; separated by commas in the environment
    toggle,     ///< --name
    negatable,  ///< --name and --no-name
  };

  std::string name;  ///< of the flag, without dashes; the key of the config file
  Group group = Group::docker;
  Kind kind = Kind::value;
  std::string placeholder = {};      ///< what stands for the value in --help; "" for toggles
  std::string default_text = {};     ///< the default as a user would write it; "" is none
  std::string docker_variable = {};  ///< Docker's own variable for the same thing, or ""
  bool found_by_engine = false;      ///< engine::find_endpoint reads docker_variable itself
  bool in_config_file = true;
  std::string help;
  /// Turns the texts into the value and stores it. Errors: Reason::usage, without the option's name.
  std::function<Status(Config&, const Values&)> set;

  [[nodiscard]] bool is_switch() const { return kind == Kind::toggle || kind == Kind::negatable; }
  /// "--[no-]web.api", "--poll.interval=<duration>".
  [[nodiscard]] std::string flag() const;
  /// "REPODIGEST_EXPORTER_POLL_INTERVAL".
  [[nodiscard]] std::string variable() const;
};

inline constexpr std::string_view variable_prefix = "REPODIGEST_EXPORTER_";

/// The table, in the order of --help. Any thread.
const std::vector<Option>& options();

/// The option of that name, or null.
const Option* find_option(std::string_view name);

/// Whether `command` takes the options of `group`.
bool takes(Command command, Group group);

}  // namespace repodigest::cli
