// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/engine.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/anonymize/engine_result.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <vector>

using namespace fiona;
using namespace fiona::anonymize;
using Catch::Contains;
using engine_result::process;
using phantom::put;
using phantom::text;

TEST_CASE("what is no image that can be shown clean is refused with a reason, the others are done")
{
    const TempDir root;
    auto pdf = phantom::image({"1.2.3.4.5", "1.2.3.4.6", "1.2.3.4.7"});
    put(pdf, text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.104.1"));
    auto raw = phantom::image({"1.2.3.4.5", "1.2.3.4.6", "1.2.3.4.8"});
    put(raw, text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.66"));
    auto nameless = phantom::image();
    std::erase_if(nameless.elements, [](const Element& e) { return e.tag == Tag{0x0020, 0x000d}; });
    phantom::write(root / "pdf.dcm", pdf);
    phantom::write(root / "raw.dcm", raw);
    phantom::write(root / "nameless.dcm", nameless);
    phantom::write(root / "good.dcm", phantom::image());
    store::write_file(root / "text.dcm", "no image at all");
    const auto whole = phantom::slurp(root / "good.dcm");
    store::write_file(root / "cut.dcm", whole.substr(0, whole.size() / 2));

    const auto report =
        anonymize_files({root / "pdf.dcm", root / "raw.dcm", root / "nameless.dcm",
                         root / "text.dcm", root / "cut.dcm", root / "none.dcm", root / "good.dcm"},
                        root / "out", phantom::settings(root.path));

    CHECK(report.count(Verdict::refused) == 6);
    CHECK(report.count(Verdict::written) == 1);
    CHECK(report.files[6].verdict == Verdict::written);
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK_FALSE(report.files[i].reason.empty());
        CHECK(report.files[i].output.empty());
    }
    CHECK_THAT(report.files[0].reason, Contains("encapsulated"));
    CHECK(phantom::tree(root / "out").size() == 1);
}

TEST_CASE("the same instance twice is written once, a different file of that name is set aside")
{
    const TempDir root;
    auto changed = phantom::image();
    put(changed, text({0x0018, 0x0050}, "DS", "4.5"));
    phantom::write(root / "a.dcm", phantom::image());
    phantom::write(root / "b.dcm", phantom::image());
    phantom::write(root / "c.dcm", changed);

    const auto report = anonymize_files({root / "a.dcm", root / "b.dcm", root / "c.dcm"},
                                        root / "out", phantom::settings(root.path));

    CHECK(report.count(Verdict::written) == 2);
    CHECK(report.files[1].output == report.files[0].output);
    CHECK(report.files[2].verdict == Verdict::refused);
    CHECK(phantom::tree(root / "out").size() == 1);
}

TEST_CASE("two runs, and runs with more threads, give equal bytes")
{
    const TempDir root;
    std::vector<std::filesystem::path> files;
    for (int i = 0; i < 20; ++i) {
        const auto instance = "1.2.752.24.5.111111.3." + std::to_string(i);
        files.push_back(root.path / (std::to_string(i) + ".dcm"));
        phantom::write(files.back(), phantom::image({"1.2.752.24.5.111111.1",
                                                     "1.2.752.24.5.111111.2", instance}));
    }
    auto settings = phantom::settings(root.path);
    settings.threads = 1;
    const auto first = anonymize_files(files, root / "one", settings);
    settings.threads = 4;

    const auto second = anonymize_files(files, root / "two", settings);

    CHECK(first.count(Verdict::written) == 20);
    CHECK(second.files[13].new_sop == first.files[13].new_sop);
    CHECK(phantom::tree(root / "one") == phantom::tree(root / "two"));
}

TEST_CASE("a dry run writes nothing and tells no values")
{
    const TempDir root;
    const auto made = phantom::write(root / "in.dcm", phantom::image());

    const auto report =
        anonymize_files({made.file}, root / "out", phantom::settings(root.path), Mode::dry_run);

    CHECK_FALSE(std::filesystem::exists(root / "out"));
    CHECK(report.files[0].output.empty());
    const auto name = std::ranges::find(report.plan, "0010,0010", &PlannedChange::path);
    REQUIRE(name != report.plan.end());
    CHECK(name->vr == "PN");
    CHECK(name->action == "SUBJECT");
    CHECK(name->max_bytes == 10);
    CHECK(json::write(report.summary).find("Kari") == std::string::npos);
}

TEST_CASE("the mapping is written for its owner only")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    settings.mapping_file = root / "mapping.json";
    const auto result = process(phantom::image(), settings, root);
    const auto mapping = json::parse(read_file(root / "mapping.json"), "mapping");
    struct stat status {};
    REQUIRE(::stat((root / "mapping.json").c_str(), &status) == 0);

    CHECK((status.st_mode & 0777U) == 0600);
    CHECK(mapping.find("StudyInstanceUID")->text("1.2.752.24.5.111111.1")
          == result.report.new_study);
    CHECK(mapping.find("SeriesInstanceUID")->text("1.2.752.24.5.111111.2")
          == result.report.new_series);
    CHECK(mapping.find("SOPInstanceUID")->text("1.2.752.24.5.111111.3") == result.report.new_sop);
}

TEST_CASE("an output directory that holds something is refused before anything is read")
{
    const TempDir root;
    make_directories(root / "out");
    store::write_file(root / "out" / "x", "x");

    CHECK_THROWS_AS(anonymize_files({root / "in.dcm"}, root / "out", phantom::settings(root.path)),
                    Error);
}

TEST_CASE("values named by hand are identity too")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    store::write_file(root / "phi.json", R"(["Bestemor", "1999-04-05"])");
    settings.extra_identity = {root / "phi.json"};
    auto data = phantom::image();
    put(data, text({0x0008, 0x103e}, "LO", "t1 bestemor knee"));

    CHECK(process(data, settings, root).value({0x0008, 0x103e}) == "t1 knee");
}
