// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/status/lookup.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

std::string find(const SortedSite& site, const std::string& word)
{
    return status::find_study(site.paths, Private<std::string>{word}).str();
}

} // namespace

TEST_CASE("a study is found by UID, by tag with or without its sign, and by accession number")
{
    const SortedSite site;
    site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
    const auto tag = log::uid_tag("1.2.3");

    CHECK(find(site, "1.2.3") == "1.2.3");
    CHECK(find(site, tag) == "1.2.3");
    CHECK(find(site, tag.substr(1)) == "1.2.3");
    CHECK(find(site, "ACC0000123") == "1.2.3");
}

TEST_CASE("a study that is in the archive only is found by its tag")
{
    const SortedSite site;
    site.receive("1.2.7", "1.2.7.1.1");

    CHECK(find(site, log::uid_tag("1.2.7")) == "1.2.7");
    CHECK(status::known_studies(site.paths) == std::vector{StudyUid{"1.2.7"}});
}

TEST_CASE("a UID that is not here is still a question for REDCap")
{
    const SortedSite site;

    CHECK(find(site, "1.2.840.99") == "1.2.840.99");
}

TEST_CASE("a word that fits nothing is missing, and not repeated")
{
    const SortedSite site;
    const auto* const word = GENERATE("", "ACC777", "#0123456789ab", "19450117", "../x");
    CAPTURE(word);

    CHECK_THROWS_WITH(find(site, word),
                      Contains("no study here") && !Contains("ACC777") && !Contains("19450117"));
}

TEST_CASE("the tag of a study of which only a request is left is understood")
{
    const SortedSite site;
    store::write_file(site.paths.failed() / "1.2.9_1_0123456789abcdef.json_fail.log", "{}");

    CHECK(find(site, log::uid_tag("1.2.9")) == "1.2.9");
}

TEST_CASE("an archive that cannot be read is no answer")
{
    const SortedSite site;
    std::filesystem::remove_all(site.paths.archive());
    store::write_file(site.paths.archive(), "a file");

    CHECK_THROWS_WITH(find(site, "1.2.3"), !Contains("no study here"));
}
