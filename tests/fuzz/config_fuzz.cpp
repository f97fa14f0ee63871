// The config file: an error says where, and what is read means the same when each name stands for itself.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli/config_file.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

const std::string path = "/etc/r.yml";

/// As YAML with whole names; "" if a value is not UTF-8, which no quotes can hold.
std::string written(const std::vector<cli::FileSetting>& settings) {
  std::string text = "{";
  for (const auto& setting : settings) {
    for (const auto& value : setting.values)
      if (!is_utf8(value)) return "";
    const nlohmann::json values = setting.values;
    const bool is_list = setting.option->kind == cli::Option::Kind::list;
    text += "\"" + setting.option->name + "\": " + (is_list ? values : values[0]).dump(-1, ' ', true) + ",\n";
  }
  return text + "}";
}

void check(std::string_view text) {
  const auto settings = cli::read_config_file(path, std::string(text));
  if (!settings) {
    require(settings.error().reason == Reason::usage, "an error is one of usage");
    static const std::regex place("/etc/r\\.yml:[0-9]+:[0-9]+: [^]+");
    const std::string& error = settings.error().text;
    require(std::regex_match(error, place), "an error says file, line and column");
    return;
  }
  for (const auto& setting : *settings) {
    require(setting.option != nullptr && setting.option->in_config_file, "what is set may be set there");
    require(!setting.values.empty(), "and has a value");
    require(setting.values.size() == 1 || setting.option->kind == cli::Option::Kind::list,
            "or several, if it is a list");
    static const std::regex place("/etc/r\\.yml:[0-9]+:[0-9]+: [a-z.-]+");
    require(std::regex_match(setting.where, place), "a setting has a place");
    cli::Config config;
    const Status set = setting.option->set(config, setting.values);
    require(set.ok() || set.error().reason == Reason::usage, "any value can be looked at");
  }
  const std::string again = written(*settings);
  if (again.empty()) return;
  const auto same = cli::read_config_file(path, again);
  require(same.ok() && same->size() == settings->size(), "what is read can be written");
  for (std::size_t i = 0; i < settings->size(); ++i)
    require((*same)[i].option == (*settings)[i].option && (*same)[i].values == (*settings)[i].values,
            "and reads the same");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  repodigest::fuzz::check(repodigest::fuzz::text_of(data, size));
  return 0;
}
