// Many short strings in one block: what is kept of each image for as long as it is there.
#pragma once

#include <algorithm>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repodigest::digest {

/// A list of strings that is made whole and not changed. Takes 12 bytes, 4 more for each string, and the
/// strings themselves; none at all when it is empty. At most 4 GiB of text. A value; thread rule as of one.
class Texts {
 public:
  /// Random access, though by value.
  class Iterator {
   public:
    using iterator_concept = std::random_access_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = std::string_view;

    Iterator() = default;
    Iterator(const Texts* texts, std::size_t at) : texts_(texts), at_(at) {}
    std::string_view operator*() const { return (*texts_)[at_]; }
    std::string_view operator[](difference_type n) const { return *(*this + n); }
    Iterator& operator+=(difference_type n) {
      at_ += static_cast<std::size_t>(n);
      return *this;
    }
    Iterator& operator-=(difference_type n) { return *this += -n; }
    Iterator& operator++() { return *this += 1; }
    Iterator& operator--() { return *this += -1; }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    Iterator operator--(int) {
      const Iterator before = *this;
      --*this;
      return before;
    }
    friend Iterator operator+(Iterator one, difference_type n) { return one += n; }
    friend Iterator operator+(difference_type n, Iterator one) { return one += n; }
    friend Iterator operator-(Iterator one, difference_type n) { return one -= n; }
    friend difference_type operator-(const Iterator& one, const Iterator& other) {
      return static_cast<difference_type>(one.at_) - static_cast<difference_type>(other.at_);
    }
    friend bool operator==(const Iterator& one, const Iterator& other) { return one.at_ == other.at_; }
    friend auto operator<=>(const Iterator& one, const Iterator& other) { return one.at_ <=> other.at_; }

   private:
    const Texts* texts_ = nullptr;
    std::size_t at_ = 0;
  };
  using value_type = std::string_view;
  using const_iterator = Iterator;
  using iterator = Iterator;

  Texts() = default;
  // Implicit: each is the same list.
  Texts(std::span<const std::string_view> texts);        // NOLINT(google-explicit-constructor)
  Texts(const std::vector<std::string_view>& texts);     // NOLINT(google-explicit-constructor)
  Texts(const std::vector<std::string>& texts);          // NOLINT(google-explicit-constructor)
  Texts(std::initializer_list<std::string_view> texts);  // NOLINT(google-explicit-constructor)
  Texts(const Texts& other);
  Texts(Texts&&) noexcept = default;
  Texts& operator=(const Texts& other);
  Texts& operator=(Texts&&) noexcept = default;
  ~Texts() = default;

  [[nodiscard]] std::size_t size() const { return block_ == nullptr ? 0 : block_[0]; }
  [[nodiscard]] bool empty() const { return block_ == nullptr; }
  /// Views live as long as this does, also when it is moved.
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::uint32_t begin = i == 0 ? 0 : block_[i];
    return {characters() + begin, block_[i + 1] - begin};
  }
  [[nodiscard]] std::string_view front() const { return (*this)[0]; }
  [[nodiscard]] std::string_view back() const { return (*this)[size() - 1]; }
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, size()}; }

  /// As strings of their own.
  [[nodiscard]] std::vector<std::string> strings() const;

  friend bool operator==(const Texts& one, const Texts& other);
  template <std::ranges::random_access_range Range>
  requires(!std::same_as<Range, Texts>) friend bool operator==(const Texts& one, const Range& other) {
    return std::ranges::equal(one, other);
  }

 private:
  template <typename Strings>
  void assign(const Strings& texts);
  [[nodiscard]] const char* characters() const {
    return reinterpret_cast<const char*>(block_.get() + 1 + block_[0]);
  }
  /// Of the block, in words.
  [[nodiscard]] std::size_t words() const;

  // How many there are, where each ends, then the characters; null: none.
  std::unique_ptr<std::uint32_t[]> block_;
};

}  // namespace repodigest::digest
