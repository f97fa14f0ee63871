// GET /images/json as plain types, built for lists of 100,000 images that are nearly always the last one
// again: rows lie side by side and cost no allocation each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "repodigest/engine/types.h"

namespace repodigest::engine {

/// The rows of one list, in the engine's order. Owns all their texts in a few large blocks that never move:
/// views of a row live as long as the list, also when it is moved. Thread rule: one thread writes, then any
/// may read.
class ImageList {
 public:
  using Texts = std::span<const std::string_view>;
  /// A row as views; the fields are those of ImageRow.
  struct Row {
    std::string_view id;
    Texts repo_tags;
    Texts repo_digests;
    std::int64_t created = 0;
    std::int64_t size = 0;
    friend bool operator==(const Row& one, const Row& other);
  };

  ImageList() = default;
  /// Of rows made by hand. Implicit: it is the same list.
  ImageList(const std::vector<ImageRow>& rows);  // NOLINT(google-explicit-constructor)

  /// Appends a copy of `row` with all its texts.
  void add(const Row& row);

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] const Row& operator[](std::size_t i) const { return rows_[i]; }
  [[nodiscard]] auto begin() const { return rows_.begin(); }
  [[nodiscard]] auto end() const { return rows_.end(); }

 private:
  // By pointer, because a resource does not move; made with the first row.
  std::unique_ptr<std::pmr::monotonic_buffer_resource> texts_;
  std::vector<Row> rows_;
};

}  // namespace repodigest::engine
