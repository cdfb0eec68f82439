// SPDX-License-Identifier: MIT
#include "libfiona/classify/series_fields.h"
#include "tests/unit/classify/made_image.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <cstring>

using namespace fiona;

namespace {

json::Object fields_of(const char* manufacturer, const std::function<void(DcmDataset&)>& change)
{
    return classify::series_fields(made_image({{"0008,0070", manufacturer}}, change), {});
}

/// `b value / directionality / components`
std::string weighting(const json::Object& fields)
{
    const auto found = fields.find("diffusionInformation");
    if (found == fields.end()) {
        return "none";
    }
    const auto& entry = found->second.array().at(0);
    auto result = entry.text("B_value") + " / " + entry.text("DiffusionDirectionality") + " /";
    for (const auto& component : entry.find("DiffusionGradientDirection")->array()) {
        result += " " + component.text();
    }
    return result;
}

std::vector<std::byte> floats(std::vector<float> values)
{
    std::vector<std::byte> bytes(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

} // namespace

TEST_CASE("GE says the b-value among other numbers, sometimes with a bias of a thousand million")
{
    const auto ge = [](const char* numbers) {
        return fields_of("GE MEDICAL SYSTEMS", [&](DcmDataset& set) {
            put_text(set, {0x0019, 0x0010}, "LO", "GEMS_ACQU_01");
            put_text(set, {0x0019, 0x10bb}, "DS", "0.5");
            put_text(set, {0x0019, 0x10bc}, "DS", "-0.5");
            put_text(set, {0x0019, 0x10bd}, "DS", "0.70711");
            put_text(set, {0x0043, 0x0011}, "LO", "GEMS_PARM_01");
            put_text(set, {0x0043, 0x1139}, "IS", numbers);
        });
    };

    CHECK(weighting(ge("1000\\8\\0\\0")) == "1000 /  / 0.5 -0.5 0.70711");
    CHECK(weighting(ge("1000000750\\8\\0\\0")) == "750 /  / 0.5 -0.5 0.70711");
    CHECK(weighting(ge("0\\8\\0\\0")) == "none"); // every GE image says so
    CHECK(ge("1000\\8\\0\\0").at("DiffusionBValues") == json::Value{json::Array{"1000"}});
}

TEST_CASE("an unweighted image of a diffusion series counts")
{
    CHECK(weighting(fields_of("GE MEDICAL SYSTEMS",
                              [](DcmDataset& set) {
                                  put_text(set, {0x0019, 0x0010}, "LO", "GEMS_ACQU_01");
                                  put_text(set, {0x0019, 0x10e0}, "DS", "30");
                                  put_text(set, {0x0043, 0x0010}, "LO", "GEMS_PARM_01");
                                  put_text(set, {0x0043, 0x1039}, "IS", "0\\8\\0\\0");
                              }))
          == "0 /  /");
    CHECK(weighting(fields_of("Philips",
                              [](DcmDataset& set) {
                                  put_text(set, {0x2001, 0x0010}, "LO", "Philips Imaging DD 001");
                                  put_text(set, {0x2001, 0x1003}, "FL", "0");
                                  put_text(set, {0x2001, 0x1020}, "LO", "DwiSE");
                              }))
          == "0 /  /");
}

TEST_CASE("Philips' numbers are found by creator, as floats and as bytes of unknown kind")
{
    const auto by_vr = fields_of("Philips", [](DcmDataset& set) {
        put_text(set, {0x2001, 0x0010}, "LO", "Philips Imaging DD 001");
        put_text(set, {0x2001, 0x1003}, "FL", "1000");
        put_text(set, {0x2005, 0x0012}, "LO", "Philips MR Imaging DD 001");
        put_text(set, {0x2005, 0x12b0}, "FL", "1");
        put_text(set, {0x2005, 0x12b1}, "FL", "0");
        put_text(set, {0x2005, 0x12b2}, "FL", "-0.5");
    });
    CHECK(weighting(by_vr) == "1000 /  / 1.0 0.0 -0.5");

    const auto by_bytes = fields_of("Philips", [](DcmDataset& set) {
        put_text(set, {0x2001, 0x0010}, "LO", "Philips Imaging DD 001");
        put_bytes(set, {0x2001, 0x1003}, BytesVr::un, floats({800}));
    });
    CHECK(weighting(by_bytes) == "800 /  /");
}

TEST_CASE("United Imaging's private elements say it, too")
{
    const auto fields = fields_of("UIH", [](DcmDataset& set) {
        put_text(set, {0x0065, 0x0010}, "LO", "Image Private Header");
        put_text(set, {0x0065, 0x1009}, "FD", "928.5");
        put_text(set, {0x0065, 0x1037}, "FD", "0.6\\0.8\\0");
    });

    CHECK(weighting(fields) == "928.5 /  / 0.6 0.8 0.0");
}

TEST_CASE("standard attributes come first, wherever they are")
{
    const auto at_the_top = fields_of("GE MEDICAL SYSTEMS", [](DcmDataset& set) {
        put_text(set, {0x0018, 0x9087}, "FD", "500");
        put_text(set, {0x0018, 0x9075}, "CS", "DIRECTIONAL");
        put_text(set, {0x0018, 0x9089}, "FD", "0\\0\\1");
        put_text(set, {0x0043, 0x0010}, "LO", "GEMS_PARM_01");
        put_text(set, {0x0043, 0x1039}, "IS", "1000000500\\8\\0\\0");
    });
    CHECK(weighting(at_the_top) == "500 / DIRECTIONAL / 0.0 0.0 1.0");

    const auto in_frames = fields_of("CANON_MEC", [](DcmDataset& set) {
        for (const auto* const b_value : {"0", "1000", "0", "3000"}) {
            auto& diffusion = add_item(add_item(set, {0x5200, 0x9230}), {0x0018, 0x9117});
            put_text(diffusion, {0x0018, 0x9087}, "FD", b_value);
            put_text(diffusion, {0x0018, 0x9075}, "CS", *b_value == '0' ? "NONE" : "DIRECTIONAL");
        }
    });
    CHECK(weighting(in_frames) == "0 / NONE /");
    CHECK(in_frames.at("DiffusionBValues") == json::Value{json::Array{"0", "1000", "3000"}});
}

TEST_CASE("images of other modalities and without b-value say nothing")
{
    CHECK(weighting(fields_of("Philips", {})) == "none");
    const auto spectrum =
        classify::series_fields(made_image({{"0008,0060", "CT"}},
                                           [](DcmDataset& set) {
                                               put_text(set, {0x0018, 0x9087}, "FD", "500");
                                           }),
                                {});
    CHECK(weighting(spectrum) == "none");
    CHECK_FALSE(spectrum.contains("DiffusionBValues"));
}
