#include "repodigest/exposition/forms.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "repodigest/exposition/json.h"
#include "samples.h"
#include "support/gunzip.h"

namespace repodigest::exposition {
namespace {

using support::every_kind;
using support::SnapshotBuilder;

TEST(Forms, AreWhatIsRendered) {
  const auto snapshot = every_kind().build();
  Forms forms({PerImage::anomalous, 2});
  EXPECT_EQ(*forms.text(snapshot, false), render_text(*snapshot, false, {PerImage::anomalous, 2}));
  EXPECT_EQ(*forms.text_gzip(snapshot, false).bytes, *gzip_part(*forms.text(snapshot, false)).bytes);
  EXPECT_EQ(*forms.images(snapshot, false, false).bytes, render_images(*snapshot, false));
  const std::string openmetrics =
      render_text(*snapshot, false, {PerImage::anomalous, 2}, Format::openmetrics);
  EXPECT_EQ(*forms.text(snapshot, false, Format::openmetrics), openmetrics);
  EXPECT_EQ(*forms.text_gzip(snapshot, false, Format::openmetrics).bytes, *gzip_part(openmetrics).bytes);
}

TEST(Forms, AreMadeOnceForEachSnapshot) {
  const auto snapshot = every_kind().build();
  Forms forms({});
  EXPECT_EQ(forms.text(snapshot, false), forms.text(snapshot, false));
  EXPECT_EQ(forms.text_gzip(snapshot, false).bytes, forms.text_gzip(snapshot, false).bytes);
  EXPECT_EQ(forms.images(snapshot, false, false).bytes, forms.images(snapshot, false, false).bytes);
  EXPECT_EQ(forms.images(snapshot, false, true).gzip, forms.images(snapshot, false, true).gzip);
  EXPECT_EQ(forms.text(snapshot, false, Format::openmetrics),
            forms.text(snapshot, false, Format::openmetrics));
  EXPECT_EQ(forms.text_gzip(snapshot, false, Format::openmetrics).bytes,
            forms.text_gzip(snapshot, false, Format::openmetrics).bytes);
}

TEST(Forms, OfOneFormatAreMadeWithoutThoseOfTheOther) {
  const auto snapshot = every_kind().build();
  for (const Format asked : {Format::text, Format::openmetrics}) {
    const Format other = asked == Format::text ? Format::openmetrics : Format::text;
    Forms forms({});
    const GzipPart made = forms.text_gzip(snapshot, false, asked);
    ASSERT_TRUE(forms.text_gzip_if_made(snapshot, false, asked));
    EXPECT_EQ(forms.text_gzip_if_made(snapshot, false, asked)->bytes, made.bytes);
    EXPECT_FALSE(forms.text_gzip_if_made(snapshot, false, other));
    forms.text_gzip(snapshot, false, other);
    EXPECT_EQ(forms.text_gzip(snapshot, false, asked).bytes, made.bytes);
  }
}

TEST(Forms, AreThereAtOnceOnlyWhenMade) {
  const auto snapshot = every_kind().build();
  Forms forms({});
  EXPECT_FALSE(forms.text_gzip_if_made(snapshot, false));
  forms.text(snapshot, false);
  EXPECT_FALSE(forms.text_gzip_if_made(snapshot, false));
  const GzipPart made = forms.text_gzip(snapshot, false);
  ASSERT_TRUE(forms.text_gzip_if_made(snapshot, false));
  EXPECT_EQ(forms.text_gzip_if_made(snapshot, false)->bytes, made.bytes);
  EXPECT_FALSE(forms.text_gzip_if_made(snapshot, true));
  EXPECT_FALSE(forms.text_gzip_if_made(SnapshotBuilder().build(), false));
}

TEST(Forms, AreMadeAnewWhenStalenessOrTheSnapshotChanges) {
  const auto snapshot = every_kind().build();
  Forms forms({});
  const auto fresh = forms.text(snapshot, false);
  const auto stale = forms.text(snapshot, true);
  EXPECT_NE(*fresh, *stale);
  EXPECT_NE(forms.images(snapshot, true, false).etag, forms.images(snapshot, false, false).etag);
  const auto other = SnapshotBuilder().build();
  EXPECT_EQ(*forms.text(other, false), render_text(*other, false, {}));
}

TEST(Forms, OfAnOldSnapshotAreDropped) {
  auto snapshot = every_kind().build();
  Forms forms({});
  const std::weak_ptr<const std::string> text = forms.text(snapshot, false);
  const std::weak_ptr<const std::string> images = forms.images(snapshot, false, true).gzip;
  const std::weak_ptr<const inventory::Snapshot> old = snapshot;
  snapshot = SnapshotBuilder().build();
  EXPECT_FALSE(text.expired());
  forms.text(snapshot, false);
  EXPECT_TRUE(text.expired());
  EXPECT_TRUE(images.expired());
  EXPECT_TRUE(old.expired());
}

TEST(Forms, StayWithThoseWhoHoldThem) {
  Forms forms({});
  const auto text = forms.text(every_kind().build(), false);
  forms.text(SnapshotBuilder().build(), false);
  EXPECT_EQ(*text, render_text(*every_kind().build(), false, {}));
}

TEST(Forms, ThreadsThatAskForOneFormShareOneRendering) {
  const auto snapshot = every_kind().build();
  Forms forms({});
  constexpr std::size_t count = 8;
  std::latch start(count);
  std::vector<const void*> seen(count);
  std::vector<std::shared_ptr<const std::string>> held(count);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i)
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        held[i] =
            i % 2 == 0 ? forms.text_gzip(snapshot, false).bytes : forms.images(snapshot, false, true).gzip;
        seen[i] = held[i].get();
      });
  }
  EXPECT_EQ(std::set<const void*>(seen.begin(), seen.end()).size(), 2U);
}

TEST(Forms, ThreadsWithDifferentSnapshotsEachGetTheirOwn) {
  const std::vector<std::shared_ptr<const inventory::Snapshot>> snapshots = {every_kind().build(),
                                                                             SnapshotBuilder().build()};
  Forms forms({});
  std::latch start(4);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      const auto& snapshot = snapshots[i % 2];
      const bool stale = i < 2;
      start.arrive_and_wait();
      for (int round = 0; round < 50; ++round)
        EXPECT_EQ(*forms.text(snapshot, stale), render_text(*snapshot, stale, {}));
    });
}

TEST(Forms, EtagIsQuotedAndOfTheBytes) {
  Forms one({});
  Forms two({});
  const Document document = one.images(every_kind().build(), false, false);
  ASSERT_EQ(document.etag.size(), 34U);
  EXPECT_EQ(document.etag.front(), '"');
  EXPECT_EQ(document.etag.back(), '"');
  EXPECT_EQ(document.etag.find_first_not_of("0123456789abcdef", 1), 33U);
  EXPECT_EQ(two.images(every_kind().build(), false, true).etag, document.etag);
  EXPECT_NE(two.images(SnapshotBuilder().build(), false, false).etag, document.etag);
}

TEST(Document, OfOneRequestIsMadeLikeAKeptOne) {
  const auto snapshot = every_kind().build();
  Forms forms({});
  const Document kept = forms.images(snapshot, false, true);
  const Document made = make_document(render_images(*snapshot, false), true);
  EXPECT_EQ(*made.bytes, *forms.images(snapshot, false, false).bytes);
  EXPECT_EQ(made.etag, kept.etag);
  EXPECT_EQ(*made.gzip, *kept.gzip);
  EXPECT_EQ(support::gunzip_one_member(*made.gzip), *made.bytes);
  EXPECT_EQ(make_document("{}", false).gzip, nullptr);
}

TEST(Forms, ADocumentHasTheFormThatWasAskedForAndOneEtag) {
  const auto snapshot = every_kind().build();
  for (const bool plain_first : {true, false}) {
    Forms forms({});
    if (plain_first) forms.images(snapshot, false, false);
    const Document packed = forms.images(snapshot, false, true);
    const Document plain = forms.images(snapshot, false, false);
    EXPECT_EQ(packed.bytes, nullptr);
    EXPECT_EQ(plain.gzip, nullptr);
    EXPECT_EQ(support::gunzip_one_member(*packed.gzip), *plain.bytes);
    EXPECT_EQ(packed.etag, plain.etag);
    EXPECT_EQ(plain.etag, make_document(*plain.bytes, false).etag);
  }
}

std::size_t heap_in_use() {
  const auto info = ::mallinfo2();  // all zero under the sanitizers, which have a malloc of their own
  return info.uordblks + info.hblkhd;
}

TEST(Forms, GzipAloneKeepsNoPlainForm) {
  SnapshotBuilder builder;
  for (int i = 0; i < 2000; ++i) {
    const std::string app = "registry.example.com/app" + std::to_string(i);
    builder.add(support::inspected_image("sha256:" + std::to_string(i), {app + ":1"},
                                         {app + "@" + support::sha256('1')}));
  }
  const auto snapshot = builder.build();
  const std::size_t text = render_text(*snapshot, false, {}).size();
  const std::size_t images = render_images(*snapshot, false).size();
  Forms({}).images(snapshot, false, true);  // what the libraries take once
  Forms forms({});
  const std::size_t before = heap_in_use();
  const GzipPart text_gzip = forms.text_gzip(snapshot, false);
  const Document images_gzip = forms.images(snapshot, false, true);
  ASSERT_LT(text_gzip.bytes->size() + images_gzip.gzip->size(), std::min(text, images) / 3);
  EXPECT_LT(heap_in_use() - before, std::min(text, images) / 2);
}

}  // namespace
}  // namespace repodigest::exposition
