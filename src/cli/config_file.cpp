#include "config_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "command_line.h"
#include "repodigest/base/secret.h"
#include "repodigest/base/yaml.h"
#include "values.h"

namespace repodigest::cli {
namespace {

constexpr std::size_t max_file_bytes = std::size_t{1} << 20U;

/// Walks the mappings. How deep it goes is bounded by the dots in flags' names: a key that begins no name
/// ends the reading, so that aliases (which yaml-cpp shares, not copies) cannot multiply anything.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Status read_mapping(const YAML::Node& mapping, const std::string& prefix) {
    for (const auto& entry : mapping) {
      if (!entry.first.IsScalar()) return wrong(entry.first, "a key is not a plain word");
      const std::string name = prefix + entry.first.Scalar();
      if (auto status = read_entry(entry.first, entry.second, name); !status) return status;
    }
    return {};
  }

  std::vector<FileSetting> take() && { return std::move(settings_); }

  Error wrong(const YAML::Node& node, const std::string& text) const {
    return usage_error(position(node.Mark()) + text);
  }

  [[nodiscard]] std::string position(const YAML::Mark& mark) const {
    if (mark.is_null()) return path_ + ": ";
    return path_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) + ": ";
  }

 private:
  Status read_entry(const YAML::Node& key, const YAML::Node& value, const std::string& name) {
    const auto* const option = find_option(name);
    // `poll` is both: a switch, and the section of poll.interval.
    if (option == nullptr || (!value.IsScalar() && begins_a_name(name)))
      return read_section(key, value, name);
    if (!option->in_config_file) return wrong(key, name + " has no place in a config file");
    if (!seen_.insert(option).second) return wrong(key, name + " stands twice");

    FileSetting setting{option, {}, position(key.Mark()) + name};
    if (value.IsNull()) return wrong(key, name + " has no value");
    if (value.IsMap()) return wrong(key, name + " is a mapping, but wants a value");
    if (value.IsScalar()) setting.values.push_back(value.Scalar());
    if (value.IsSequence() && option->kind != Option::Kind::list)
      return wrong(key, name + " is a list, but wants one value");
    for (const auto& item : value) {
      if (!item.IsScalar()) return wrong(key, name + " has an item that is not a plain value");
      setting.values.push_back(item.Scalar());
    }
    if (setting.values.empty()) return wrong(key, name + " is an empty list");
    settings_.push_back(std::move(setting));
    return {};
  }

  Status read_section(const YAML::Node& key, const YAML::Node& value, const std::string& name) {
    if (!begins_a_name(name)) {
      std::vector<std::string> names;
      for (const auto& option : options()) names.push_back(option.name);
      return wrong(key, "unknown key " + without_password(name) + did_you_mean(name, names));
    }
    if (value.IsNull()) return {};  // a section whose lines are all commented out
    if (!value.IsMap()) return wrong(key, name + " wants a mapping");
    return read_mapping(value, name + ".");
  }

  static bool begins_a_name(const std::string& section) {
    const auto& table = options();
    return std::any_of(table.begin(), table.end(),
                       [&](const Option& option) { return option.name.starts_with(section + "."); });
  }

  std::string path_;
  std::vector<FileSetting> settings_;
  std::set<const Option*> seen_;
};

}  // namespace

Result<std::vector<FileSetting>> read_config_file(const std::string& path, const std::string& content) {
  if (content.size() > max_file_bytes) return usage_error(path + ": larger than 1 MiB");
  Reader reader(path);
  try {
    const YAML::Node document = read_yaml(content);
    if (!document.IsNull()) {
      if (!document.IsMap())
        return reader.wrong(document, "a mapping is wanted, such as \"poll.interval: 30s\"");
      if (auto status = reader.read_mapping(document, ""); !status) return std::move(status).error();
    }
  } catch (const YAML::ParserException& failure) {
    return usage_error(reader.position(failure.mark) + "not YAML: " + failure.msg);
  } catch (const YAML::Exception& failure) {
    return usage_error(reader.position(failure.mark) + failure.msg);
  }
  return std::move(reader).take();
}

}  // namespace repodigest::cli
