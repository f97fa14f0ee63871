// promtool judges the same web config files as we do, and comes to the same verdict but where the table says
// why not.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "repodigest/access/keeper.h"
#include "support/feed_command.h"
#include "support/web_config_corpus.h"

namespace repodigest {
namespace {

using support::WebConfigCorpus;

/// Files that we take and promtool 2.42 does not, or the other way around, and why.
const std::map<std::string, std::string> exceptions = {
    {"rate_limit.good.yml", "2.42 does not know rate_limit, newer ones do"},
    {"rate_limit_of_zero.good.yml", "2.42 does not know rate_limit, newer ones do"},
    {"allowed_sans.good.yml", "2.42 does not know client_allowed_sans, newer ones do"},
    {"inline_certificate.good.yml", "2.42 does not know cert and key, newer ones do"},
    {"inline_client_ca.good.yml", "2.42 does not know client_ca, newer ones do"},
    {"client_ca_is_garbage.bad.yml",
     "promtool takes an authority without a certificate: nobody could get in"},
    {"max_version_without_a_suite.bad.yml", "promtool takes it, but no handshake could succeed"},
    {"max_below_min.bad.yml", "promtool takes it, but no handshake could succeed"},
    {"password_of_kind_2x.bad.yml", "promtool looks at the cost alone; $2x$ marks hashes of a broken bcrypt"},
    {"password_that_nothing_matches.bad.yml", "promtool looks at the cost alone, not at the letters"},
    {"user_with_a_colon.bad.yml", "promtool takes the name, but RFC 7617 has no way to send it"},
    {"header_with_a_line_end.bad.yml", "promtool takes it, and Go replaces the line end when it sends it"},
    {"several_documents.bad.yml", "promtool reads the first document and says nothing of the others"},
};

class PromtoolOnWebConfig : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { corpus_ = std::make_unique<WebConfigCorpus>(); }
  static void TearDownTestSuite() { corpus_.reset(); }
  void SetUp() override {
    if (!support::succeeds("promtool --version"))
      GTEST_SKIP() << "THERE IS NO PROMTOOL HERE: whether it agrees about web config files was not tested";
  }
  static inline std::unique_ptr<WebConfigCorpus> corpus_;
};

TEST_P(PromtoolOnWebConfig, ComesToOurVerdictButForTheExceptions) {
  const bool theirs = support::succeeds("promtool check web-config '" + corpus_->path(GetParam()) + "'");
  const bool ours = access::check_web_config(corpus_->path(GetParam())).ok();
  const auto exception = exceptions.find(GetParam());
  if (exception == exceptions.end())
    EXPECT_EQ(ours, theirs) << "promtool says " << (theirs ? "good" : "bad");
  else
    EXPECT_NE(ours, theirs) << "no exception any more: " << exception->second;
}

std::string word_of(const testing::TestParamInfo<std::string>& info) {
  return info.param.substr(0, info.param.find('.'));
}

INSTANTIATE_TEST_SUITE_P(Corpus, PromtoolOnWebConfig, testing::ValuesIn(WebConfigCorpus::names()), word_of);

TEST(PromtoolOnWebConfigs, HasExceptionsOfFilesThatAreThere) {
  const auto names = WebConfigCorpus::names();
  for (const auto& [name, why] : exceptions)
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name << ": " << why;
}

}  // namespace
}  // namespace repodigest
