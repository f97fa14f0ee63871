#include "repodigest/digest/texts.h"

#include <cstring>

namespace repodigest::digest {
namespace {

constexpr std::size_t words_for(std::size_t count, std::size_t characters) {
  return 1 + count + (characters + sizeof(std::uint32_t) - 1) / sizeof(std::uint32_t);
}

}  // namespace

template <typename Strings>
void Texts::assign(const Strings& texts) {
  if (texts.size() == 0) return;
  std::size_t characters = 0;
  for (const std::string_view text : texts) characters += text.size();
  block_ = std::make_unique_for_overwrite<std::uint32_t[]>(words_for(texts.size(), characters));
  block_[0] = static_cast<std::uint32_t>(texts.size());
  auto* const to = reinterpret_cast<char*>(block_.get() + 1 + texts.size());
  std::uint32_t end = 0;
  std::size_t i = 0;
  for (const std::string_view text : texts) {
    end += static_cast<std::uint32_t>(text.copy(to + end, text.size()));
    block_[++i] = end;
  }
}

Texts::Texts(std::span<const std::string_view> texts) {
  assign(texts);
}
Texts::Texts(const std::vector<std::string_view>& texts) {
  assign(texts);
}
Texts::Texts(const std::vector<std::string>& texts) {
  assign(texts);
}
Texts::Texts(std::initializer_list<std::string_view> texts) {
  assign(texts);
}

Texts::Texts(const Texts& other) {
  if (other.empty()) return;
  const std::size_t words = other.words();
  block_ = std::make_unique_for_overwrite<std::uint32_t[]>(words);
  std::memcpy(block_.get(), other.block_.get(), words * sizeof(std::uint32_t));
}

Texts& Texts::operator=(const Texts& other) {
  if (this != &other) *this = Texts(other);
  return *this;
}

std::size_t Texts::words() const {
  return words_for(size(), block_[size()]);
}

std::vector<std::string> Texts::strings() const {
  return {begin(), end()};
}

bool operator==(const Texts& one, const Texts& other) {
  if (one.size() != other.size()) return false;
  if (one.empty()) return true;
  // The ends tell how many characters there are.
  const std::size_t ends = (1 + one.size()) * sizeof(std::uint32_t);
  return std::memcmp(one.block_.get(), other.block_.get(), ends) == 0 &&
         std::memcmp(one.characters(), other.characters(), one.block_[one.size()]) == 0;
}

}  // namespace repodigest::digest
