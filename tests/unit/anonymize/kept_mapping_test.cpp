// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/kept_mapping.h"
#include "libfiona/base/error.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace fiona;
using anonymize::KeptMappings;

namespace {

constexpr auto first =
    R"({"StudyInstanceUID": {"1.2": "2.25.1"}, "SeriesInstanceUID": {"1.2.1": "2.25.2"},
  "SOPInstanceUID": {"1.2.1.1": "2.25.3"}, "OtherUID": {"1.9": "2.25.4"}})";
constexpr auto more =
    R"({"StudyInstanceUID": {"1.2": "2.25.1"}, "SOPInstanceUID": {"1.2.1.2": "2.25.5"}})";
const StudyUid new_study{"2.25.1"};

} // namespace

TEST_CASE("a kept mapping is found by its new study, in whatever project")
{
    const TempDir root;
    const KeptMappings kept{root.path};

    kept.keep(ProjectName{"DEMO"}, first);

    const auto origin = kept.find(new_study);
    REQUIRE(origin);
    CHECK(origin->project == "DEMO");
    CHECK(origin->study.str() == "1.2");
    CHECK(origin->originals.at("2.25.3") == "1.2.1.1");
    CHECK(origin->originals.at("2.25.4") == "1.9");
    CHECK_FALSE(kept.find(StudyUid{"2.25.2"}));
    CHECK(kept.find("DEMO", new_study));
    CHECK_FALSE(kept.find("OTHER", new_study));
}

TEST_CASE("a study that is sent again adds to its mapping")
{
    const TempDir root;
    const KeptMappings kept{root.path};
    kept.keep(ProjectName{"DEMO"}, first);

    kept.keep(ProjectName{"DEMO"}, more);

    CHECK(kept.find(new_study)->originals.size() == 5);
    CHECK(kept.find(new_study)->originals.at("2.25.5") == "1.2.1.2");
}

TEST_CASE("a mapping that contradicts the kept one is a bug and changes nothing")
{
    const TempDir root;
    const KeptMappings kept{root.path};
    kept.keep(ProjectName{"DEMO"}, first);

    CHECK_THROWS_AS(
        kept.keep(ProjectName{"DEMO"},
                  R"({"StudyInstanceUID": {"1.2": "2.25.1"}, "OtherUID": {"8": "2.25.3"}})"),
        Error);

    CHECK(kept.find(new_study)->originals.at("2.25.3") == "1.2.1.1");
}

TEST_CASE("mappings are for their owner only, and go with their project")
{
    const TempDir root;
    const KeptMappings kept{root.path};
    kept.keep(ProjectName{"DEMO"}, first);
    kept.keep(ProjectName{"OTHER"}, more);
    const auto file = root.path / "mapping" / "DEMO" / "2.25.1.json";
    using enum std::filesystem::perms;
    CHECK(std::filesystem::status(file).permissions() == (owner_read | owner_write));
    CHECK(std::filesystem::status(file.parent_path()).permissions() == owner_all);

    kept.destroy(ProjectName{"DEMO"});

    CHECK_FALSE(std::filesystem::exists(file));
    CHECK(kept.find(new_study)->project == "OTHER");
}

TEST_CASE("a damaged mapping is an error, not an unknown study")
{
    const TempDir root;
    const KeptMappings kept{root.path};
    kept.keep(ProjectName{"DEMO"}, first);
    std::ofstream{root.path / "mapping" / "DEMO" / "2.25.1.json"} << "{";

    CHECK_THROWS_AS(kept.find(new_study), Error);
}
