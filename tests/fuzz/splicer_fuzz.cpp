// Any bytes through the splicer. What must hold of them is what its header promises; a reference of other
// make says what comes out.
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>

#include "require.h"
#include "support/reference_splice.h"
#include "support/spliced.h"

namespace repodigest::fuzz {
namespace {

using support::Spliced;

void check(std::string_view text, splice::Options options) {
  const Spliced whole = support::spliced(text, options);

  const support::ReferenceSplice reference(text, options.bare_lists);
  require(reference.valid() == whole.error.empty(), "JSON is taken and nothing else");
  require(reference.output() == whole.output, "what goes out is what the reference says");

  const std::size_t chance = std::hash<std::string_view>{}(text);
  const std::size_t size = 1 + chance % 31;
  require(support::spliced_in_pieces(text, 1 + chance % (text.size() + 1), size, options) == whole,
          "it is the same however it is cut");

  const Spliced again = support::spliced(whole.output, options);
  require(again.error == whole.error,
          "what goes out is JSON if what came in was, and else wrong in the same way");
  if (whole.error.empty()) {
    require(again == Spliced{whole.output, "", {}, 0, whole.lists}, "what is unique stays as it is");
    require(whole.removed > 0 || whole.output == text, "what is unique comes out as it was");
  }

  // Not the other way round: of several documents, of \ud800 and of 1e400 it knows nothing. It skips a byte
  // order mark and ends at a zero byte.
  const bool is_odd = text.starts_with('\xEF') || text.find('\0') != std::string_view::npos;
  if (!is_odd && nlohmann::json::accept(text)) {
    require(whole.error.empty(), "what another parser takes is JSON");
    require(nlohmann::json::accept(whole.output), "and goes out as such");
  }
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  repodigest::fuzz::check(text, {.bare_lists = false});
  repodigest::fuzz::check(text, {.bare_lists = true});
  return 0;
}
