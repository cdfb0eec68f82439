// SPDX-License-Identifier: MIT
#include "libfiona/transfer/selection.h"
#include "tests/support/transfer_site.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;
using transfer::Fate;

namespace {

redcap::ResearchProject project()
{
    return redcap::ResearchProject{.name = ProjectName{"DEMO"},
                                   .active = true,
                                   .participant_pattern = {},
                                   .token = {},
                                   .remove_presentation_states = false,
                                   .never_rewrite_pixels = false,
                                   .remove_secondary_captures = false,
                                   .import_rule_tag = {},
                                   .import_rule_regexp = {},
                                   .pixel_exclusions = {}};
}

transfer::Image only_image(const TransferSite& site, const redcap::ResearchProject& rules)
{
    const auto images = transfer::select_images(store::StudyTree{site.paths()},
                                                StudyUid{SmallImage{}.study}, rules);
    REQUIRE(images.size() == 1);
    return images.front();
}

json::Object classified(const std::string& type, const std::string& description = "t1")
{
    return {{"ClassifyType", json::Array{type}}, {"SeriesDescription", description}};
}

} // namespace

TEST_CASE("an ordinary image may leave, and its size is known")
{
    const TransferSite site;
    site.add({});

    const auto image = only_image(site, project());

    CHECK(image.fate == Fate::send);
    CHECK(image.reason.empty());
    CHECK(image.bytes > 512);
}

TEST_CASE("a series without readable JSON is held")
{
    const auto* const content = GENERATE("", "{", "[]");
    const TransferSite site;
    site.add({});
    const auto file = store::StudyTree{site.paths()}.series_json(StudyUid{SmallImage{}.study},
                                                                 SeriesUid{SmallImage{}.series});
    std::filesystem::remove(file);
    if (*content != '\0') {
        std::ofstream{file} << content;
    }

    CHECK(only_image(site, project()).fate == Fate::hold);
}

TEST_CASE("a series marked for burned-in text is cleaned unless the project never rewrites pixels")
{
    const TransferSite site;
    site.add({}, classified("CHECKBURNEDINFO"));

    const auto marked = only_image(site, project());
    CHECK(marked.fate == Fate::clean);
    CHECK(marked.decoded_bytes == 16 * 16 * 2);

    auto never = project();
    never.never_rewrite_pixels = true;
    CHECK(only_image(site, never).fate == Fate::send);
}

TEST_CASE("a shadow series may leave only as an original MR or CT image")
{
    const TransferSite site;
    SmallImage image;
    SECTION("original")
    {
        site.add(image, classified("CHECKBURNEDINFO", "(shadow) t1"));
        CHECK(only_image(site, project()).fate == Fate::send);
    }
    SECTION("derived")
    {
        image.image_type = "DERIVED\\SECONDARY";
        site.add(image, classified("CHECKBURNEDINFO", "(shadow) t1"));
        CHECK(only_image(site, project()).fate == Fate::clean);
    }
    SECTION("another modality")
    {
        image.modality = "CR";
        image.sop_class = "1.2.840.10008.5.1.4.1.1.1";
        site.add(image, classified("CHECKBURNEDINFO", "(shadow) t1"));
        CHECK(only_image(site, project()).fate == Fate::clean);
    }
    SECTION("the mark is not at the start")
    {
        site.add(image, classified("CHECKBURNEDINFO", "t1 (shadow) "));
        CHECK(only_image(site, project()).fate == Fate::clean);
    }
}

TEST_CASE("a file whose own header speaks of text in the picture is cleaned whatever the JSON says")
{
    struct Case {
        const char* sop_class;
        const char* modality;
        const char* image_type;
        const char* burned_in;
    };
    const auto given =
        GENERATE(Case{"1.2.840.10008.5.1.4.1.1.4", "MR", "ORIGINAL\\PRIMARY", "YES"},
                 Case{"1.2.840.10008.5.1.4.1.1.7", "MR", "DERIVED\\SECONDARY", "NO"},
                 Case{"1.2.840.10008.5.1.4.1.1.7.4", "OT", "DERIVED\\SECONDARY", "NO"},
                 Case{"1.2.840.10008.5.1.4.1.1.6.1", "US", "ORIGINAL\\PRIMARY", "NO"},
                 Case{"1.2.840.10008.5.1.4.1.1.3.1", "US", "ORIGINAL\\PRIMARY", "NO"},
                 Case{"1.2.840.10008.5.1.4.1.1.77.1.1.1", "ES", "ORIGINAL\\PRIMARY", "NO"},
                 Case{"1.2.840.10008.5.1.4.1.1.77.1.4", "XC", "ORIGINAL\\PRIMARY", "NO"},
                 Case{"1.2.840.10008.5.1.4.1.1.2", "OT", "ORIGINAL\\PRIMARY", "NO"},
                 Case{"1.2.840.10008.5.1.4.1.1.2", "CT", "DERIVED\\SECONDARY\\SCREEN SAVE", "NO"});
    CAPTURE(given.sop_class, given.modality, given.image_type, given.burned_in);
    const TransferSite site;
    SmallImage image;
    image.sop_class = given.sop_class;
    image.modality = given.modality;
    image.image_type = given.image_type;
    image.more = {{"BurnedInAnnotation", given.burned_in}};
    site.add(image);

    const auto selected = only_image(site, project());

    CHECK(selected.fate == Fate::clean);
    CHECK(selected.reason.empty());
}

TEST_CASE("an image with an overlay in bits that no sample uses is cleaned")
{
    const TransferSite site;
    SmallImage image; // of 12 bits in 16
    SECTION("in such a bit")
    {
        image.more = {{"OverlayBitPosition", "12"}};
        site.add(image);
        CHECK(only_image(site, project()).fate == Fate::clean);
        auto never = project();
        never.never_rewrite_pixels = true;
        CHECK(only_image(site, never).fate == Fate::send); // de-identification refuses it
    }
    SECTION("also if it has data of its own, or an element without")
    {
        image.more = {{"OverlayBitPosition", "12"}, {"OverlayData", GENERATE("", "0101\\0202")}};
        site.add(image);
        CHECK(only_image(site, project()).fate == Fate::clean);
    }
    SECTION("in a bit of the samples, where there can be none")
    {
        image.more = {{"OverlayBitPosition", "0"}};
        site.add(image);
        CHECK(only_image(site, project()).fate == Fate::send);
    }
}

TEST_CASE("a project's exclusions exempt the images whose value begins so, and no others")
{
    struct Case {
        const char* tag;
        const char* pattern;
        Fate fate;
    };
    const auto given = GENERATE(
        Case{"0008,103E", "t1 syn", Fate::send}, Case{"0008,103e", ".*thetic", Fate::send},
        Case{"0008,103E", "synthetic", Fate::clean}, Case{"0020,4000", "t1", Fate::clean},
        Case{"0008,103E", "t1(", Fate::clean}, Case{"SeriesDescription", "t1", Fate::clean});
    CAPTURE(given.tag, given.pattern);
    const TransferSite site;
    SmallImage image;
    image.sop_class = "1.2.840.10008.5.1.4.1.1.7";
    site.add(image);
    auto rules = project();
    rules.pixel_exclusions = {{given.tag, given.pattern}};

    CHECK(only_image(site, rules).fate == given.fate);
}

TEST_CASE("what is marked for burned-in text but has no pixels is sent")
{
    const TransferSite site;
    SmallImage image;
    image.modality = "SR";
    image.sop_class = "1.2.840.10008.5.1.4.1.1.88.11";
    image.pixels = SmallImage::Pixels::none;
    site.add(image, classified("CHECKBURNEDINFO"));

    CHECK(only_image(site, project()).fate == Fate::send);
}

TEST_CASE("classes whose numbers only begin alike are not taken for one another")
{
    const auto* const sop_class =
        GENERATE("1.2.840.10008.5.1.4.1.1.66", // raw data: begins as .6
                 "1.2.840.10008.5.1.4.1.1.30", "1.2.840.10008.5.1.4.1.1.77.1.6");
    const TransferSite site;
    SmallImage image;
    image.sop_class = sop_class;
    site.add(image);

    CHECK(only_image(site, project()).fate == Fate::send);
}

TEST_CASE("presentation states and secondary captures are skipped where the project says so")
{
    const TransferSite site;
    auto rules = project();
    SmallImage image;
    SECTION("presentation state by the JSON")
    {
        rules.remove_presentation_states = true;
        site.add(image, {{"Modality", json::Array{"PR"}}});
    }
    SECTION("presentation state by its class")
    {
        rules.remove_presentation_states = true;
        image.sop_class = "1.2.840.10008.5.1.4.1.1.11.1";
        site.add(image);
    }
    SECTION("secondary capture by classification, even if pixels are never rewritten")
    {
        rules.remove_secondary_captures = true;
        rules.never_rewrite_pixels = true;
        site.add(image, classified("CHECKBURNEDINFO"));
    }
    SECTION("secondary capture by its class")
    {
        rules.remove_secondary_captures = true;
        image.sop_class = "1.2.840.10008.5.1.4.1.1.7";
        site.add(image);
    }

    CHECK(only_image(site, rules).fate == Fate::skip);
    CHECK(only_image(site, project()).fate != Fate::skip);
}

TEST_CASE("a link without a file and a file that is no DICOM are refused with a reason of ours")
{
    const TransferSite site;
    site.add({});
    const auto link = store::StudyTree{site.paths()}
                          .instances(StudyUid{SmallImage{}.study}, SeriesUid{SmallImage{}.series})
                          .front();
    SECTION("gone")
    {
        std::filesystem::remove(std::filesystem::read_symlink(link));
    }
    SECTION("cut short")
    {
        std::filesystem::resize_file(link, 300);
    }

    const auto image = only_image(site, project());

    CHECK(image.fate == Fate::refuse);
    CHECK_FALSE(image.reason.empty());
    CHECK(image.reason.find(SmallImage{}.sop) == std::string::npos);
}
