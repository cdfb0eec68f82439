// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "tests/support/demo_site.h"
#include "tests/support/refused_command.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// Every path of the site but REDCap's own files and its log.
std::vector<std::string> listing(const DemoSite& site)
{
    std::vector<std::string> paths;
    for (const auto& entry : fs::recursive_directory_iterator{site.root}) {
        if (entry.path().native().find("redcap") == std::string::npos) {
            paths.push_back(entry.path().native());
        }
    }
    std::ranges::sort(paths);
    return paths;
}

} // namespace

TEST_CASE("fiona-status: why follows a study by UID, tag and accession number")
{
    const DemoSite site;
    sort_object(site.config.paths, "1.2.3", "1.2.3.1", "1.2.3.1.1");
    const auto before = listing(site);

    for (const auto& word :
         {std::string{"1.2.3"}, log::uid_tag("1.2.3"), std::string{"ACC0000123"}}) {
        CAPTURE(word);
        const auto run = site.run("fiona-status", {"why", word});
        CAPTURE(run.err);
        CHECK(run.exit_code == EX_OK);
        CHECK_THAT(run.out, Contains("study 1.2.3 (" + log::uid_tag("1.2.3") + ")")
                                && Contains("1 series, 1 images") && !Contains("JANE")
                                && !Contains("ACC0000123"));
    }
    CHECK(listing(site) == before); // it looks and touches nothing
}

TEST_CASE("fiona-status: an assigned study shows its transfer, as JSON too")
{
    const DemoSite site;
    sort_object(site.config.paths, "1.2.3", "1.2.3.1", "1.2.3.1.1");
    REQUIRE(site.run("fiona-assign", {"assign", "1.2.3", "--project", "DEMO", "--participant",
                                      "DEMO_001", "--create-participant"})
                .exit_code
            == EX_OK);

    const auto run = site.run("fiona-status", {"why", "1.2.3", "--json"});

    const auto document = json::parse(run.out, "why");
    CHECK(document.find("redcap_reachable")->boolean());
    const auto& steps = document.find("steps")->array();
    CHECK(std::ranges::any_of(steps, [](const json::Value& step) {
        return step.text("step") == "transfer 1"
               && step.text("detail") == "DEMO as DEMO_001; requested";
    }));
}

TEST_CASE("fiona-status: without REDCap it says so and shows the rest")
{
    const DemoSite site;
    sort_object(site.config.paths, "1.2.3", "1.2.3.1", "1.2.3.1.1");
    site.stop_redcap();
    auto document = json::parse(read_file(site.config_file), "config");
    document.object()["REDCAP"].object()["deadline"] = 1;
    store::write_file(site.config_file, json::write(document));

    const auto run = site.run("fiona-status", {"why", "1.2.3"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("REDCap could not be asked") && Contains("1 series, 1 images"));
}

TEST_CASE("fiona-status: an unknown word is 66 and not repeated, a bad command line is 64")
{
    const DemoSite site;

    const auto run = site.run("fiona-status", {"why", "ACC777"});

    CHECK(run.exit_code == EX_NOINPUT);
    CHECK_THAT(run.err, !Contains("ACC777"));
    CHECK(answer_to_wrong_command("fiona-status", {}) == "refused");
    CHECK(answer_to_wrong_command("fiona-status", {"why"}) == "refused");
}
