// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/file_name_pattern.h"
#include "libfiona/wsi/slide_names.h"
#include "libfiona/wsi/upload.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::wsi;
using Catch::Matchers::Contains;

namespace {

json::Object plain()
{
    return {{"file", "uploads/sub/x.svs"},
            {"project_name", "DEMO"},
            {"record_id", "DEMO_0001"},
            {"redcap_event_name", "baseline"}};
}

Upload with(const std::string& key, json::Value value)
{
    auto values = plain();
    values[key] = std::move(value);
    return parse_upload(json::write(values));
}

} // namespace

TEST_CASE("an upload has its required keys, and keeps what it does not know")
{
    const auto upload = with("a_key_of_tomorrow", 7);

    CHECK(upload.project.str() == "DEMO");
    CHECK(upload.participant.str() == "DEMO_0001");
    CHECK(upload.image == std::vector<std::string>{"sub", "x.svs"});
    CHECK(upload.content.at("a_key_of_tomorrow").integer() == 7);
    CHECK_FALSE(upload.size);
    CHECK_FALSE(upload.wants_macro);
}

TEST_CASE("a required key that is missing, empty or null is named, its value is not")
{
    const auto* const key = GENERATE("file", "project_name", "record_id", "redcap_event_name");
    CAPTURE(key);
    CHECK_THROWS_WITH(with(key, nullptr), Contains(key));
    CHECK_THROWS_WITH(with(key, ""), Contains(key));
    CHECK_THROWS_WITH(with(key, json::Array{"x"}), Contains(key));
    CHECK_THROWS_WITH(with(key, "say 'x'\n../"), Contains(key) && !Contains("say"));
}

TEST_CASE("a missing or null import folder is none, not a folder of that name")
{
    CHECK(with("project_pat_import_folder", nullptr).import_folder.empty());
    CHECK(parse_upload(json::write(plain())).import_folder.empty());
    CHECK(with("project_pat_import_folder", "/mnt/x").import_folder == "/mnt/x");
}

TEST_CASE("the image of an upload stays below uploads")
{
    const auto* const file =
        GENERATE("x.svs", "/etc/passwd", "uploads", "uploads/", "uploads/../x.svs", "uploads/./x",
                 "uploads/.x.svs", "uploads//x.svs", "uploads/x.json", "../uploads/x.svs",
                 "uploads_done/x.svs", "uploads/a/../../../x.svs");
    CAPTURE(file);
    CHECK_THROWS_AS(with("file", file), Error);
}

TEST_CASE("size and md5 are numbers, a national identity number is no pseudonym")
{
    CHECK(with("size", "12").size == 12);
    CHECK(with("size", 12).size == 12);
    CHECK_THROWS_AS(with("size", "12 MB"), Error);
    CHECK_THROWS_AS(with("size", "-1"), Error);
    CHECK(with("md5", std::string(32, 'A')).md5 == std::string(32, 'a'));
    CHECK_THROWS_AS(with("md5", "123"), Error);
    CHECK_THROWS_WITH(with("record_id", "01810750126"), Contains("national"));
    CHECK_THROWS_WITH(with("patho_specimen", "Kidney 018107 50126"), Contains("national"));
    CHECK_THROWS_WITH(with("patho_note", "01810750126"), Contains("national"));
}

TEST_CASE("a JSON that is none, or whose values are huge, is refused")
{
    CHECK_THROWS_AS(parse_upload(""), Error);
    CHECK_THROWS_AS(parse_upload("[]"), Error);
    CHECK_THROWS_AS(parse_upload(R"({"file": )"), Error);
    CHECK_THROWS_AS(with("patho_stain", std::string(2000, 'x')), Error);
    CHECK_THROWS_AS(with("patho_stain", std::string{"a\0b", 3}), Error);
}

TEST_CASE("names of slides are one part of a path")
{
    CHECK(safe_name("a/b") == "a_b");
    CHECK(safe_name("..") == "__");
    CHECK(safe_name(".hidden") == "_hidden");
    CHECK(safe_name("a\nb\x7f") == "a_b_");
    CHECK(safe_name("") == "_");
    CHECK(safe_name("\xff") == "_");
    CHECK(safe_name(std::string(300, 'x')).size() == 200);
    // "ø" has two bytes, and is not cut in two.
    CHECK(safe_name("x" + std::string(199, 'y').replace(198, 1, "ø")).size() == 199);
}

TEST_CASE("specimen and stain are called by code and text")
{
    SlideRecord record;
    CHECK(specimen_name(record) == "unknown");
    CHECK(stain_name(record) == "unknown");
    record.specimen = "Kidney [64033007]";
    record.stain = "[12710003] 06 HE";
    record.slide_nr = "06";
    CHECK(specimen_name(record) == "64033007");
    CHECK(stain_name(record) == "06 06 HE");
    record.specimen = "Kidney";
    record.stain = "HE";
    CHECK(specimen_name(record) == "Kidney");
    CHECK(stain_name(record) == "HE");
    record.specimen = "]x[";
    CHECK(specimen_name(record) == "]x[");
}

TEST_CASE("a file name of wsi2fiona is taken apart, any other is not")
{
    const auto keys = keys_of_file_name("kidney_0001_02_0003_0004_05_06_DEP_HE.svs", "DEMO");
    CHECK(json::Value{keys}.text("record_id") == "DEMO_0001");
    CHECK(json::Value{keys}.text("patho_specimen") == "kidney");
    CHECK(json::Value{keys}.text("patho_biopsy_id") == "02");
    CHECK(json::Value{keys}.text("patho_slide_id") == "0003");
    CHECK(json::Value{keys}.text("patho_image_id") == "0004");
    CHECK(json::Value{keys}.text("patho_block_nr") == "05");
    CHECK(json::Value{keys}.text("patho_slide_nr") == "06");
    CHECK(json::Value{keys}.text("patho_department") == "DEP");
    CHECK(json::Value{keys}.text("patho_stain") == "HE");
    CHECK(keys_of_file_name("CMU-1.svs", "DEMO").empty());
    CHECK(keys_of_file_name("kidney_0001_02_0003_0004_05_06_DEP_HE.jpg", "DEMO").empty());
    CHECK(keys_of_file_name("kidney__02_0003_0004_05_06_DEP_HE.svs", "DEMO").empty());
}
