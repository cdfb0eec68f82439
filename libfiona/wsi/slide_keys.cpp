// SPDX-License-Identifier: MIT
#include "libfiona/wsi/slide_keys.h"

#include <algorithm>
#include <optional>

namespace fiona::wsi {

namespace {

constexpr std::string_view unknown = "unknown";

std::string number_text(const std::optional<double>& number)
{
    return number ? fmt::format("{:.6g}", *number) : std::string{};
}

} // namespace

json::Object scanner_keys(const Slide& slide, const SlideIdentity& identity)
{
    const auto& facts = slide.facts();
    const auto levels = slide.levels();
    auto mpp = facts.mpp_x;
    if (facts.mpp_y && (!mpp || *facts.mpp_y < *mpp)) {
        mpp = facts.mpp_y;
    }
    auto manufacturer = facts.manufacturer;
    auto model = facts.model;
    json::Object keys;
    switch (slide.format()) {
    case SlideFormat::aperio:
        manufacturer = "Aperio";
        model = identity.device(slide.scanner_id());
        mpp = facts.mpp_x;
        keys.emplace("patho_app_mag", number_text(facts.objective_power));
        keys.emplace("patho_parmset", facts.parmset);
        break;
    case SlideFormat::hamamatsu:
        manufacturer = "Hamamatsu";
        keys.emplace("patho_resolution", facts.resolutions);
        keys.emplace("patho_objective_lens_magnificant", number_text(facts.objective_power));
        break;
    case SlideFormat::generic_tiff:
    case SlideFormat::other:
        keys.emplace("patho_app_mag", number_text(facts.objective_power));
        break;
    }
    keys.emplace("patho_scanner_manufacturer", manufacturer);
    keys.emplace("patho_scanner_model", model.empty() ? std::string{unknown} : model);
    keys.emplace("patho_mpp", number_text(mpp));
    keys.emplace("patho_scan_date", identity.moved(slide.scan_date()));
    keys.emplace("patho_image_size_x", std::to_string(levels.front().width));
    keys.emplace("patho_image_size_y", std::to_string(levels.front().height));
    std::erase_if(keys, [](const auto& item) { return item.second.string().empty(); });
    return keys;
}

} // namespace fiona::wsi
