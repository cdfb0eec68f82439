// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/dicom/library.h"
#include "libfiona/jobs/file_tree.h"
#include "libfiona/jobs/output_check.h"
#include "libfiona/jobs/ror_folder.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/folder.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

using namespace fiona;
using namespace fiona::jobs; // NOLINT(google-build-using-namespace) a test of this room
using Catch::Contains;

namespace fs = std::filesystem;

namespace {

/// Folders of a job over one image, and what a program makes of it.
class Made {
public:
    Made()
    {
        write_image(input, m_root / "source.dcm");
        make_ror_folder(folder, {{.name = "",
                                  .study = StudyUid{input.study},
                                  .series = SeriesUid{input.series},
                                  .files = {m_root / "source.dcm"},
                                  .types = {"T1"},
                                  .source = m_root.path}});
        result = input;
        result.series += ".9";
        result.sop += ".9";
    }

    void add(const SmallImage& image, const std::string& name = "a.dcm") const
    {
        write_image(image, output() / name);
    }
    [[nodiscard]] fs::path output() const { return output_of(folder); }
    [[nodiscard]] Output check(std::uint64_t max_bytes = 1'000'000) const
    {
        return check_output(output(), read_input(folder), max_bytes);
    }
    [[nodiscard]] std::string complaint(std::uint64_t max_bytes = 1'000'000) const
    {
        try {
            static_cast<void>(check(max_bytes));
        } catch (const Error& e) {
            CHECK(e.fault() == Fault::data);
            return e.what();
        }
        return "";
    }

private:
    dicom::Library m_library;
    TempDir m_root;

public:
    fs::path folder = m_root / "datajob_0_x_1";
    SmallImage input;
    SmallImage result;
};

} // namespace

TEST_CASE("new images of the input's study and patient pass")
{
    const Made made;
    made.add(made.result);
    auto second = made.result;
    second.sop += ".1";
    fs::create_directory(made.output() / "deep");
    made.add(second, "deep/no suffix");
    store::write_file(made.output() / "table.csv", "a,b");
    store::write_file(made.output() / "x.json", "{");

    const auto output = made.check();

    CHECK(output.images.size() == 2);
    CHECK(output.instances == std::vector<std::string>{made.result.sop, second.sop});
    CHECK(output.other_files == 1);
    CHECK(output.values.empty());
}

TEST_CASE("an output with one bad file is refused as a whole, with the reason")
{
    const Made made;
    made.add(made.result);
    auto bad = made.result;
    bad.sop += ".1";
    std::string reason;
    SECTION("another study")
    {
        bad.study += ".7";
        reason = "not in the input";
    }
    SECTION("the study's UID is only the beginning")
    {
        bad.study = bad.study.substr(0, bad.study.size() - 2);
        reason = "not in the input";
    }
    SECTION("the input's series")
    {
        bad.series = made.input.series;
        reason = "of an input series";
    }
    SECTION("the input's image")
    {
        bad.sop = made.input.sop;
        reason = "of an input image";
    }
    SECTION("another patient")
    {
        bad.more = {{"PatientID", "SOMEBODY"}};
        reason = "another PatientID";
    }
    SECTION("one image twice")
    {
        bad.sop = made.result.sop;
        reason = "same SOPInstanceUID";
    }
    made.add(bad, "b.dcm");

    CHECK_THAT(made.complaint(), Contains(reason));
    CHECK(made.complaint().find("SOMEBODY") == std::string::npos);
}

TEST_CASE("what is no file of its own is refused")
{
    const Made made;
    made.add(made.result);
    SECTION("link")
    {
        fs::create_symlink("/etc/passwd", made.output() / "b.dcm");
    }
    SECTION("link to a directory")
    {
        fs::create_directory_symlink("/etc", made.output() / "b");
    }
    SECTION("second name")
    {
        fs::create_hard_link(made.output() / "a.dcm", made.output() / "b.log");
    }
    SECTION("pipe")
    {
        REQUIRE(::mkfifo((made.output() / "b").c_str(), 0600) == 0);
    }

    CHECK_THAT(made.complaint(), Contains("link or special file"));
}

TEST_CASE("an output that is too large, too deep or no DICOM is refused")
{
    const Made made;
    made.add(made.result);
    CHECK_THAT(made.complaint(100), Contains("larger than 100 bytes"));

    store::write_file(made.output() / "b.dcm", "not DICOM");
    CHECK_THAT(made.complaint(), Contains("no DICOM file"));
    fs::remove(made.output() / "b.dcm");

    std::string damaged(200, '\0');
    damaged.replace(128, 4, "DICM");
    store::write_file(made.output() / "c", damaged);
    CHECK_FALSE(made.complaint().empty());
    fs::remove(made.output() / "c");

    fs::path deep = made.output();
    for (int i = 0; i < 70; ++i) {
        deep /= "d";
    }
    fs::create_directories(deep);
    CHECK_THAT(made.complaint(), Contains("deeper"));
}

TEST_CASE("values belong to the participant and to fields")
{
    const Made made;
    const auto input = read_input(made.folder);
    const auto with = [&](const std::string& more) {
        return R"([{"record_id":")" + std::string{small_image_id} + R"(","value":"1 $(x) '",)"
               + more + "}]";
    };

    const auto values = read_values(
        with(R"("field_name":"volume_ml","redcap_event_name":"EventName:Baseline")"), input);
    REQUIRE(values.size() == 1);
    CHECK(values[0].event == "Baseline");
    CHECK(values[0].field == "volume_ml");
    CHECK(values[0].value == "1 $(x) '");
    const auto repeated = read_values(
        with(R"("field_name":"v","redcap_repeat_instrument":"imaging","instance_number":2)"),
        input);
    CHECK(repeated.at(0).instance == 2);
    const auto old = R"({"a":)" + with(R"("field_name":"v","event_name":"E")").substr(1);
    CHECK(read_values(old.substr(0, old.size() - 1) + "}", input).at(0).event == "E");

    const auto* const bad =
        GENERATE(R"("field_name":"Volume")", R"("field_name":"v;x")", R"("field_name":"")",
                 R"("field_name":"v","redcap_repeat_instrument":"imaging")",
                 R"("field_name":"v","redcap_repeat_instrument":"a b","instance_number":1)",
                 R"("field_name":"v","record_id":"OTHER")");
    CAPTURE(bad);
    CHECK_THROWS_WITH(read_values(with(bad), input), Contains("output.json"));
}

TEST_CASE("a folder is removed without following what a program has put there")
{
    const TempDir root;
    fs::create_directories(root / "precious");
    store::write_file(root / "precious" / "file", "x");
    const auto folder = root / "job";
    fs::create_directories(folder / "a" / "b");
    fs::create_directory_symlink(root / "precious", folder / "a" / "link");
    store::write_file(folder / "a" / "b" / "file", "x");

    store::remove_tree(folder);
    store::remove_tree(folder); // not there: fine

    CHECK_FALSE(fs::exists(folder));
    CHECK(fs::exists(root / "precious" / "file"));
    fs::create_directory_symlink(root / "precious", folder);
    CHECK_THROWS_AS(store::remove_tree(folder), Error);
    CHECK(fs::exists(root / "precious" / "file"));
}

TEST_CASE("the name of a job's folder is one path component, whatever the image is called")
{
    CHECK(folder_name("0", "demo-seg:1.2", "ab") == "datajob_0_demo-seg_1.2_ab");
    CHECK(folder_name("3", "reg.example/a/../b:1", "ab") == "datajob_3_reg.example_a___b_1_ab");
    for (const auto* const odd : {"../../etc", "a b;$(x)'\"\n", "/", ".."}) {
        const auto name = folder_name("0", odd, "ab");
        CAPTURE(name);
        CHECK(name.find_first_of("/ ;$'\"\n") == std::string::npos);
        CHECK(name.find("..") == std::string::npos);
    }
}
